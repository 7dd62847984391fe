from collections.abc import Mapping
from typing import Any

import pytest

from barlowcli.analysis.results import Results
from barlowcli.experiment.claims import Claim
from barlowcli.plan.plan import Plan
from barlowcli.records.record import Record
from barlowcli.settings.evaluation import MATCHING_BATCH
from barlowcli.verdicts import Verdict, judge
from tests.synthetic_results import (
    BEYOND,
    HISTOGRAM,
    SUFFICE,
    beaten_by_untrained,
    cells_of,
    put,
    quick_plan,
    records_of,
    with_claims,
)


def words(verdicts: list[Verdict], claim: str) -> dict[tuple[str, tuple[str, ...]], str]:
    return {(str(v.case["method"]), v.domains): v.word for v in verdicts if v.claim.id == claim}


def only(plan: Plan, *names: str) -> Plan:
    return with_claims(plan, [claim for claim in plan.experiment.claims if claim.id in names])


def changed(records: Mapping[str, Record], name: str, **fields: Any) -> dict[str, Record]:
    return {**records, name: records[name].model_copy(update=fields)}


def one(plan: Plan, records: Mapping[str, Record], claim: str, method: str, domain: str = "own") -> Verdict:
    found = [v for v in judge(Results(plan, records)) if v.claim.id == claim and str(v.case["method"]) == method]
    return next(v for v in found if domain in v.domains)


def test_where_digits_do_not_depend_on_colour_only_histograms_is_refuted() -> None:
    plan = quick_plan()
    verdicts = judge(Results(plan, records_of(plan, BEYOND)))
    both = ("own", "none")
    assert words(verdicts, "beyond-histograms") == {("barlow", both): "supported", ("byol", both): "supported"}
    for claim in ("r1a-fair", "r1a-literal"):
        assert set(words(verdicts, claim).values()) == {"refuted"}
    assert words(verdicts, "r1b") == {
        ("barlow", ("own",)): "supported",
        ("byol", ("own",)): "supported",
        ("barlow", ("none",)): "refuted",
        ("byol", ("none",)): "refuted",
    }


def test_where_the_colour_is_that_of_the_digit_histograms_suffice() -> None:
    plan = quick_plan()
    verdicts = judge(Results(plan, records_of(plan, SUFFICE)))
    for claim in ("r1a-fair", "r1a-literal"):
        own = {key: word for key, word in words(verdicts, claim).items() if key[1] == ("own",)}
        assert set(own.values()) == {"supported"}
    assert words(verdicts, "r1b")["barlow", ("own",)] == "refuted"


def test_arms_that_were_not_planned_leave_a_claim_untested_and_name_them() -> None:
    plan = quick_plan(axes={"jitter": ["off"]})
    verdict = one(plan, records_of(plan, BEYOND), "r1b", "barlow")
    assert verdict.word == "untested"
    assert verdict.missing == "not in this run's grid: shuffled, jitter on; intact, jitter on"
    assert one(plan, records_of(plan, BEYOND), "beyond-histograms", "barlow").word == "supported"


def test_a_missing_cell_is_never_filled_in() -> None:
    plan, records = quick_plan(), records_of(quick_plan(), BEYOND)
    gone = cells_of(plan, method="barlow", shuffle="pixels", jitter="off")[1]
    verdict = one(plan, {name: r for name, r in records.items() if name != gone.id}, "r1a-fair", "barlow")
    assert verdict.word == "incomplete"
    assert verdict.missing == "no number yet from Barlow Twins, shuffled, jitter off, seed 1 (not run)"
    assert (verdict.outcome, verdict.accuracies) == (None, ())


@pytest.mark.parametrize("status", ["failed", "diverged"])
def test_a_cell_without_numbers_makes_its_claims_incomplete(status: str) -> None:
    plan = quick_plan()
    gone = cells_of(plan, method="byol", shuffle="none", jitter="on")[2]
    records = changed(records_of(plan, BEYOND), gone.id, status=status, metrics={})
    verdict = one(plan, records, "r1b", "byol")
    assert verdict.word == "incomplete"
    assert verdict.missing == f"no number yet from BYOL, intact, jitter on, seed 2 ({status})"
    assert one(plan, records, "r1b", "barlow").word == "supported"


def test_a_collapsed_cell_counts_and_is_named() -> None:
    plan = quick_plan()
    gone = cells_of(plan, method="barlow", shuffle="pixels", jitter="on")[1]
    records = changed(records_of(plan, BEYOND), gone.id, status="collapsed")
    verdict = one(plan, records, "r1b", "barlow")
    assert verdict.word == "supported"
    assert verdict.collapsed == {"shuffled, jitter on": [1]}
    assert one(plan, records, "r1b", "byol").collapsed == {}


