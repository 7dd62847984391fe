"""Intervals and tests over seeds. Plain numbers in, plain numbers out.

All tests are Student t on one number a seed. Where every seed gave the same number there is no spread to test
against: intervals then have no width and p is 0 or 1, whichever the numbers say, never NaN.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, stdtr, stdtrit  # scipy.stats has the same, and takes two seconds to import

MIN_SEEDS = 3
"""Fewer have no interval and no test (two numbers give an interval 12.7 standard errors wide each way)."""

NO_SPREAD = 1e-12
"""Standard deviations below this are rounding: accuracies are counts over at most some 1e5 images."""


@dataclass(frozen=True)
class Interval:
    """A mean with its two-sided interval. low, high: None where n < 3; sd: None where n < 2."""

    mean: float
    low: float | None
    high: float | None
    n: int
    sd: float | None
    confidence: float = 0.95

    @property
    def half_width(self) -> float | None:
        """Distance from the mean to either end."""
        return None if self.high is None else self.high - self.mean


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its standard error, to be tested by Student t.

    error: of the mean; 0 where there is no spread to test by. df: degrees of freedom of the error. n: seeds.
    sd: of the n numbers themselves.
    """

    mean: float
    error: float
    df: float
    n: int
    sd: float

    def above(self, bound: float = 0.0) -> float:
        """One-sided p of "the true mean is at most `bound`"."""
        distance = self.mean - bound
        if self.error == 0:
            return 0.0 if distance > NO_SPREAD else 1.0
        return float(stdtr(self.df, -distance / self.error))

    def below(self, bound: float = 0.0) -> float:
        """One-sided p of "the true mean is at least `bound`"."""
        return replace(self, mean=-self.mean).above(-bound)

    def inside(self, margin: float) -> float:
        """p of "the true mean is not inside +-`margin`": two one-sided tests (Schuirmann 1987), both must hold.

        At most .025 exactly where the 95 % interval lies inside.
        """
        return max(self.above(-margin), self.below(margin))

    def outside(self, margin: float) -> float:
        """p of "the true mean is inside +-`margin`": at most .025 where the 95 % interval lies outside.

        The smaller of two one-sided tests, each for one end. Not doubled: where the margin is wide beside the standard
        error only one end can come near; where it is not, an error can come up to twice as often.
        """
        return min(self.above(margin), self.below(-margin))

    def interval(self, confidence: float = 0.95) -> Interval:
        """Mean +- t(df) x error."""
        half = float(stdtrit(self.df, (1 + confidence) / 2)) * self.error
        return Interval(self.mean, self.mean - half, self.mean + half, self.n, self.sd, confidence)


@dataclass(frozen=True)
class Pool:
    """The scatter over seeds that all arms share.

    variance: of one accuracy within its arm, the mean of the arms' own weighted by their degrees of freedom, df: the
    sum of these. p_equal: of Bartlett's test that all arms scatter alike. arms: how many there are.
    """

    variance: float
    df: int
    p_equal: float
    arms: int


def _standard_deviation(values: Sequence[float]) -> float:
    """With n - 1; exactly 0 where the values differ by no more than rounding."""
    mean = math.fsum(values) / len(values)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return 0.0 if sd < NO_SPREAD else sd


def t_interval(values: Sequence[float], confidence: float = 0.95) -> Interval:
    """Mean of `values` (n,) with its Student t interval, mean +- t(n - 1) sd / sqrt(n).

    Raises ValueError where there are none.
    """
    n = len(values)
    if n == 0:
        raise ValueError("a mean needs at least one value")
    mean = math.fsum(values) / n
    sd = _standard_deviation(values) if n > 1 else None
    if sd is None or n < MIN_SEEDS:
        return Interval(mean, None, None, n, sd, confidence)
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * sd / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n, sd, confidence)


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of one number a seed, `values` (n,), with n - 1 degrees of freedom. Raises ValueError where n < 3."""
    n = len(values)
    if n < MIN_SEEDS:
        raise ValueError(f"a test needs {MIN_SEEDS} values, got {n}")
    sd = _standard_deviation(values)
    return Estimate(math.fsum(values) / n, sd / math.sqrt(n), n - 1, n, sd)


def pool(arms: Sequence[Sequence[float]]) -> Pool | None:
    """The variance within arms, pooled over `arms` (values by seed each) that have two values or more.

    None where fewer than two arms have, or where there is no spread. p_equal is 0 where an arm without spread stands
    beside one with it.
    """
    scattered = [values for values in arms if len(values) > 1]
    if len(scattered) < 2:
        return None
    variances = [_standard_deviation(values) ** 2 for values in scattered]
    degrees = [len(values) - 1 for values in scattered]
    df = sum(degrees)
    variance = math.fsum(d * v for d, v in zip(degrees, variances, strict=True)) / df
    if variance == 0:
        return None
    return Pool(variance, df, _bartlett(variances, degrees, variance), len(scattered))


def _bartlett(variances: Sequence[float], degrees: Sequence[int], pooled: float) -> float:
    """p of Bartlett's test of equal variances (Bartlett 1937, Proc. R. Soc. A 160, 268-282)."""
    if min(variances) == 0:
        return 0.0
    df = sum(degrees)
    excess = math.fsum(d * math.log(pooled / v) for d, v in zip(degrees, variances, strict=True))
    correction = 1 + (math.fsum(1 / d for d in degrees) - 1 / df) / (3 * (len(variances) - 1))
    return float(chdtrc(len(variances) - 1, excess / correction))


def slope_weights(x: Sequence[float]) -> list[float]:
    """Weights w such that sum of w y is the least-squares slope of y on `x` (k,): (x - mean) / sum of (x - mean)^2.

    Raises ValueError where all x are the same.
    """
    mean = math.fsum(x) / len(x)
    sxx = math.fsum((value - mean) ** 2 for value in x)
    if sxx == 0:
        raise ValueError("a slope needs two different values to be taken over")
    return [(value - mean) / sxx for value in x]


def paired_differences(first: Mapping[int, float], second: Mapping[int, float]) -> dict[int, float]:
    """Seed -> first - second, for the seeds that both have, in their order."""
    return {seed: first[seed] - second[seed] for seed in sorted(first.keys() & second.keys())}


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p values, in the order given (Holm 1979)."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def ratio_interval(
    means: tuple[float, float], covariance: npt.NDArray[np.float64], df: float, n: int, confidence: float = 0.95
) -> Interval:
    """Ratio of two means with Fieller's interval (Fieller 1954, J. R. Stat. Soc. B 16, 175-185).

    covariance: (2, 2), of the two means, with `df` degrees of freedom. The interval holds every g for which a t test
    does not reject mean(numerator - g denominator) = 0, so it agrees with the one-sided tests of that contrast. low
    and high are None where the denominator is not clear of 0 at this confidence, for then the set has no ends. sd is
    None: a ratio of means has none. Raises ZeroDivisionError where the denominator is 0.
    """
    mean_x, mean_y = means
    ratio = mean_x / mean_y
    t_squared = float(stdtrit(df, (1 + confidence) / 2)) ** 2
    # a g^2 - 2 b g + c <= 0
    a = mean_y**2 - t_squared * float(covariance[1, 1])
    b = mean_x * mean_y - t_squared * float(covariance[0, 1])
    c = mean_x**2 - t_squared * float(covariance[0, 0])
    if a <= 0:
        return Interval(ratio, None, None, n, None, confidence)
    root = math.sqrt(max(0.0, b**2 - a * c))
    return Interval(ratio, (b - root) / a, (b + root) / a, n, None, confidence)
