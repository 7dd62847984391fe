"""Linear combinations of means over seeds, and the variance by which they are tested.

Three ways to the standard error of a combination:

- paired: from the combination's own value at each seed, n - 1 degrees of freedom. It needs no assumption on the arms.
- welch: each arm's own variance, added up, with Satterthwaite's degrees of freedom (Welch 1947, Biometrika 34, 28-35).
  It takes arms of one seed as independent, which costs power, not validity, where they go together.
- pooled: the variance within all arms of the plan, with the degrees of freedom of all of them, only where all arms
  scatter alike and a guard finds no sign that the arms compared scatter more than the rest.

An experiment declares "paired" or "pooled" before its run. A pool whose guard does not pass falls back to "welch", not
to "paired": a guard strict enough to keep the error with "paired" behind it leaves no more power than "paired" alone
(bench/results/calibration.md). That Welch's test should follow without any guard: Zimmerman 2004, Br. J. Math. Stat.
Psychol. 57, 173-181.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import fdtrc  # scipy.stats takes two seconds to import

from barlowcli.analysis.statistics import Estimate, Pool, estimate

GUARD = 0.5
"""The guard passes above this p: where the arms compared seem to scatter no more than all. At 3 seeds a level of .2
lets errors of 6 % through, one of .05 errors of 12 %, where 2.5 % are said (bench/results/calibration.md)."""
ALIKE = 0.05
"""And where Bartlett's test finds all arms to scatter alike: the spread of arms that scatter widely says nothing of one
at 99 %, and would take all its power."""
VarianceName = Literal["paired", "pooled", "welch"]


@dataclass(frozen=True)
class Sample:
    """One side of a contrast.

    values: seed -> accuracy, or a linear combination of accuracies (a slope). key: equal keys are the same numbers.
    spread: variance of a value in units of that of one accuracy: 1; the sum of squared weights for a slope; 0 for a
    control with one number for every seed. parts: of a slope, weight and accuracy of every arm in it, at the same
    seeds: by its arms' own scatter a slope has many more degrees of freedom than by its value at each seed.
    """

    values: Mapping[int, float]
    key: Hashable
    spread: float = 1.0
    parts: "tuple[tuple[float, Sample], ...]" = ()


@dataclass(frozen=True)
class Contrast:
    """A sum of coefficient x sample, over the seeds that all have."""

    terms: tuple[tuple[float, Sample], ...]

    @classmethod
    def of(cls, *terms: tuple[float, Sample]) -> "Contrast":
        """Slopes are taken apart, and the coefficients of equal keys added up: A - A is nothing, without variance."""
        total: dict[Hashable, tuple[float, Sample]] = {}
        single = [(c * weight, part) for c, sample in terms for weight, part in sample.parts or ((1.0, sample),)]
        for coefficient, sample in single:
            before = total[sample.key][0] if sample.key in total else 0.0
            total[sample.key] = (before + coefficient, sample)
        return cls(tuple(total.values()))

    @property
    def seeds(self) -> list[int]:
        """Those that all samples have."""
        return sorted(set.intersection(*(set(sample.values) for _, sample in self.terms)))

    @property
    def values(self) -> list[float]:
        """Of the combination, by seed."""
        return [math.fsum(c * sample.values[seed] for c, sample in self.terms) for seed in self.seeds]

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return math.fsum(self.values) / len(self.values)

    def scatter(self, sample: Sample) -> float:
        """Variance of one of its samples over the seeds."""
        return estimate([sample.values[seed] for seed in self.seeds]).sd ** 2

    @property
    def parts(self) -> list[float]:
        """Variance of each term over the seeds, coefficient included."""
        return [c * c * self.scatter(sample) for c, sample in self.terms]


@dataclass(frozen=True)
class Variance:
    """The variance that all tests of a claim are taken by.

    guard: p of "the arms compared scatter no more than the pool says", the smallest of the contrasts it was asked for;
    None where no pool was given, or nothing scatters.
    """

    name: VarianceName
    pool: Pool | None = None
    guard: float | None = None

    def estimate(self, contrast: Contrast) -> Estimate:
        """The mean of a contrast with its standard error. Raises ValueError where n < 3."""
        own = estimate(contrast.values)
        if self.name == "paired":
            return own
        df = self.pool.df if self.pool is not None else satterthwaite(contrast)
        return Estimate(own.mean, math.sqrt(self.covariance(contrast, contrast)), df, own.n, own.sd)

    def covariance(self, first: Contrast, second: Contrast) -> float:
        """Of the means of two contrasts over the same seeds."""
        n = len(first.seeds)
        if self.name == "paired":
            return float(np.cov(first.values, second.values)[0, 1]) / n
        others = {sample.key: coefficient for coefficient, sample in second.terms}
        shared = [(c * others[sample.key], sample) for c, sample in first.terms if sample.key in others]
        if self.pool is not None:
            return self.pool.variance * math.fsum(weight * sample.spread for weight, sample in shared) / n
        return math.fsum(weight * first.scatter(sample) for weight, sample in shared) / n


PAIRED = Variance("paired")


def variance_for(contrasts: Sequence[Contrast], pool: Pool | None) -> Variance:
    """The variance that these contrasts are tested by together: paired without a pool, else pooled or Welch's."""
    if pool is None:
        return PAIRED
    guards = [p for contrast in contrasts if (p := guard(contrast, pool)) is not None]
    if not guards:
        return PAIRED
    passes = min(guards) > GUARD and pool.p_equal > ALIKE
    return Variance("pooled" if passes else "welch", pool if passes else None, min(guards))


def guard(contrast: Contrast, pool: Pool) -> float | None:
    """F test: p of "the arms of the contrast scatter no more than the pool says"; None where they have no variance.

    F = the contrast's variance by its arms' own scatter over that by the pool, with Satterthwaite's and the pool's
    degrees of freedom.
    """
    expected = pool.variance * math.fsum(c * c * sample.spread for c, sample in contrast.terms)
    if expected == 0:
        return None
    found = math.fsum(contrast.parts)
    return 1.0 if found == 0 else float(fdtrc(satterthwaite(contrast), pool.df, found / expected))


def satterthwaite(contrast: Contrast) -> float:
    """Degrees of freedom of a sum of variances with n - 1 each (Satterthwaite 1946, Biometrics Bull. 2, 110-114)."""
    parts = contrast.parts
    below = math.fsum(part**2 for part in parts)
    n = len(contrast.seeds)
    return (n - 1) * math.fsum(parts) ** 2 / below if below > 0 else float(n - 1)
