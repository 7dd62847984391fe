import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from barlowcli.analysis.results import Results
from barlowcli.experiment.claims import Claim
from barlowcli.experiment.files import experiment_names, load_experiment
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.records.metrics import Metric
from barlowcli.records.record import Record
from barlowcli.settings.evaluation import MATCHING_BATCH
from barlowcli.verdicts import Verdict, judge
from barlowcli.verdicts.contrasts import SIDE
from tests.synthetic_grids import UNTRAINED as UNTRAINED_GRID
from tests.synthetic_grids import dims_truth, grid_plan, grid_records
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


def answers_of(right: Mapping[str, Any], metric: str) -> dict[str, dict[str, Any]]:
    return {name: {metric: values} for name, values in right.items()}


def only(plan: Plan, *names: str) -> Plan:
    return with_claims(plan, [claim for claim in plan.experiment.claims if claim.id in names])


def paired(plan: Plan) -> Plan:
    """`plan` with verdicts by paired seeds alone."""
    return plan.model_copy(update={"experiment": plan.experiment.model_copy(update={"variance": "paired"})})


def changed(records: Mapping[str, Record], name: str, **fields: Any) -> dict[str, Record]:
    return {**records, name: records[name].model_copy(update=fields)}


def one(plan: Plan, records: Mapping[str, Record], claim: str, method: str, domain: str = "own") -> Verdict:
    found = [v for v in judge(Results(plan, records)) if v.claim.id == claim and str(v.case["method"]) == method]
    return next(v for v in found if domain in v.domains)


def test_where_digits_do_not_depend_on_colour_only_histograms_is_refuted() -> None:
    plan = quick_plan()
    verdicts = judge(Results(plan, records_of(plan, BEYOND)))
    both = ("own", "none")
    for claim in ("beyond-histograms", "beyond-histograms-mlp"):
        assert words(verdicts, claim) == {("barlow", both): "supported", ("byol", both): "supported"}
    assert set(words(verdicts, "beyond-histograms-added").values()) == {"supported"}
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
    verdict = one(plan, records_of(plan, BEYOND), "r1b", "barlow", "none")
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
    verdict = one(plan, records, "r1b", "byol", "none")
    assert verdict.word == "incomplete"
    assert verdict.missing == f"no number yet from BYOL, intact, jitter on, seed 2 ({status})"
    assert one(plan, records, "r1a-literal", "byol").word == "refuted"  # on shuffled images it is not needed


def test_a_collapsed_cell_counts_and_is_named() -> None:
    plan = quick_plan()
    gone = cells_of(plan, method="barlow", shuffle="pixels", jitter="on")[1]
    records = changed(records_of(plan, BEYOND), gone.id, status="collapsed")
    verdict = one(plan, records, "r1b", "barlow")
    assert (verdict.word, verdict.plain) == ("supported by collapse", "supported")
    assert verdict.collapsed == {"shuffled, jitter on": [1]}
    assert (one(plan, records, "r1b", "byol").word, one(plan, records, "r1b", "byol").collapsed) == ("supported", {})


def test_two_seeds_decide_nothing() -> None:
    plan = quick_plan(seeds=2)
    verdicts = [v for v in judge(Results(plan, records_of(plan, BEYOND))) if v.word != "untested"]
    assert len(verdicts) == 18
    assert {v.word for v in verdicts} == {"inconclusive"}
    assert all(v.outcome is not None and v.outcome.n == 2 and v.holm_supported is None for v in verdicts)


def test_the_best_of_several_references_is_the_one_compared_with() -> None:
    plan = only(quick_plan(), "beyond-histograms")
    records = records_of(plan, BEYOND)
    against = one(plan, records, "beyond-histograms", "barlow").accuracy("against")
    assert against is not None
    assert against.name == "supervised encoder, shuffled, jitter off, probed on shuffled images"
    better = put(records, cells_of(plan, method="histogram"), "linear.marginal.none.label", [0.7] * 3)
    verdict = one(plan, better, "beyond-histograms", "barlow")
    against = verdict.accuracy("against")
    assert against is not None
    assert against.name == "linear probe on marginal histograms"
    assert against.mean == pytest.approx(0.7)
    assert verdict.word == "refuted"
    assert len([a for a in verdict.accuracies if a.role == "against"]) == 4


