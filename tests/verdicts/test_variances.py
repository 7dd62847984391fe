"""Pooled and separate variances against statsmodels' least squares and scipy's Welch test."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import optimize, stats
from statsmodels.regression.linear_model import OLS

from barlowcli.analysis.statistics import Pool, pool, slope_weights
from barlowcli.verdicts.contrasts import SIDE, Outcome, Sample, above, equivalence, interaction, recovers, rises
from barlowcli.verdicts.variances import Contrast, Variance, guard, satterthwaite, variance_for

MEANS = (0.7, 0.3, 0.45, 0.5, 0.4, 0.62)


def draw(seed: int, n: int = 4, scatter: Sequence[float] = (0.01,) * 6) -> list[Sample]:
    rng = np.random.default_rng(seed)
    return [
        Sample(dict(enumerate(rng.normal(mean, sd, n).tolist())), key)
        for key, (mean, sd) in enumerate(zip(MEANS, scatter, strict=True))
    ]


def pool_of(arms: Sequence[Sample]) -> Pool:
    found = pool([list(arm.values.values()) for arm in arms])
    assert found is not None
    return found


def least_squares(arms: Sequence[Sample], weights: Sequence[float]) -> tuple[float, float, float]:
    """Estimate, standard error and t of a contrast of the arms' means, residual variance pooled over all arms."""
    y = np.array([value for arm in arms for value in arm.values.values()])
    design = np.repeat(np.eye(len(arms)), len(arms[0].values), axis=0)
    found = OLS(y, design).fit().t_test(np.array(weights))
    return found.effect.item(), found.sd.item(), found.tvalue.item()


def terms(arms: Sequence[Sample], weights: Sequence[float]) -> Contrast:
    return Contrast.of(*((weight, arm) for weight, arm in zip(weights, arms, strict=True) if weight))


@pytest.mark.parametrize("weights", [(1, -1, 0, 0, 0, 0), (1, -1, -1, 1, 0, 0), (0.9, -0.1, 0, 0, -0.8, 0)])
def test_a_pooled_contrast_is_that_of_least_squares(weights: Sequence[float]) -> None:
    arms = draw(1)
    found = Variance("pooled", pool_of(arms)).estimate(terms(arms, weights))
    mean, error, t = least_squares(arms, weights)
    assert (found.mean, found.error, found.df) == pytest.approx((mean, error, 6 * 3))
    assert found.above() == pytest.approx(stats.t.sf(t, 18))
    assert found.below() == pytest.approx(stats.t.cdf(t, 18))


def slope_of(arms: Sequence[Sample], key: str = "slope", *, apart: bool = True) -> Sample:
    """The slope over x = 4, 6, 8, … of these arms; apart: with what it is made of."""
    weights = slope_weights([4.0 + 2 * index for index in range(len(arms))])
    terms = list(zip(weights, arms, strict=True))
    values = {seed: sum(weight * arm.values[seed] for weight, arm in terms) for seed in arms[0].values}
    return Sample(values, key, sum(weight**2 for weight in weights), tuple(terms) if apart else ())


@pytest.mark.parametrize("apart", [True, False])
def test_a_pooled_slope_is_that_of_least_squares(apart: bool) -> None:
    arms = draw(2)
    found = Variance("pooled", pool_of(arms)).estimate(Contrast.of((1, slope_of(arms[:4], apart=apart))))
    mean, error, t = least_squares(arms, [*slope_weights([4, 6, 8, 10]), 0, 0])
    assert (found.mean, found.error) == pytest.approx((mean, error))
    assert found.above() == pytest.approx(stats.t.sf(t, 18))


def test_slopes_that_share_an_arm_count_it_once() -> None:
    arms = draw(2)
    first, second = slope_of(arms[:3], "first"), slope_of([arms[0], *arms[3:5]], "second")
    contrast = Contrast.of((1, first), (-1, second))
    found = Variance("pooled", pool_of(arms)).estimate(contrast)
    mean, error, _ = least_squares(arms, (0, 0, 0.25, 0, -0.25, 0))  # both start at the same arm, whose weight is lost
    assert (found.mean, found.error) == pytest.approx((mean, error))
    assert sorted(found for found, _ in contrast.terms) == pytest.approx([-0.25, 0, 0, 0, 0.25], abs=1e-15)


def test_a_slope_by_its_own_arms_has_the_degrees_of_freedom_of_all_of_them() -> None:
    rng = np.random.default_rng(1)
    arms = [Sample(dict(enumerate(rng.permutation([0.1, 0.2, 0.3, 0.4]).tolist())), key) for key in range(4)]
    contrast = Contrast.of((1, slope_of(arms)))
    weights = np.array(slope_weights([4, 6, 8, 10]))
    found = Variance("welch").estimate(contrast)
    assert found.df == pytest.approx(3 * (weights**2).sum() ** 2 / (weights**4).sum())  # all scatter alike
    assert found.error == pytest.approx(np.sqrt((weights**2).sum() * np.var([1, 2, 3, 4], ddof=1) / 100 / 4))
    alone = Variance("welch").estimate(Contrast.of((1, slope_of(arms, apart=False))))
    assert alone.df == 3
    paired = [rises(slope_of(draw(3)[:4], apart=apart)) for apart in (True, False)]  # there it makes no difference
    assert paired[0].p_supported == pytest.approx(paired[1].p_supported)


