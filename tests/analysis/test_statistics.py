import math

import numpy as np
import pytest
from scipy import optimize, stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

from barlowcli.analysis.statistics import (
    Interval,
    estimate,
    holm,
    paired_differences,
    pool,
    ratio_interval,
    slope_weights,
    t_interval,
)


def draws(n: int, seed: int, mean: float = 0.3, sd: float = 0.02) -> list[float]:
    return [float(value) for value in np.random.default_rng(seed).normal(mean, sd, n)]


@pytest.mark.parametrize("n", [3, 5, 9])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_the_interval_is_that_of_statsmodels(n: int, confidence: float) -> None:
    values = draws(n, n)
    low, high = DescrStatsW(values).tconfint_mean(alpha=1 - confidence)
    found = t_interval(values, confidence)
    assert found.low == pytest.approx(low)
    assert found.high == pytest.approx(high)
    assert found.mean == pytest.approx(np.mean(values))
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert found.half_width == pytest.approx((high - low) / 2)


def test_fewer_than_three_values_have_no_interval() -> None:
    assert t_interval([0.4]) == Interval(0.4, None, None, 1, None)
    two = t_interval([0.4, 0.6])
    assert (two.low, two.high, two.half_width) == (None, None, None)
    assert two.sd == pytest.approx(math.sqrt(0.02))
    with pytest.raises(ValueError, match="at least one"):
        t_interval([])


def test_differences_are_paired_by_the_seeds_that_both_have() -> None:
    assert paired_differences({2: 0.5, 0: 0.25, 7: 1.0}, {0: 0.125, 2: 1.0, 3: 0.0}) == {0: 0.125, 2: -0.5}


@pytest.mark.parametrize("bound", [-0.1, 0.29, 0.3, 0.4])
def test_one_sided_tests_are_those_of_scipy(bound: float) -> None:
    values = draws(5, 3)
    assert estimate(values).above(bound) == pytest.approx(
        stats.ttest_1samp(values, bound, alternative="greater").pvalue
    )
    assert estimate(values).below(bound) == pytest.approx(stats.ttest_1samp(values, bound, alternative="less").pvalue)


def test_a_test_needs_three_values() -> None:
    with pytest.raises(ValueError, match="needs 3"):
        estimate([0.1, 0.2])


def test_without_spread_p_is_0_or_1_and_never_nan() -> None:
    saturated = [0.0, 0.0, 0.0]
    same = estimate(saturated)
    assert (same.inside(0.01), same.outside(0.01)) == (0, 1)
    assert same.above() == same.below() == 1  # nothing says that 0 is above or below 0
    rounding = [0.7 - 0.4, 0.6 - 0.3, 0.9 - 0.6]  # three floats beside .3
    assert len(set(rounding)) == 3
    assert t_interval(rounding).sd == 0
    assert estimate(rounding).above(0.2) == 0
    assert estimate(rounding).above(0.3) == 1
    interval = t_interval(rounding)
    assert interval.low == interval.high == interval.mean


@pytest.mark.parametrize("seed", range(20))
def test_holm_is_that_of_statsmodels(seed: int) -> None:
    p_values = np.random.default_rng(seed).uniform(0, 0.2, seed % 6 + 1).tolist()
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_keeps_ties_and_stays_below_one() -> None:
    assert holm([0.02, 0.02, 0.9]) == pytest.approx([0.06, 0.06, 0.9])
    assert holm([0.8, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


def paired_ratio(x: list[float], y: list[float], confidence: float = 0.95) -> Interval:
    covariance = np.cov(x, y) / len(x)
    return ratio_interval((float(np.mean(x)), float(np.mean(y))), covariance, len(x) - 1, len(x), confidence)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_fieller_ends_where_a_t_test_of_the_contrast_begins_to_reject(seed: int, confidence: float) -> None:
    rng = np.random.default_rng(seed)
    whole = rng.normal(0.4, 0.02, 4)
    gains = 0.3 * whole + rng.normal(0, 0.02, 4)

    def excess(g: float) -> float:
        return float(stats.ttest_1samp(gains - g * whole, 0).pvalue) - (1 - confidence)

    found = paired_ratio(gains.tolist(), whole.tolist(), confidence)
    assert found.mean == pytest.approx(gains.mean() / whole.mean())
    assert found.low == pytest.approx(optimize.brentq(excess, found.mean - 2, found.mean, xtol=1e-13), abs=1e-9)
    assert found.high == pytest.approx(optimize.brentq(excess, found.mean, found.mean + 2, xtol=1e-13), abs=1e-9)


def test_fieller_has_no_ends_where_the_denominator_may_be_nothing() -> None:
    found = paired_ratio([0.1, 0.2, 0.1], [0.1, -0.05, 0.02])
    assert (found.low, found.high) == (None, None)


def test_fieller_without_spread_has_no_width() -> None:
    found = paired_ratio([0.125] * 3, [0.5] * 3)
    assert (found.mean, found.low, found.high) == pytest.approx((0.25, 0.25, 0.25))


@pytest.mark.parametrize("margin", [0.005, 0.02, 0.1])
def test_inside_a_margin_is_the_tost_of_statsmodels(margin: float) -> None:
    first, second = draws(5, 1), draws(5, 2)
    found = estimate([a - b for a, b in zip(first, second, strict=True)])
    assert found.inside(margin) == pytest.approx(ttost_paired(np.array(first), np.array(second), -margin, margin)[0])


@pytest.mark.parametrize("seed", range(40))
def test_inside_and_outside_at_a_side_are_read_off_the_95_per_cent_interval(seed: int) -> None:
    differences, margin = draws(4, seed, mean=0.02 * (seed % 5 - 2), sd=0.01), 0.02
    low, high = DescrStatsW(differences).tconfint_mean(alpha=0.05)
    found = estimate(differences)
    assert (found.interval().low, found.interval().high) == pytest.approx((low, high))
    assert (found.inside(margin) < 0.025) == (-margin < low and high < margin)
    assert (found.outside(margin) < 0.025) == (high < -margin or low > margin)


def test_the_pool_is_the_residual_variance_of_least_squares_and_bartletts_test() -> None:
    arms = [draws(n, n, mean=mean, sd=sd) for n, mean, sd in ((3, 0.2, 0.01), (5, 0.5, 0.02), (4, 0.9, 0.01))]
    found = pool([*arms, [0.3], []])  # one value has no variance
    y = np.concatenate(arms)
    design = np.repeat(np.eye(3), [3, 5, 4], axis=0)
    fit = OLS(y, design).fit()
    assert found is not None
    assert (found.variance, found.df, found.arms) == pytest.approx((fit.mse_resid, fit.df_resid, 3))
    assert found.p_equal == pytest.approx(stats.bartlett(*arms).pvalue)


def test_without_spread_or_a_second_arm_there_is_no_pool() -> None:
    assert pool([[0.1, 0.2, 0.3]]) is None
    assert pool([[0.1, 0.2, 0.3], [0.5]]) is None
    assert pool([[0.1] * 3, [0.2] * 3]) is None
    mixed = pool([[0.1] * 3, [0.1, 0.2, 0.3]])
    assert mixed is not None
    assert (mixed.variance, mixed.p_equal) == pytest.approx((0.005, 0))


def test_a_slope_is_that_of_least_squares() -> None:
    x, y = [4.0, 5.0, 8.0, 10.0], draws(4, 1)
    assert np.dot(slope_weights(x), y) == pytest.approx(stats.linregress(x, y).slope)
    with pytest.raises(ValueError, match="two different values"):
        slope_weights([3.0, 3.0])