def test_like_is_compared_with_like() -> None:
    plan = quick_plan()
    probes = {
        claim.id: {Metric.read(side.get("metric", claim.metric)).probe for side in claim.against}
        for claim in plan.experiment.claims
        if claim.id.startswith("beyond")
    }
    assert probes == {
        "beyond-histograms": {"linear"},
        "beyond-histograms-mlp": {"mlp"},
        "beyond-histograms-added": {"linear"},
    }


def close(
    plan: Plan, records: Mapping[str, Record], claim: str, spread: Mapping[str, list[float]]
) -> dict[str, Record]:
    """Arms without jitter at these accuracies, S at 33 %."""
    changed = dict(records)
    for method, values in spread.items():
        changed = put(
            changed, cells_of(plan, method=method, shuffle="none", jitter="off"), "linear.h.none.label", values
        )
    supervised = cells_of(plan, method="supervised", shuffle="pixels")
    for domain in ("none", "pixels"):
        changed = put(changed, supervised, f"linear.h.{domain}.label", [0.33] * 3)
    return put(changed, cells_of(plan, method="random-init"), "linear.h.none.label", [0.1, 0.11, 0.12])


def test_holm_takes_all_primary_verdicts_together() -> None:
    plan = paired(only(quick_plan(), "beyond-histograms"))
    arms = {"barlow": [0.38, 0.43, 0.42], "byol": [0.38, 0.44, 0.42]}
    records = close(plan, records_of(plan, BEYOND), "beyond-histograms", arms)
    first, second = judge(Results(plan, records))
    assert first.primary
    assert second.primary
    one_p, other_p = (v.outcome.p_supported if v.outcome else None for v in (first, second))
    assert one_p is not None
    assert other_p is not None
    assert one_p < SIDE < 2 * min(one_p, other_p)
    assert first.holm_supported == pytest.approx(2 * min(one_p, other_p))
    assert first.word == "inconclusive"
    alone = only(quick_plan(axes={"method": ["barlow"]}), "beyond-histograms")
    assert one(paired(alone), records, "beyond-histograms", "barlow").word == "supported"


def test_two_primary_claims_are_one_family_and_an_exploratory_one_is_none_of_it() -> None:
    plan = only(quick_plan(axes={"method": ["barlow"]}), "beyond-histograms", "beyond-histograms-mlp", "r1b")
    records = records_of(plan, BEYOND)
    claims = [
        claim.model_copy(update={"primary": {}}) if claim.id == "beyond-histograms-mlp" else claim
        for claim in plan.experiment.claims
    ]
    verdicts = judge(Results(with_claims(plan, claims), records))
    assert [(v.claim.id, v.primary) for v in verdicts] == [
        ("beyond-histograms", True),
        ("beyond-histograms-mlp", True),
        ("r1b", False),
        ("r1b", False),
    ]
    raw = [
        max(v.outcome.p_supported, v.gate.p("supported"))
        for v in verdicts
        if v.outcome and v.gate and v.outcome.p_supported is not None
    ]
    adjusted = multipletests(raw[:2], method="holm")[1]
    assert [v.holm_supported for v in verdicts[:2]] == pytest.approx(list(adjusted))
    assert [v.holm_supported for v in verdicts[2:]] == pytest.approx(raw[2:])  # a claim and domain alone


def test_a_method_without_numbers_yet_counts_in_the_correction() -> None:
    plan = only(quick_plan(), "beyond-histograms")
    records = records_of(plan, BEYOND)
    gone = cells_of(plan, method="byol", shuffle="none", jitter="off")[0].id
    verdict = one(plan, {name: r for name, r in records.items() if name != gone}, "beyond-histograms", "barlow")
    assert verdict.outcome is not None
    assert verdict.gate is not None
    assert verdict.outcome.p_supported is not None
    both = max(verdict.outcome.p_supported, verdict.gate.p("supported"))
    assert verdict.holm_supported == pytest.approx(2 * both)


def test_a_full_model_no_better_than_untrained_is_no_yardstick() -> None:
    world = {**BEYOND, ("barlow", "none", "on"): (0.22, 0.45)}
    plan = quick_plan()
    records = records_of(plan, world)
    full = cells_of(plan, method="barlow", shuffle="none", jitter="on")
    records = put(records, full, "linear.h.none.label", [0.45, 0.44, 0.46])
    verdict = one(plan, records, "r1b", "barlow", "none")
    assert verdict.word == "not learned"
    assert verdict.outcome is not None
    assert not verdict.outcome.yardstick
    assert one(plan, records, "r1b", "byol", "none").word == "refuted"


