import json
from collections.abc import Mapping

import pytest
from scipy import stats

from barlowcli.analysis.results import Results
from barlowcli.plan.plan import Plan
from barlowcli.records.record import Record
from barlowcli.verdicts import judge
from barlowcli.verdicts.document import verdict_document
from barlowcli.verdicts.findings import Finding, draw_together, notes, reason
from tests.synthetic_results import BEYOND, SUFFICE, World, beaten_by_untrained, cells_of, put, quick_plan, records_of


def findings(plan: Plan, records: Mapping[str, Record]) -> dict[str, Finding]:
    return {finding.claim.id: finding for finding in draw_together(plan, judge(Results(plan, records)))}


def with_numbers(world: World = BEYOND) -> tuple[Plan, dict[str, Record]]:
    """The full grid, with round numbers for the arms that the sentences below quote."""
    plan = quick_plan()
    records = records_of(plan, world)
    values = {
        ("barlow", "none", "on"): [0.70, 0.72, 0.71],
        ("barlow", "none", "off"): [0.50, 0.52, 0.51],
        ("barlow", "pixels", "on"): [0.225, 0.235, 0.24],
        ("barlow", "pixels", "off"): [0.30, 0.31, 0.32],
    }
    for (method, shuffle, jitter), numbers in values.items():
        cells = cells_of(plan, method=method, shuffle=shuffle, jitter=jitter)
        records = put(records, cells, f"linear.h.{shuffle}.label", numbers)
    records = put(records, cells_of(plan, method="random-init"), "linear.h.pixels.label", [0.20, 0.21, 0.22])
    records = put(records, cells_of(plan, method="random-init"), "linear.h.none.label", [0.40, 0.41, 0.42])
    records = put(records, cells_of(plan, method="supervised", shuffle="pixels"), "linear.h.pixels.label", [0.3] * 3)
    return plan, records


def test_sentences_carry_effect_interval_n_and_p() -> None:
    found = findings(*with_numbers())
    assert reason(found["beyond-histograms"].verdicts[0]) == (
        "51.0 % against 30.0 % (supervised encoder, shuffled, jitter off), +21.0 points "
        "(90 % interval +19.3 to +22.7), n = 3, p < .001."
    )
    assert reason(found["r1a-fair"].verdicts[0]) == (
        "31.0 % on shuffled images against 51.0 % (intact, jitter off), -20.0 points "
        "(90 % interval -21.7 to -18.3), n = 3, p < .001; as good means within 5.0 points, 10 % of what the full model "
        "(71.0 %) has over the floor (21.0 %, untrained encoder on shuffled images)."
    )
    assert reason(found["r1b"].verdicts[0]) == (
        "23.3 % on shuffled images, on a scale from 21.0 % (untrained encoder on shuffled images) to 71.0 % "
        "(intact, jitter on), 4.7 % of the way up (90 % interval 3.8 to 5.5), n = 3, p = .002; the bound is 10 %."
    )


def test_an_inconclusive_sentence_has_both_p_values() -> None:
    plan, records = with_numbers()
    arm = cells_of(plan, method="barlow", shuffle="pixels", jitter="off")
    verdict = findings(plan, put(records, arm, "linear.h.pixels.label", [0.45, 0.50, 0.40]))["r1a-fair"].verdicts[0]
    assert verdict.word == "inconclusive"
    against = stats.ttest_1samp([-0.05, -0.02, -0.11], -0.05, alternative="less").pvalue  # the smaller one is BYOL's
    assert f"p = 1.000 for it and p = {against:.3f} against".replace(" 0.", " .") in reason(verdict)


def test_few_seeds_and_no_yardstick_are_said_in_words() -> None:
    two = quick_plan(seeds=2)
    assert reason(findings(two, records_of(two, BEYOND))["r1b"].verdicts[0]).endswith("A verdict needs 3 seeds.")
    plan, records = with_numbers()
    poor = put(
        records, cells_of(plan, method="barlow", shuffle="none", jitter="on"), "linear.h.none.label", [0.2, 0.21, 0.22]
    )
    assert reason(findings(plan, poor)["r1b"].verdicts[0]) == (
        "23.3 % on shuffled images, on a scale from 21.0 % (untrained encoder on shuffled images) to 21.0 % "
        "(intact, jitter on), n = 3. There is no yardstick: the full model (21.0 %) is not clearly above an untrained "
        "encoder on shuffled images (21.0 %) and an untrained encoder on intact images (41.0 %)."
    )
    high = findings(plan, beaten_by_untrained(plan, records, [0.7, 0.71, 0.72]))["r1a-fair"].verdicts[0]
    assert reason(high).endswith(
        "n = 3. There is no yardstick: the full model (71.0 %) is not clearly above an untrained encoder on intact "
        "images (71.0 %)."
    )


