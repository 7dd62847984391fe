from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from barlowcli.verdicts.contrasts import (
    SIDE,
    Outcome,
    Sample,
    above,
    align,
    equivalence,
    falls,
    interaction,
    p_learned,
    recovers,
    rises,
)


def seeds(*values: float) -> dict[int, float]:
    return dict(enumerate(values))


def side(*values: float, name: str = "", spread: float = 1.0) -> Sample:
    return Sample(seeds(*values), name or values, spread)


FULL, FLOOR = side(0.70, 0.72, 0.71), side(0.20, 0.21, 0.22)  # F - R: .50, .51, .49


def p_values(outcome: Outcome) -> tuple[float, float]:
    assert outcome.p_supported is not None
    assert outcome.p_refuted is not None
    return outcome.p_supported, outcome.p_refuted


def ends(outcome: Outcome) -> tuple[float, float]:
    assert outcome.interval is not None
    assert outcome.interval.low is not None
    assert outcome.interval.high is not None
    return outcome.interval.low, outcome.interval.high


def test_sides_are_cut_to_the_seeds_that_all_have() -> None:
    arm, other = align([({0: 0.1, 1: 0.2, 3: 0.3}, False), ({1: 0.5, 3: 0.6, 4: 0.7}, False)])
    assert arm == {1: 0.2, 3: 0.3}
    assert other == {1: 0.5, 3: 0.6}


def test_a_control_with_one_value_stands_for_every_seed_and_an_arm_does_not() -> None:
    arm, histogram = align([(seeds(0.1, 0.2, 0.3), False), ({0: 0.25}, True)])
    assert histogram == seeds(0.25, 0.25, 0.25)
    assert arm == seeds(0.1, 0.2, 0.3)
    same, _ = align([({0: 0.4, 1: 0.4}, True), (seeds(0.1, 0.2, 0.3), False)])
    assert same == seeds(0.4, 0.4, 0.4)
    assert align([(seeds(0.1, 0.2, 0.3), False), ({0: 0.25}, False)]) == [{0: 0.1}, {0: 0.25}]
    differing, _ = align([({0: 0.4, 1: 0.5}, True), (seeds(0.1, 0.2, 0.3), False)])
    assert differing == seeds(0.4, 0.5)


def test_above_is_the_paired_t_test_both_ways() -> None:
    more, less = side(0.5, 0.52, 0.51), side(0.3, 0.31, 0.3)
    found = above(more, less)
    first, second = list(more.values.values()), list(less.values.values())
    assert found.effect == pytest.approx(0.62 / 3)
    assert p_values(found) == pytest.approx(
        [stats.ttest_rel(first, second, alternative=way).pvalue for way in ("greater", "less")]
    )
    assert p_values(above(less, more)) == pytest.approx(p_values(found)[::-1])
    assert (found.paired_supported, found.paired_refuted) == p_values(found)
    assert (found.variance, found.guard) == ("paired", None)
    assert p_learned(more, less) == found.p_supported


def test_above_must_hold_against_every_reference() -> None:
    arm, best = side(0.50, 0.52, 0.51), side(0.42, 0.44, 0.435)
    wild = side(0.20, 0.60, 0.44)  # a lower mean, but by its scatter nothing is certain
    found = above(arm, best, wild)
    assert found.effect == pytest.approx(above(arm, best).effect)
    assert found.interval == above(arm, best).interval
    assert found.p_supported == pytest.approx(
        stats.ttest_rel([0.5, 0.52, 0.51], [0.2, 0.6, 0.44], alternative="greater").pvalue
    )
    assert (found.hardest, above(arm, best, side(0.1, 0.12, 0.11)).hardest) == (1, 0)


def test_refuted_against_the_best_of_several_pays_for_the_choice() -> None:
    arm, references = side(0.40, 0.42, 0.41), [side(0.42, 0.44, 0.436), side(0.421, 0.43, 0.44), side(0.3, 0.31, 0.29)]
    alone = [p_values(above(arm, reference))[1] for reference in references]
    assert p_values(above(arm, *references))[1] == pytest.approx(3 * min(alone))
    worse = above(side(0.5, 0.52, 0.51), *references)
    assert worse.p_refuted == 1.0


def test_the_same_numbers_on_two_sides_are_counted_once() -> None:
    arm = side(0.3, 0.33, 0.31)
    found = recovers(FULL, FULL, FLOOR, 0.5, at_most=False, against=arm)  # F - B against .5 (F - R)
    sides = zip((0.7, 0.72, 0.71), (0.3, 0.33, 0.31), (0.2, 0.21, 0.22), strict=True)
    excess = [0.5 * f - b + 0.5 * r for f, b, r in sides]
    assert p_values(found)[0] == pytest.approx(stats.ttest_1samp(excess, 0, alternative="greater").pvalue)


def test_an_interaction_is_a_difference_of_differences() -> None:
    arm, against = side(0.6, 0.63, 0.62), side(0.3, 0.35, 0.31)
    found = interaction(arm, against, FULL, FLOOR)
    gains = np.array([0.3, 0.28, 0.31]) - np.array([0.50, 0.51, 0.49])
    assert p_values(found)[1] == pytest.approx(stats.ttest_1samp(gains, 0, alternative="less").pvalue)