@pytest.mark.parametrize("claim", ["r1a-fair", "r1a-literal", "r1b"])
@pytest.mark.parametrize("domain", ["own", "none"])
def test_every_side_of_a_judgement_is_probed_in_one_domain(claim: str, domain: str) -> None:
    plan = quick_plan()
    verdict = one(plan, records_of(plan, BEYOND), claim, "barlow", domain)
    wanted = "pixels" if domain == "own" else "none"
    assert {accuracy.metric.domain for accuracy in verdict.accuracies} == {wanted}
    full = verdict.accuracy("full")
    assert full is not None
    assert full.name.startswith("supervised encoder, shuffled" if domain == "own" else "intact, jitter on")


def test_an_equivalence_that_its_ceiling_excludes_is_untestable() -> None:
    plan = quick_plan()
    records = records_of(plan, {**BEYOND, ("any", "none", "shuffled"): (0.4, 0.4)})
    verdict = one(plan, records, "r1a-fair", "barlow", "own")
    assert verdict.word == "untestable"
    assert verdict.ceiling == pytest.approx(0.31, abs=0.01)
    assert one(plan, records, "r1a-fair", "barlow", "none").word == "refuted"
    assert one(plan, records_of(plan, BEYOND), "r1a-fair", "barlow", "own").word == "refuted"


LEARNED = {"clear": [0.45, 0.44, 0.46], "level": [0.545, 0.565, 0.57], "below": [0.60, 0.61, 0.62]}


@pytest.mark.parametrize(
    ("untrained", "word"), [("clear", "supported"), ("level", "not learned"), ("below", "not learned")]
)
def test_nothing_is_decided_where_an_untrained_encoder_does_as_well(untrained: str, word: str) -> None:
    plan = quick_plan(axes={"method": ["barlow"]})
    arm = cells_of(plan, method="barlow", shuffle="none", jitter="off")
    records = put(records_of(plan, BEYOND), arm, "linear.h.none.label", [0.55, 0.56, 0.57])
    verdict = one(plan, beaten_by_untrained(plan, records, LEARNED[untrained]), "beyond-histograms", "barlow")
    assert verdict.word == word
    assert verdict.gate is not None
    (carrier,) = verdict.gate.supported
    assert carrier.name == "intact, jitter off"
    assert carrier.control == pytest.approx(sum(LEARNED[untrained]) / 3)
    assert carrier.above == (word == "supported")


def test_what_must_be_learned_is_tested_like_the_claim_itself() -> None:
    """The p value for the claim is the larger one of its own and that of "the arm is above an untrained encoder"."""
    plan = paired(quick_plan(axes={"method": ["barlow"]}))
    arm = [0.55, 0.56, 0.57]
    untrained = [0.50, 0.545, 0.52]
    cells = cells_of(plan, method="barlow", shuffle="none", jitter="off")
    records = beaten_by_untrained(plan, put(records_of(plan, BEYOND), cells, "linear.h.none.label", arm), untrained)
    verdict = one(plan, records, "beyond-histograms", "barlow")
    expected = stats.ttest_rel(arm, untrained, alternative="greater").pvalue
    assert verdict.gate is not None
    assert verdict.gate.p("supported") == pytest.approx(expected)
    assert verdict.holm_supported == pytest.approx(expected)
    assert verdict.outcome is not None
    assert verdict.outcome.p_supported is not None
    assert verdict.outcome.p_supported < 0.01


def test_that_an_arm_learns_nothing_can_be_what_is_claimed() -> None:
    """Of "it stays near an untrained encoder" the yardstick must have learned, not the arm."""
    plan = quick_plan()
    verdict = one(plan, records_of(plan, BEYOND), "r1b", "barlow")
    assert verdict.word == "supported"
    assert verdict.gate is not None
    assert [carrier.name for carrier in verdict.gate.supported] == ["intact, jitter on"]
    assert [carrier.name for carrier in verdict.gate.refuted] == ["shuffled, jitter on", "intact, jitter on"]
    lost = {**BEYOND, ("barlow", "none", "on"): (0.45, 0.45)}  # the method learns nothing anywhere
    assert one(plan, records_of(plan, lost), "r1b", "barlow").word == "not learned"