def test_two_seeds_decide_nothing() -> None:
    plan = quick_plan(seeds=2)
    verdicts = [v for v in judge(Results(plan, records_of(plan, BEYOND))) if v.word != "untested"]
    assert len(verdicts) == 14
    assert {v.word for v in verdicts} == {"inconclusive"}
    assert all(v.outcome is not None and v.outcome.n == 2 and v.holm_supported is None for v in verdicts)


def test_the_best_of_several_references_is_the_one_compared_with() -> None:
    plan = only(quick_plan(), "beyond-histograms")
    records = records_of(plan, BEYOND)
    against = one(plan, records, "beyond-histograms", "barlow").accuracy("against")
    assert against is not None
    assert against.name == "supervised encoder, shuffled, jitter off"
    better = put(records, cells_of(plan, method="histogram"), "mlp.marginal.none.label", [0.7] * 3)
    verdict = one(plan, better, "beyond-histograms", "barlow")
    against = verdict.accuracy("against")
    assert against is not None
    assert against.name == "small MLP on marginal histograms"
    assert against.mean == pytest.approx(0.7)
    assert verdict.word == "refuted"
    assert len([a for a in verdict.accuracies if a.role == "against"]) == 5


def test_holm_takes_the_methods_together() -> None:
    plan = only(quick_plan(), "beyond-histograms")
    records = records_of(plan, BEYOND, noise=0.02)
    for method, values in {"barlow": [0.36, 0.44, 0.42], "byol": [0.36, 0.45, 0.42]}.items():
        cells = cells_of(plan, method=method, shuffle="none", jitter="off")
        records = put(records, cells, "linear.h.none.label", values)
    records = put(records, cells_of(plan, method="supervised", shuffle="pixels"), "linear.h.pixels.label", [0.33] * 3)
    first, second = judge(Results(plan, records))
    assert first.outcome is not None
    assert second.outcome is not None
    assert first.outcome.p_supported is not None
    assert second.outcome.p_supported is not None
    assert first.outcome.p_supported < 0.05
    assert first.holm_supported == pytest.approx(2 * min(first.outcome.p_supported, second.outcome.p_supported))
    assert first.word == "inconclusive"
    alone = quick_plan(axes={"method": ["barlow"]})
    assert one(only(alone, "beyond-histograms"), records, "beyond-histograms", "barlow").word == "supported"


def test_a_method_without_numbers_yet_counts_in_the_correction() -> None:
    plan = only(quick_plan(), "beyond-histograms")
    records = records_of(plan, BEYOND)
    gone = cells_of(plan, method="byol", shuffle="none", jitter="off")[0].id
    verdict = one(plan, {name: r for name, r in records.items() if name != gone}, "beyond-histograms", "barlow")
    assert verdict.outcome is not None
    assert verdict.outcome.p_supported is not None
    assert verdict.holm_supported == pytest.approx(2 * verdict.outcome.p_supported)


def test_a_full_model_no_better_than_untrained_is_no_yardstick() -> None:
    world = {**BEYOND, ("barlow", "none", "on"): (0.22, 0.45)}
    plan = quick_plan()
    records = records_of(plan, world)
    full = cells_of(plan, method="barlow", shuffle="none", jitter="on")
    records = put(records, full, "linear.h.none.label", [0.45, 0.44, 0.46])
    verdict = one(plan, records, "r1b", "barlow", "none")
    assert verdict.word == "inconclusive"
    assert verdict.outcome is not None
    assert not verdict.outcome.yardstick
    assert one(plan, records, "r1b", "byol", "none").word == "refuted"


def test_a_full_model_is_held_against_an_untrained_encoder_where_it_was_probed_itself() -> None:
    plan = quick_plan()
    high = beaten_by_untrained(plan, records_of(plan, BEYOND), [0.73, 0.71, 0.75])
    for claim in ("r1a-fair", "r1a-literal", "r1b"):
        verdict = one(plan, high, claim, "barlow", "own")
        assert verdict.word == "inconclusive"
        assert verdict.outcome is not None
        assert not verdict.outcome.yardstick
        base = verdict.accuracy("base")
        assert base is not None
        assert base.mean == pytest.approx(0.73)
        assert one(plan, records_of(plan, BEYOND), claim, "barlow", "own").word != "inconclusive"