def test_notes_name_collapse_identical_seeds_and_a_lone_control() -> None:
    plan, records = with_numbers()
    arm = cells_of(plan, method="barlow", shuffle="pixels", jitter="on")
    for cell in arm[:2]:
        records[cell.id] = records[cell.id].model_copy(update={"status": "collapsed"})
    found = findings(plan, put(records, arm, "linear.h.pixels.label", [0.3, 0.31, 0.32]))
    assert notes(found["r1b"].verdicts[0])[0] == (
        "Collapsed in training, counted as they are: shuffled, jitter on, seeds 0, 1."
    )
    intact = cells_of(plan, method="barlow", shuffle="none", jitter="off")
    same = put(records, intact, "linear.h.none.label", [0.31, 0.31, 0.31])
    verdict = findings(plan, same)["beyond-histograms"].verdicts[0]
    assert verdict.word == "supported"
    assert "Every seed gave the same number, so there was no spread to test by." in notes(verdict)
    lone = [c for c in plan.cells if c.axes["method"] != "histogram" or c.seed == 0]
    verdict = findings(plan.model_copy(update={"cells": tuple(lone)}), records)["beyond-histograms"].verdicts[0]
    assert "Small MLP on joint RGB histograms was run at one seed, which stands for all." in notes(verdict)


def test_an_untrained_encoder_as_good_as_the_arm_is_pointed_out() -> None:
    plan, records = with_numbers()
    verdict = findings(plan, records)["beyond-histograms"].verdicts[0]
    assert notes(verdict) == [
        "An untrained encoder has 41.0 % in the same probe, also above 30.0 %: not all of the difference was learned."
    ]
    above = beaten_by_untrained(plan, records, [0.6, 0.61, 0.62])
    assert notes(findings(plan, above)["beyond-histograms"].verdicts[0]) == [
        "An untrained encoder has 61.0 % in the same probe, more than this arm."
    ]


def test_what_an_untrained_encoder_can_do_as_well_is_not_said_to_be_learned() -> None:
    plan, records = with_numbers()
    byol = cells_of(plan, method="byol", shuffle="none", jitter="off")
    same = put(records, byol, "linear.h.none.label", [0.50, 0.52, 0.51])
    found = findings(plan, beaten_by_untrained(plan, same, [0.6, 0.61, 0.62]))["beyond-histograms"]
    assert (found.word, found.meaning) == (
        "supported",
        "it stands above every histogram control, but so does an untrained encoder (61.0 %): nothing here shows that "
        "it was learned",
    )
    near = findings(plan, beaten_by_untrained(plan, same, [0.48, 0.53, 0.50]))["beyond-histograms"]
    assert near.meaning.startswith(
        "it stands above every histogram control, but is not clearly above an untrained encoder (50.3 %)"
    )
    assert "this arm is not clearly above it." in notes(near.verdicts[0])[-1]
    one = put(records, byol, "linear.h.none.label", [0.70, 0.72, 0.71])
    split = findings(plan, beaten_by_untrained(plan, one, [0.6, 0.61, 0.62]))["beyond-histograms"]
    assert split.word == "supported"
    assert split.meaning == (
        "Barlow Twins: it stands above every histogram control, but so does an untrained encoder (61.0 %): nothing "
        f"here shows that it was learned; BYOL: {split.claim.supported}"
    )


def test_an_untrained_encoder_in_the_place_of_every_arm_is_caught() -> None:
    """An engine that trained nothing would get no further than these words."""
    plan, records = with_numbers()
    values = [0.5, 0.52, 0.51]
    records = beaten_by_untrained(plan, records, values)
    for method in ("barlow", "byol"):
        for jitter in ("on", "off"):
            cells = cells_of(plan, method=method, shuffle="none", jitter=jitter)
            records = put(records, cells, "linear.h.none.label", values)
    found = findings(plan, records)
    assert found["beyond-histograms"].word == "supported"
    assert "nothing here shows that it was learned" in found["beyond-histograms"].meaning
    assert {found[name].word for name in ("r1a-fair", "r1a-literal", "r1b")} == {"inconclusive"}