def test_a_slope_is_tested_against_none() -> None:
    slope = side(0.011, 0.014, 0.009, spread=0.2)
    up = stats.ttest_1samp([0.011, 0.014, 0.009], 0, alternative="greater").pvalue
    assert p_values(rises(slope)) == pytest.approx((up, 1 - up))
    assert p_values(falls(slope)) == p_values(rises(slope))[::-1]
    assert falls(slope).effect == rises(slope).effect


def test_the_margin_of_equivalence_is_a_share_of_what_the_full_model_has_over_the_floor() -> None:
    near = equivalence(side(0.70, 0.71, 0.705), FULL, FULL, FLOOR, 0.1)
    assert near.margin == pytest.approx(0.05)
    assert p_values(near)[0] < SIDE
    for far in (side(0.30, 0.31, 0.32), side(0.90, 0.91, 0.92)):  # better by more than the margin is not equal either
        supported, refuted = p_values(equivalence(far, FULL, FULL, FLOOR, 0.1))
        assert refuted < 0.01
        assert supported > 0.9


@pytest.mark.parametrize("seed", range(20))
def test_words_are_read_off_the_95_per_cent_interval(seed: int) -> None:
    rng = np.random.default_rng(seed)
    full, floor = side(*rng.normal(0.7, 0.01, 4)), side(*rng.normal(0.3, 0.01, 4))
    arm = side(*rng.normal(0.66 + 0.004 * seed, 0.01, 4))
    share = recovers(arm, full, floor, 0.95, at_most=True)
    low, high = ends(share)
    assert [p < SIDE for p in p_values(share)] == [high < 0.95, low > 0.95]
    equal = equivalence(arm, full, full, floor, 0.1)
    low, high = ends(equal)
    outside = high < -equal.margin or low > equal.margin
    assert [p < SIDE for p in p_values(equal)] == [-equal.margin < low and high < equal.margin, outside]


def test_the_share_recovered_and_its_opposite() -> None:
    arm = side(0.225, 0.235, 0.24)  # A - R: .025, .025, .02
    found = recovers(arm, FULL, FLOOR, 0.1, at_most=True)
    assert found.effect == pytest.approx(0.07 / 1.5)
    opposite = recovers(arm, FULL, FLOOR, 0.1, at_most=False)
    assert p_values(opposite) == p_values(found)[::-1]


def test_a_share_of_slopes_has_no_floor() -> None:
    gains, whole = side(0.010, 0.012, 0.011, spread=0.2), side(0.040, 0.044, 0.041, spread=0.2)
    found = recovers(gains, whole, None, 0.5, at_most=True)
    assert found.effect == pytest.approx(0.033 / 0.125)
    excess = [0.010 - 0.020, 0.012 - 0.022, 0.011 - 0.0205]
    assert p_values(found)[0] == pytest.approx(stats.ttest_1samp(excess, 0, alternative="less").pvalue)
    assert not recovers(gains, side(0.04, -0.03, 0.01), None, 0.5, at_most=True).yardstick


def test_without_a_full_model_above_the_floor_there_is_no_yardstick() -> None:
    poor, arm = side(0.25, 0.18, 0.22), side(0.2, 0.2, 0.2)
    share = recovers(arm, poor, FLOOR, 0.1, at_most=True)
    assert (share.yardstick, share.effect, share.interval, share.p_supported) == (False, None, None, None)
    equal = equivalence(arm, poor, poor, FLOOR, 0.1)
    assert (equal.yardstick, equal.p_supported, equal.p_refuted) == (False, None, None)
    assert equal.effect == pytest.approx(-0.05 / 3)  # the difference itself needs no yardstick


def test_two_seeds_have_an_effect_and_no_test() -> None:
    two, full, floor = side(0.5, 0.52), side(0.7, 0.72), side(0.2, 0.22)
    found = [
        above(two, FLOOR),
        rises(two),
        equivalence(two, two, full, floor, 0.1),
        recovers(two, full, floor, 0.1, at_most=True),
    ]
    assert [outcome.n for outcome in found] == [2, 2, 2, 2]
    assert all(outcome.p_supported is None and outcome.p_refuted is None and outcome.yardstick for outcome in found)
    assert found[3].effect == pytest.approx(0.6)


CONSTANT: list[Callable[[Sample], Outcome]] = [
    lambda arm: equivalence(arm, arm, arm, FLOOR, 0.1),
    lambda arm: above(arm, side(0.9, 0.9, 0.9, spread=0)),
    lambda arm: recovers(arm, arm, side(0.2, 0.2, 0.2, spread=0), 0.5, at_most=False),
]


@pytest.mark.parametrize("test", CONSTANT)
def test_seeds_that_are_all_the_same_are_said_to_be(test: Callable[[Sample], Outcome]) -> None:
    found = test(side(1.0, 1.0, 1.0, spread=0))
    assert found.same
    assert p_values(found) == (0, 1)
    assert not above(side(0.5, 0.52, 0.51), FLOOR).same
