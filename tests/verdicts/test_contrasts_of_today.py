import pytest
from scipy import stats

from barlowcli.verdicts.contrasts_of_today import above, align, clearly_positive, equivalence, recovers


def seeds(*values: float) -> dict[int, float]:
    return dict(enumerate(values))


FULL, FLOOR = seeds(0.70, 0.72, 0.71), seeds(0.20, 0.21, 0.22)  # F - R: .50, .51, .49


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


def test_above_tests_both_ways() -> None:
    more = above(seeds(0.5, 0.52, 0.51), seeds(0.3, 0.31, 0.3))
    assert more.effect == pytest.approx(0.62 / 3)
    assert more.p_supported is not None
    assert more.p_supported < 0.01
    less = above(seeds(0.3, 0.31, 0.3), seeds(0.5, 0.52, 0.51))
    assert less.p_refuted == pytest.approx(more.p_supported)
    assert less.p_supported == pytest.approx(1 - more.p_supported)


def test_above_must_hold_against_every_reference() -> None:
    arm, best = seeds(0.50, 0.52, 0.51), seeds(0.42, 0.44, 0.435)
    wild = seeds(0.20, 0.60, 0.44)  # a lower mean, but by its scatter nothing is certain
    found = above(arm, best, wild)
    assert found.effect == pytest.approx(above(arm, best).effect)
    assert found.decision == above(arm, best).decision
    assert found.p_supported == pytest.approx(
        stats.ttest_rel([0.5, 0.52, 0.51], [0.2, 0.6, 0.44], alternative="greater").pvalue
    )
    assert found.p_refuted == above(arm, best).p_refuted
    assert (found.hardest, above(arm, best, seeds(0.1, 0.12, 0.11)).hardest) == (1, 0)


def test_the_yardstick_is_judged_where_the_full_model_was_probed() -> None:
    arm, low, high = seeds(0.16, 0.17, 0.165), seeds(0.13, 0.12, 0.125), seeds(0.70, 0.73, 0.72)
    for base, holds in ((None, True), (seeds(0.4, 0.41, 0.42), True), (high, False)):
        share = recovers(arm, FULL, low, 0.1, at_most=True, base=base)
        same = equivalence(arm, FULL, FULL, low, 0.1, base=base)
        assert (share.yardstick, same.yardstick) == (holds, holds)
        assert (share.p_supported is not None, same.p_refuted is not None) == (holds, holds)
        assert same.margin == pytest.approx(0.1 * (0.71 - 0.125))


def test_the_margin_of_equivalence_is_a_share_of_what_the_full_model_has_over_the_floor() -> None:
    near = equivalence(seeds(0.70, 0.71, 0.705), FULL, FULL, FLOOR, 0.1)
    assert near.margin == pytest.approx(0.05)
    assert near.p_supported is not None
    assert near.p_supported < 0.05
    far = equivalence(seeds(0.30, 0.31, 0.32), FULL, FULL, FLOOR, 0.1)
    assert far.p_refuted is not None
    assert far.p_refuted < 0.01
    assert far.p_supported is not None
    assert far.p_supported > 0.9


def test_better_by_more_than_the_margin_is_no_equivalence_either() -> None:
    far = equivalence(seeds(0.90, 0.91, 0.92), FULL, FULL, FLOOR, 0.1)
    assert far.p_refuted is not None
    assert far.p_refuted < 0.01


def test_the_share_recovered_and_its_interval_agree_with_the_tests() -> None:
    arm = seeds(0.225, 0.235, 0.24)  # (A - R): .025, .025, .02
    found = recovers(arm, FULL, FLOOR, 0.1, at_most=True)
    assert found.effect == pytest.approx(0.07 / 1.5)
    assert found.decision is not None
    assert found.decision.high is not None
    assert found.decision.high < 0.1
    assert found.p_supported is not None
    assert found.p_supported < 0.05
    opposite = recovers(arm, FULL, FLOOR, 0.1, at_most=False)
    assert (opposite.p_supported, opposite.p_refuted) == (found.p_refuted, found.p_supported)


def test_the_tests_hold_exactly_where_the_90_per_cent_interval_is_beyond_the_bound() -> None:
    for step in range(30):
        arm = seeds(0.22 + 0.004 * step, 0.235 + 0.003 * step, 0.25 + 0.005 * step)
        found = recovers(arm, FULL, FLOOR, 0.2, at_most=True)
        assert found.decision is not None
        assert found.decision.low is not None
        assert found.decision.high is not None
        assert found.p_supported is not None
        assert found.p_refuted is not None
        assert (found.p_supported < 0.05) == (found.decision.high < 0.2)
        assert (found.p_refuted < 0.05) == (found.decision.low > 0.2)


def test_without_a_full_model_above_the_floor_there_is_no_yardstick() -> None:
    poor = seeds(0.25, 0.18, 0.22)
    assert not clearly_positive([poor[seed] - FLOOR[seed] for seed in poor])
    share = recovers(seeds(0.2, 0.2, 0.2), poor, FLOOR, 0.1, at_most=True)
    assert (share.yardstick, share.effect, share.interval, share.p_supported) == (False, None, None, None)
    equal = equivalence(seeds(0.2, 0.2, 0.2), poor, poor, FLOOR, 0.1)
    assert (equal.yardstick, equal.p_supported, equal.p_refuted) == (False, None, None)
    assert equal.effect == pytest.approx(-0.05 / 3)  # the difference itself needs no yardstick


def test_two_seeds_have_an_effect_and_no_test() -> None:
    two = {0: 0.5, 1: 0.52}
    found = [
        above(two, FLOOR),
        equivalence(two, two, {0: 0.7, 1: 0.7}, {0: 0.2, 1: 0.2}, 0.1),
        recovers(two, {0: 0.7, 1: 0.72}, {0: 0.2, 1: 0.22}, 0.1, at_most=True),
    ]
    assert [outcome.n for outcome in found] == [2, 2, 2]
    assert all(outcome.p_supported is None and outcome.p_refuted is None and outcome.yardstick for outcome in found)
    assert found[2].effect == pytest.approx(0.6)


def test_seeds_that_are_all_the_same_are_said_to_be() -> None:
    saturated = seeds(1.0, 1.0, 1.0)
    found = equivalence(saturated, saturated, saturated, FLOOR, 0.1)
    assert found.same
    assert (found.effect, found.p_supported, found.p_refuted) == (0, 0, 1)
    assert not above(seeds(0.5, 0.52, 0.51), FLOOR).same
