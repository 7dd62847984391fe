"""The power of a claim against statsmodels, scipy's noncentral t, and the judge itself on drawn records."""

import math

import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from barlowcli.experiment.claims import Claim
from barlowcli.verdicts.contrasts import SIDE
from barlowcli.verdicts.power import POWER, detectable, noncentrality, smallest_effect
from bench.known_truth import FULL, UNTRAINED, World, family_claims, plan_of, reports, single_claims, slope_claims

SD = 0.01


def claims_of(title: str) -> list[Claim]:
    return [claim for claim in single_claims() if claim.title == title]


def effect_of(title: str, n: int, variance: str = "paired") -> float:
    found = detectable(plan_of(claims_of(title), n, variance=variance), SD)
    assert [(row.claim.title, row.seeds, row.tests) for row in found] == [(title, n, 1)]
    assert found[0].effect is not None
    return found[0].effect


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize(("title", "weight"), [("above", 2), ("interaction", 4)])
def test_it_is_the_power_of_a_paired_t_test_in_statsmodels(n: int, title: str, weight: int) -> None:
    size = TTestPower().solve_power(nobs=n, alpha=SIDE, power=POWER, alternative="larger")
    assert effect_of(title, n) == pytest.approx(size * math.sqrt(weight) * SD, rel=1e-5)


@pytest.mark.parametrize("df", [2, 4, 16, 112])
@pytest.mark.parametrize("level", [SIDE, SIDE / 12])
def test_with_other_degrees_of_freedom_it_is_that_of_the_noncentral_t_of_scipy(df: int, level: float) -> None:
    delta = noncentrality(df, level, POWER)
    assert stats.nct.sf(stats.t.isf(level, df), df, delta) == pytest.approx(POWER)


def test_arms_pooled_have_more_degrees_of_freedom() -> None:
    expected = smallest_effect(SD, 5, 4, 4 * 4)
    assert effect_of("interaction", 5, "pooled") == pytest.approx(expected)
    assert expected < effect_of("interaction", 5)


@pytest.mark.parametrize("variance", ["paired", "pooled"])
@pytest.mark.parametrize("title", ["above", "interaction"])
def test_the_judge_shows_that_effect_in_four_of_five_runs(title: str, variance: str) -> None:
    plan = plan_of(claims_of(title), 5, variance=variance)
    world = World(sd=SD, gain=effect_of(title, 5, variance))
    words = [verdict.word for report in reports(plan, world, 200) for verdict in report]
    assert len(words) == 800
    assert words.count("supported") / 800 == pytest.approx(POWER, abs=3.3 * math.sqrt(POWER * (1 - POWER) / 800))


def test_the_judge_shows_equal_arms_to_be_equal_within_that_margin_in_four_of_five_runs() -> None:
    margin = effect_of("equivalence", 5)
    claims = [claim.model_copy(update={"margin": margin / (FULL - UNTRAINED)}) for claim in claims_of("equivalence")]
    words = [verdict.word for report in reports(plan_of(claims, 5), World(sd=SD), 200) for verdict in report]
    # The margin is itself a share of means that scatter, and both tests fail together more rarely than is reckoned.
    assert words.count("supported") / 800 == pytest.approx(POWER, abs=0.06)


def test_primary_claims_share_the_level() -> None:
    found = detectable(plan_of(family_claims(), 5), SD)
    assert [(row.claim.id, row.tests) for row in found] == [
        ("above", 12), ("interaction", 12), ("equivalence-at-its-bound", 12)
    ]  # fmt: skip
    assert found[0].effect == pytest.approx(smallest_effect(SD, 5, 2, 4, level=SIDE / 12))


def test_a_slope_is_shown_per_step_of_its_axis() -> None:
    (row,) = detectable(plan_of(slope_claims()[:1], 4), SD)
    doublings = range(9)
    sxx = sum((x - 4) ** 2 for x in doublings)
    assert row.effect == pytest.approx(smallest_effect(SD, 4, 1 / sxx, 3))
    (pooled,) = detectable(plan_of(slope_claims()[:1], 4, variance="pooled"), SD)
    degrees = 3 * sxx**2 / sum((x - 4) ** 4 for x in doublings)
    assert pooled.effect == pytest.approx(smallest_effect(SD, 4, 1 / sxx, degrees))


def test_a_share_counts_the_same_arm_once() -> None:
    claims = claims_of("recovers-at-most")  # A - R - (F - R) / 2
    (row,) = detectable(plan_of(claims, 4), SD)
    assert row.effect == pytest.approx(smallest_effect(SD, 4, 1 + 0.25 + 0.25, 3))


def test_two_seeds_show_nothing_and_a_plan_without_the_cells_has_no_line() -> None:
    (row,) = detectable(plan_of(claims_of("above"), 2), SD)
    assert (row.seeds, row.effect) == (2, None)
    elsewhere = [claim.model_copy(update={"arm": {"method": "simsiam", "dims": "16"}}) for claim in claims_of("above")]
    assert detectable(plan_of(elsewhere, 3), SD) == []
    assert detectable(plan_of([], 3), SD) == []