@pytest.mark.parametrize(
    ("values", "unlearned"),
    [([0.45, 0.44, 0.46], False), ([0.54, 0.50, 0.57], True), ([0.60, 0.61, 0.62], True)],
)
def test_an_arm_not_clearly_above_an_untrained_encoder_has_shown_no_learning(
    values: list[float], unlearned: bool
) -> None:
    plan = quick_plan()
    arm = put(
        records_of(plan, BEYOND),
        cells_of(plan, method="barlow", shuffle="none", jitter="off"),
        "linear.h.none.label",
        [0.55, 0.56, 0.57],
    )
    verdict = one(plan, beaten_by_untrained(plan, arm, values), "beyond-histograms", "barlow")
    assert (verdict.word, verdict.unlearned) == ("supported", unlearned)


def test_the_word_must_hold_against_the_reference_most_in_doubt() -> None:
    plan = only(quick_plan(), "beyond-histograms")
    supervised = cells_of(plan, method="supervised", shuffle="pixels")
    wild = put(records_of(plan, BEYOND), supervised, "linear.h.pixels.label", [0.02, 0.55, 0.15])
    verdict = one(plan, wild, "beyond-histograms", "barlow")
    best = verdict.accuracy("against")
    assert best is not None
    assert best.name == "small MLP on joint RGB histograms"
    assert verdict.word == "inconclusive"
    assert verdict.outcome is not None
    assert verdict.outcome.effect == pytest.approx(0.55 - HISTOGRAM["mlp.joint"], abs=0.01)


def test_embeddings_of_low_rank_are_kept_by_side() -> None:
    plan = quick_plan()
    records = records_of(plan, BEYOND)
    assert one(plan, records, "r1b", "barlow", "none").embeddings == {}
    full, arm = (cells_of(plan, method="barlow", shuffle=shuffle, jitter="on") for shuffle in ("none", "pixels"))
    records = put(records, full, "rankme.z.none", [2.0, 2.2, 2.4])
    records = put(records, arm, "matching", [0.004, 0.008, 0.009])
    found = one(plan, records, "r1b", "barlow", "none").embeddings
    assert found.keys() == {"intact, jitter on", "shuffled, jitter on"}
    assert found["intact, jitter on"].dimensions == pytest.approx(2.2)
    assert (found["intact, jitter on"].unmatched, found["shuffled, jitter on"].unmatched) == (False, True)
    assert found["shuffled, jitter on"].chance == 1 / MATCHING_BATCH


def test_a_control_with_one_seed_stands_for_all() -> None:
    plan = quick_plan()
    first = cells_of(plan, method="histogram")[0]
    cells = [c for c in plan.cells if c.axes["method"] != "histogram" or c.id == first.id]
    plan = plan.model_copy(update={"cells": tuple(cells)})
    verdict = one(plan, records_of(plan, BEYOND), "beyond-histograms", "barlow")
    histogram = next(a for a in verdict.accuracies if str(a.metric) == "mlp.joint.none.label")
    assert histogram.values == dict.fromkeys(range(3), HISTOGRAM["mlp.joint"])
    assert histogram.seeds == 1
    assert verdict.outcome is not None
    assert verdict.outcome.n == 3


def test_domains_are_judged_once_where_they_are_the_same() -> None:
    plan = quick_plan()
    found: dict[str, set[tuple[str, ...]]] = {}
    for verdict in judge(Results(plan, {})):
        found.setdefault(verdict.claim.id, set()).add(verdict.domains)
    assert found["beyond-histograms"] == {("own", "none")}
    assert found["r1a-fair"] == {("own",), ("none",)}


def test_the_untrained_encoder_is_measured_by_the_same_probe() -> None:
    plan = quick_plan()
    records = put(
        records_of(plan, BEYOND), cells_of(plan, method="random-init"), "linear.h.pixels.label", [0.1, 0.2, 0.3]
    )
    assert one(plan, records, "r1a-fair", "barlow", "own").untrained == pytest.approx(0.2)


def test_claims_over_another_axis() -> None:
    plan = quick_plan(axes={"dims": ["16", "64"], "jitter": ["on"], "method": ["barlow"]})
    claim = Claim(
        id="space",
        title="t",
        test="above",
        by="dims",
        arm={"method": "barlow", "shuffle": "none"},
        against=[{"shuffle": "pixels"}],
        domains=("none",),
        supported="s",
        refuted="r",
        inconclusive="i",
    )
    verdicts = judge(Results(with_claims(plan, [claim]), records_of(plan, BEYOND)))
    assert [(v.name, v.word) for v in verdicts] == [("D = 16", "supported"), ("D = 64", "supported")]