def test_words_of_an_equivalence_say_which_way_it_fails() -> None:
    plan, records = with_numbers()
    for method in ("barlow", "byol"):
        arm = cells_of(plan, method=method, shuffle="pixels", jitter="off")
        records = put(records, arm, "linear.h.pixels.label", [0.93, 0.94, 0.95])
    found = findings(plan, records)["r1a-literal"]
    assert found.word == "refuted"
    assert found.meaning == '"shuffled, jitter off" is not equal but better than "intact, jitter on"'
    assert "It is better than that, not worse." in notes(found.verdicts[0])
    below = findings(*with_numbers())["r1a-literal"]
    assert below.meaning == below.claim.refuted
    assert not any("better" in note for note in notes(below.verdicts[0]))


def test_a_scale_over_two_domains_is_said_to_be_one() -> None:
    found = findings(*with_numbers())["r1a-fair"]
    own, intact = found.verdicts[0], found.verdicts[2]
    assert notes(own) == [
        "That scale spans two domains, intact images above and shuffled images below; untrained encoder on intact "
        "images: 41.0 %."
    ]
    assert intact.domains == ("none",)
    assert not any("domains" in note for note in notes(intact))


def test_low_rank_and_the_reference_most_in_doubt_are_noted() -> None:
    plan, records = with_numbers()
    arm = cells_of(plan, method="barlow", shuffle="none", jitter="off")
    records = put(records, arm, "rankme.z.none", [2.0, 2.1, 2.2])
    supervised = cells_of(plan, method="supervised", shuffle="pixels")
    wild = put(records, supervised, "linear.h.pixels.label", [0.02, 0.55, 0.15])
    texts = notes(findings(plan, wild)["beyond-histograms"].verdicts[0])
    assert "Intact, jitter off: its embeddings span about 2 dimensions." in texts
    assert (
        "The p value for it is the one against supervised encoder, shuffled, jitter off (24.0 %), the least certain."
        in texts
    )
    blind = put(records, arm, "matching", [0.004, 0.004, 0.004])
    assert (
        "Intact, jitter off: its embeddings span about 2 dimensions and match the views of an image hardly above "
        "chance (0.4 %)."
    ) in notes(findings(plan, blind)["beyond-histograms"].verdicts[0])


def test_one_word_for_the_claim() -> None:
    plan = quick_plan()
    found = findings(plan, records_of(plan, BEYOND))
    assert (found["beyond-histograms"].word, found["jitter-limit"].word) == ("supported", "untested")
    assert found["beyond-histograms"].meaning.endswith('"only histograms" is refuted')
    assert found["jitter-limit"].meaning == ""
    mixed = findings(plan, records_of(plan, {**SUFFICE, ("byol", "pixels", "off"): (0.5, 0.5)}))["r1a-fair"]
    assert (mixed.word, mixed.meaning) == ("mixed", "")
    records = records_of(plan, BEYOND)
    del records[cells_of(plan, method="byol", shuffle="none", jitter="on")[0].id]
    assert findings(plan, records)["r1b"].word == "incomplete"


def test_domains_that_disagree_are_said_to() -> None:
    plan = quick_plan()
    found = findings(plan, records_of(plan, BEYOND))
    assert found["r1b"].disagreement == (
        "The domains disagree: Barlow Twins is supported on shuffled images and refuted on intact images; "
        "BYOL is supported on shuffled images and refuted on intact images."
    )
    assert found["r1a-fair"].disagreement == ""


def test_the_document_has_every_number_and_null_where_there_is_none() -> None:
    plan, records = with_numbers()
    found = draw_together(plan, judge(Results(plan, records)))
    document = verdict_document(plan, found, {"planned": 36}, partial=False)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert (document["schema_version"], document["plan_hash"], document["partial"]) == (1, plan.hash, False)
    claims = {claim["id"]: claim for claim in document["claims"]}
    first = claims["r1b"]["verdicts"][0]
    assert first["case"] == {"method": "barlow"}
    assert (first["verdict"], first["quantity"], first["n"], first["margin"]) == ("supported", "share", 3, 0.1)
    assert first["effect"] == pytest.approx(0.07 / 1.5, abs=1e-6)
    assert first["interval"]["low"] < first["decision_interval"]["low"] < first["effect"]
    assert first["p_holm"]["supported"] == pytest.approx(2 * first["p"]["supported"], rel=1e-4)
    assert first["accuracies"][0]["by_seed"] == {"0": 0.225, "1": 0.235, "2": 0.24}
    untested = claims["jitter-limit"]["verdicts"][0]
    assert (untested["effect"], untested["n"], untested["interval"]["low"]) == (None, 0, None)
    assert untested["reason"] == "Not in this run's grid: equalised, jitter off."