@pytest.mark.parametrize("name", experiment_names())
def test_nothing_is_decided_where_nothing_was_learned(name: str) -> None:
    """Every trained arm two to twelve points below the untrained encoder, and a supervised one far above it."""
    spec = load_experiment(name)
    plan = build_plan(spec, "quick", Overrides(seeds=5), on_cuda=False, winner="ema" if spec.screen else "")
    records = grid_records(plan, lambda cell: UNTRAINED_GRID - 0.02 - 0.1 * (int(cell.id, 16) % 100) / 100)
    for cell in plan.cells:
        if cell.config.method.name == "supervised":
            high = {key: 0.9 + 0.001 * cell.seed for key in records[cell.id].metrics if key.endswith(".label")}
            records = changed(records, cell.id, metrics={**records[cell.id].metrics, **high})
    found = [verdict for verdict in judge(Results(plan, records)) if verdict.word != "untested"]
    words = {(verdict.claim.id, verdict.name, verdict.domains): verdict.word for verdict in found}
    assert words
    assert set(words.values()) <= {"not learned", "untestable"}, words


def test_of_two_slopes_that_both_fall_none_rises_faster() -> None:
    plan = grid_plan("dims", seeds=5)
    rate = {"barlow": -0.005, "byol": -0.03, "simclr": 0.0, "vicreg": 0.0}

    def falling(cell: PlannedCell) -> float:
        return 0.9 + rate[cell.config.method.name] * math.log2(int(cell.axes["dims"]) / 16)

    verdict = slopes(plan, falling, "r2-weaker", **{"lambda": "fixed"})
    assert verdict.outcome is not None
    assert verdict.outcome.effect == pytest.approx(0.025, abs=0.004)
    assert verdict.word == "inconclusive"


def test_the_word_must_hold_against_the_reference_most_in_doubt() -> None:
    plan = paired(only(quick_plan(), "beyond-histograms"))
    supervised = cells_of(plan, method="supervised", shuffle="pixels")
    wild = put(records_of(plan, BEYOND), supervised, "linear.h.pixels.label", [0.02, 0.50, 0.15])
    verdict = one(plan, wild, "beyond-histograms", "barlow")
    best = verdict.accuracy("against")
    assert best is not None
    assert best.name == "supervised encoder, shuffled, jitter off"  # on intact images
    assert verdict.word == "inconclusive"
    assert verdict.outcome is not None
    assert verdict.outcome.hardest > 0


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
    histogram = next(a for a in verdict.accuracies if str(a.metric) == "linear.joint.none.label")
    assert histogram.values == dict.fromkeys(range(3), HISTOGRAM["linear.joint"])
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
    assert found["jitter-limit"] == {("none",)}


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


def slopes(plan: Plan, truth: Callable[[PlannedCell], float], claim: str, **case: str) -> Verdict:
    records = grid_records(plan, truth)
    found = [v for v in judge(Results(plan, records)) if v.claim.id == claim]
    return next(v for v in found if all(str(v.case[name]) == value for name, value in case.items()))


def test_slopes_are_compared_by_least_squares_over_all_dimensions() -> None:
    plan = grid_plan("dims", seeds=5)
    records = grid_records(plan, dims_truth)
    verdict = slopes(plan, dims_truth, "r2-rising", method="barlow", **{"lambda": "fixed"})
    assert verdict.word == "supported"
    arm = verdict.accuracies[0]
    cells = [c for c in plan.cells if c.config.method.name == "barlow" and c.axes["lambda"] == "fixed"]
    for seed, slope in arm.values.items():
        of_seed = [cell for cell in cells if cell.seed == seed]
        x = [math.log2(int(cell.axes["dims"])) for cell in of_seed]
        y = [records[cell.id].metrics["linear.h.none.label"] for cell in of_seed]
        assert slope == pytest.approx(stats.linregress(x, y).slope)
    weaker = slopes(plan, dims_truth, "r2-weaker", **{"lambda": "fixed"})
    assert weaker.word == "supported"
    assert weaker.outcome is not None
    assert weaker.outcome.effect == pytest.approx(0.019, abs=0.004)
    halved = slopes(plan, dims_truth, "lambda-rule", **{"lambda": "c/D"})
    assert halved.outcome is not None
    assert halved.outcome.effect == pytest.approx(12 / 22, abs=0.1)