@pytest.mark.parametrize("seed", range(5))
def test_separate_variances_are_welchs_test(seed: int) -> None:
    arms = draw(seed, scatter=(0.03, 0.01, 0.01, 0.01, 0.01, 0.01))
    found = Variance("welch").estimate(Contrast.of((1, arms[0]), (-1, arms[1])))
    first, second = (list(arm.values.values()) for arm in arms[:2])
    expected = stats.ttest_ind(first, second, equal_var=False, alternative="less")
    assert found.below() == pytest.approx(expected.pvalue)
    assert found.df == pytest.approx(expected.df)
    both = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert (found.interval().low, found.interval().high) == pytest.approx((both.low, both.high))


def test_the_guard_is_an_f_test() -> None:
    arms = draw(3)
    common = pool_of(arms)
    contrast = Contrast.of((1, arms[0]), (-1, arms[1]))
    found = sum(np.var(list(arm.values.values()), ddof=1) for arm in arms[:2])
    expected = stats.f.sf(found / (2 * common.variance), satterthwaite(contrast), common.df)
    assert guard(contrast, common) == pytest.approx(expected)


def test_arms_that_scatter_more_are_not_judged_by_the_pool() -> None:
    wild = draw(4, n=5, scatter=(0.04, 0.04, 0.01, 0.01, 0.01, 0.01))
    found = above(wild[0], wild[1], pool=pool_of(wild))
    assert found.variance == "welch"
    assert found.guard is not None
    assert found.guard < 0.1
    calm = above(wild[2], wild[3], pool=pool_of(wild))  # they do not scatter more, but the pool is not theirs
    assert calm.variance == "welch"
    assert calm.guard is not None
    assert calm.guard > 0.5
    even = draw(1, n=5)
    calm = above(even[2], even[3], pool=pool_of(even))
    assert calm.variance == "pooled"
    assert calm.paired_supported == above(even[2], even[3]).p_supported != calm.p_supported


def outcomes(arms: Sequence[Sample], share: float) -> list[tuple[Outcome, float]]:
    """Tests with the bound, in the unit of the effect, of their words "more" (supported) and "less" (refuted)."""
    full, floor, arm, against, *_ = arms
    common = pool_of(arms)
    return [
        (above(arm, against, pool=common), 0),
        (interaction(arm, against, full, floor, pool=common), 0),
        (rises(arm, pool=common), 0),
        (recovers(arm, full, floor, share, at_most=False, pool=common), share),
        (recovers(arm, full, floor, share, at_most=False, against=against, pool=common), share),
    ]


@pytest.mark.parametrize("seed", range(15))
def test_interval_and_tests_agree_by_every_variance(seed: int) -> None:
    arms = draw(seed, scatter=(0.02, 0.01, 0.01 + 0.002 * seed, 0.02, 0.02, 0.02))
    for share in np.linspace(-0.5, 0.6, 23):
        for found, bound in outcomes(arms, float(share)):
            assert found.interval is not None
            low, high = found.interval.low, found.interval.high
            assert low is not None
            assert high is not None
            assert [found.p_supported < SIDE, found.p_refuted < SIDE] == [low > bound, high < bound]  # type: ignore[operator]


def test_a_pooled_share_ends_where_least_squares_begins_to_reject() -> None:
    arms = next(a for a in map(draw, range(100)) if outcomes(a, 0.3)[3][0].variance == "pooled")
    found = outcomes(arms, 0.3)[3][0]

    def excess(share: float) -> float:
        t = least_squares(arms, (-share, share - 1, 1, 0, 0, 0))[2]
        return float(2 * stats.t.sf(abs(t), 18)) - 0.05

    assert found.interval is not None
    assert found.effect is not None
    assert found.interval.low == pytest.approx(optimize.brentq(excess, found.effect - 0.5, found.effect, xtol=1e-13))
    assert found.interval.high == pytest.approx(optimize.brentq(excess, found.effect, found.effect + 0.5, xtol=1e-13))


def test_an_arm_held_against_itself_has_no_variance() -> None:
    arms = draw(5)
    for variance in (Variance("paired"), Variance("welch"), Variance("pooled", pool_of(arms))):
        nothing = variance.estimate(Contrast.of((1, arms[0]), (-1, arms[0])))
        assert (nothing.mean, nothing.error, nothing.above(), nothing.below()) == (0, 0, 1, 1)


def test_controls_without_spread_divide_nothing_by_zero() -> None:
    arms = draw(6)
    fixed = Sample(dict.fromkeys(range(4), 0.2), "histogram", spread=0)
    other = Sample(dict.fromkeys(range(4), 0.3), "another", spread=0)
    common = pool_of([*arms, fixed])
    assert common.p_equal == 0
    found = above(arms[0], fixed, other, pool=common)
    assert found.p_supported is not None
    assert 0 < found.p_supported < 1e-4
    constant = above(fixed, other, pool=common)
    assert (constant.variance, constant.same, constant.p_supported, constant.p_refuted) == ("paired", True, 1, 0)
    same = equivalence(fixed, fixed, arms[0], arms[1], 0.1, pool=common)
    assert (same.p_supported, same.p_refuted) == (0, 1)
    saturated = Sample(dict.fromkeys(range(4), 1.0), "saturated")  # could scatter, but does not
    assert variance_for([Contrast.of((1, saturated))], common).name == "welch"
    assert variance_for([Contrast.of((1, saturated))], pool_of(arms)).name == "pooled"
