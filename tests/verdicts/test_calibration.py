"""The real judge on records of known truth: no word is given more often than is said, beyond chance.

The full table is that of `bench/calibration.py`. Every bound is the 99.9 % point of the binomial distribution at the
rate that is promised, for the number of independent verdicts drawn here.
"""

from collections import Counter
from collections.abc import Sequence

import pytest
from scipy import stats

from barlowcli.experiment.claims import Claim
from barlowcli.verdicts import Verdict
from barlowcli.verdicts.contrasts import ALPHA, SIDE
from bench.known_truth import SLOPES, World, family_claims, plan_of, reports, single_claims, slope_claims

SEEDS = [3, 5, 10]
NO_EFFECT = World()
WILD = World(scatter={"arm": 2.8, "full": 2.8})
"""The arms of `above` scatter 2.8 times as much as the others."""


def most(rate: float, count: int) -> int:
    """What a word of this rate does not exceed in 999 of 1000 such tests."""
    return int(stats.binom.ppf(0.999, count, rate))


def words(
    claims: Sequence[Claim], n: int, count: int, *, world: World = NO_EFFECT, variance: str = "pooled"
) -> dict[str, Counter[str]]:
    """Title of a claim -> how often each word was given; every method is a draw of its own."""
    found: dict[str, Counter[str]] = {}
    claims = [claim.model_copy(update={"learned": {}}) for claim in claims]  # that has a test of its own, below
    for verdicts in reports(plan_of(claims, n, variance=variance), world, count, seed=n):
        for verdict in verdicts:
            found.setdefault(verdict.claim.title, Counter()).update([verdict.word])
    return found


@pytest.mark.parametrize("variance", ["paired", "pooled"])
@pytest.mark.parametrize("n", SEEDS)
def test_neither_word_comes_more_often_than_it_may(n: int, variance: str) -> None:
    count = 30 if variance == "pooled" else 50
    found = words(single_claims(), n, count, variance=variance)
    assert len(found) == 8
    assert found.pop("equivalence")["refuted"] <= most(SIDE, 4 * count)
    for title, counts in found.items():
        assert sum(counts.values()) == 4 * count
        for word in ("supported", "refuted"):
            assert counts[word] <= most(SIDE, 4 * count), (title, word, counts)
    apart = ("above", "interaction", "equivalence at its bound", "recovers-at-most")  # they share next to no arm
    decided = sum(found[title][word] for title in apart for word in ("supported", "refuted"))
    assert decided <= most(ALPHA, 4 * count * len(apart))


@pytest.mark.parametrize("n", SEEDS)
def test_against_the_best_of_several_too(n: int) -> None:
    claims = [claim for claim in single_claims() if claim.title.startswith("above the best")]
    for counts in words(claims, n, 120, variance="paired").values():
        assert counts["refuted"] <= most(SIDE, 480)


@pytest.mark.parametrize("n", SEEDS)
def test_nor_where_the_arms_compared_scatter_more_than_the_pool(n: int) -> None:
    claims = [claim for claim in single_claims() if claim.title == "above"]
    counts = words(claims, n, 100, world=WILD)["above"]
    for word in ("supported", "refuted"):
        assert counts[word] <= most(SIDE, 400)


@pytest.mark.parametrize("n", SEEDS)
def test_slopes_keep_it_too(n: int) -> None:
    world = World(slopes=SLOPES, untrained=0.2)
    for counts in words(slope_claims(), n, 80, world=world).values():
        assert counts["supported"] <= most(SIDE, 80)
        assert counts["refuted"] <= most(SIDE, 80)


@pytest.mark.parametrize("n", SEEDS)
def test_all_primary_claims_together_are_wrong_in_one_run_of_twenty_at_most(n: int) -> None:
    plan = plan_of(family_claims(), n, variance="pooled")
    drawn = list(reports(plan, NO_EFFECT, 25, seed=n))
    assert {verdict.primary for verdict in drawn[0]} == {True}
    assert sum(any(_decided(verdict) for verdict in verdicts) for verdicts in drawn) <= most(ALPHA, 25)


@pytest.mark.parametrize("n", SEEDS)
def test_nothing_is_decided_that_was_not_learned(n: int) -> None:
    """The arm is clearly above the others, and all of them below an untrained encoder."""
    plan, world = plan_of(single_claims(), n), World(gain=0.05, untrained=0.80)
    found: dict[str, Counter[str]] = {}
    for verdict in (verdict for verdicts in reports(plan, world, 8) for verdict in verdicts):
        found.setdefault(verdict.claim.title, Counter()).update([verdict.word])
    decided = Counter({title: counts["supported"] + counts["refuted"] for title, counts in found.items()})
    assert decided.total() == 0
    assert found["above"] == found["interaction"] == {"not learned": 32}


def _decided(verdict: Verdict) -> bool:
    return verdict.word in ("supported", "refuted")