def test_a_slope_must_have_been_learned_at_its_upper_end() -> None:
    plan = grid_plan("dims", seeds=5)
    lost = slopes(plan, lambda cell: dims_truth(cell) - 0.3, "r2-rising", method="barlow", **{"lambda": "fixed"})
    assert lost.word == "not learned"
    assert lost.gate is not None
    assert {carrier.name for carrier in lost.gate.supported} == {"D = 256"}


@pytest.mark.parametrize("missing", ["", "16"])
def test_a_slope_lacks_what_one_of_its_values_lacks(missing: str) -> None:
    plan = grid_plan("dims", seeds=3)
    records = grid_records(plan, dims_truth)
    gone = [c.id for c in plan.cells if c.axes["dims"] == missing and c.config.method.name == "barlow"][:1]
    verdicts = judge(Results(plan, {name: r for name, r in records.items() if name not in gone}))
    words = {v.word for v in verdicts if v.claim.id == "r2-rising" and str(v.case["method"]) == "barlow"}
    assert ("incomplete" in words) == bool(gone)


def test_one_value_of_the_axis_is_no_slope() -> None:
    plan = grid_plan("dims", seeds=3, axes={"dims": ["64"]})
    verdicts = [v for v in judge(Results(plan, grid_records(plan, dims_truth))) if v.claim.id == "r2-rising"]
    assert {v.word for v in verdicts} == {"untested"}


def test_arms_that_scatter_alike_are_judged_by_the_spread_of_all() -> None:
    plan = only(quick_plan(), "beyond-histograms")
    arm = cells_of(plan, method="barlow", shuffle="none", jitter="off")
    records = put(records_of(plan, BEYOND), arm, "linear.h.none.label", [0.546, 0.55, 0.554])
    for domain in ("none", "pixels"):
        supervised = cells_of(plan, method="supervised", shuffle="pixels")
        records = put(records, supervised, f"linear.h.{domain}.label", [0.307, 0.311, 0.315])
    pooled = one(plan, records, "beyond-histograms", "barlow").outcome
    alone = one(paired(plan), records, "beyond-histograms", "barlow").outcome
    assert pooled is not None
    assert alone is not None
    assert (pooled.variance, alone.variance) == ("pooled", "paired")
    assert pooled.paired_supported == alone.p_supported
    assert pooled.effect == alone.effect


def test_the_error_over_test_images_is_that_of_the_paired_answers() -> None:
    plan = only(quick_plan(axes={"method": ["barlow"]}), "r1a-fair")
    records = records_of(plan, BEYOND)
    draw = np.random.default_rng(0)
    arm, against = (cells_of(plan, method="barlow", shuffle=shuffle, jitter="off") for shuffle in ("pixels", "none"))
    answers = {cell.id: draw.random(400) < 0.4 for cell in (*arm, *against)}
    results = Results(plan, records, answers=answers_of(answers, "linear.h.none.label"))
    verdict = next(v for v in judge(results) if "none" in v.domains)
    right = [np.mean([answers[cell.id] for cell in cells], axis=0) for cells in (arm, against)]
    each = np.asarray(right[0] - right[1])
    assert verdict.images is not None
    assert verdict.images.images == 400
    assert verdict.images.standard_error == pytest.approx(stats.sem(each))
    del answers[arm[0].id]
    fewer = Results(plan, records, answers=answers_of(answers, "linear.h.none.label"))
    assert next(v for v in judge(fewer) if "none" in v.domains).images is None


def test_against_a_control_the_arm_itself_must_have_learned() -> None:
    """Half-way to a supervised encoder: that control carries no word, the arm does, whichever way it is decided."""
    plan = grid_plan("dose-patch", seeds=5)

    def truth(cell: PlannedCell) -> float:
        return 0.33 if cell.axes["shuffle"] == "pixels" else 0.6

    records = grid_records(plan, truth)
    for cell in plan.cells:
        if cell.config.method.name == "supervised":
            high = {key: 0.9 + 0.001 * cell.seed for key in records[cell.id].metrics if key.endswith(".label")}
            records = changed(records, cell.id, metrics={**records[cell.id].metrics, **high})
    found = [v for v in judge(Results(plan, records)) if v.claim.id == "half-way" and str(v.case["method"]) == "barlow"]
    assert {str(v.case["shuffle"]): v.word for v in found}["none"] in ("supported", "refuted", "inconclusive")
    for verdict in found:
        assert verdict.gate is not None
        assert [carrier.name for carrier in verdict.gate.refuted] == [verdict.accuracies[0].name]
