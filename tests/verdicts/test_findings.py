import json
from collections.abc import Mapping

import pytest
from scipy import stats

from barlowcli.analysis.results import Results
from barlowcli.plan.plan import Plan
from barlowcli.records.record import Record
from barlowcli.verdicts import judge
from barlowcli.verdicts.document import verdict_document
from barlowcli.verdicts.errors import error_rate
from barlowcli.verdicts.findings import Finding, draw_together, meaning
from barlowcli.verdicts.reasons import notes, reason
from tests.synthetic_results import BEYOND, World, beaten_by_untrained, cells_of, put, quick_plan, records_of


def findings(plan: Plan, records: Mapping[str, Record]) -> dict[str, Finding]:
    return {finding.claim.id: finding for finding in draw_together(plan, judge(Results(plan, records)))}


def with_numbers(world: World = BEYOND) -> tuple[Plan, dict[str, Record]]:
    """The full grid, with round numbers for the arms that the sentences below quote, judged by paired seeds."""
    plan = quick_plan()
    plan = plan.model_copy(update={"experiment": plan.experiment.model_copy(update={"variance": "paired"})})
    records = records_of(plan, world)
    values = {
        ("barlow", "none", "on"): [0.70, 0.72, 0.71],
        ("barlow", "none", "off"): [0.50, 0.52, 0.51],
        ("barlow", "pixels", "on"): [0.205, 0.215, 0.22],
        ("barlow", "pixels", "off"): [0.30, 0.31, 0.32],
    }
    for (method, shuffle, jitter), numbers in values.items():
        cells = cells_of(plan, method=method, shuffle=shuffle, jitter=jitter)
        records = put(records, cells, f"linear.h.{shuffle}.label", numbers)
    records = put(records, cells_of(plan, method="random-init"), "linear.h.pixels.label", [0.20, 0.21, 0.22])
    records = put(records, cells_of(plan, method="random-init"), "linear.h.none.label", [0.40, 0.41, 0.42])
    supervised = cells_of(plan, method="supervised", shuffle="pixels")
    records = put(records, supervised, "linear.h.pixels.label", [0.35, 0.36, 0.37])
    records = put(records, supervised, "linear.h.none.label", [0.29, 0.30, 0.31])
    return plan, records


def test_sentences_carry_effect_interval_n_and_p() -> None:
    found = findings(*with_numbers())
    assert reason(found["beyond-histograms"].verdicts[0]) == (
        "51.0 % against 36.0 % (supervised encoder, shuffled, jitter off, probed on shuffled images), +15.0 "
        "points (95 % interval +12.5 to +17.5), n = 3, p = .003."
    )
    assert reason(found["r1a-fair"].verdicts[0]) == (
        "31.0 % on shuffled images against 24.0 % (intact, jitter off), +7.0 points (95 % interval +3.2 to +10.8), "
        "n = 3, p = 1.000 for it and p = .076 against; as good means within 1.5 points, 10 % of what a supervised "
        "encoder, shuffled, jitter off (36.0 %) has over the floor (21.0 %, untrained encoder on shuffled images)."
    )
    assert reason(found["r1b"].verdicts[2]) == (
        "49.6 % on intact images, on a scale from 41.0 % (untrained encoder on intact images) to 71.0 % "
        "(intact, jitter on), 28.7 % of the way up (95 % interval 17.2 to 39.0), n = 3, p = .010; the bound is 10 %."
    )


def test_an_inconclusive_sentence_has_both_p_values() -> None:
    plan, records = with_numbers()
    arm = cells_of(plan, method="barlow", shuffle="pixels", jitter="off")
    changed = put(records, arm, "linear.h.none.label", [0.45, 0.50, 0.40])
    verdict = next(v for v in findings(plan, changed)["r1a-fair"].verdicts if "none" in v.domains)
    assert verdict.word == "inconclusive"
    against = stats.ttest_1samp([-0.05, -0.02, -0.11], -0.03, alternative="less").pvalue  # the smaller one is BYOL's
    assert f"p = 1.000 for it and p = {against:.3f} against".replace(" 0.", " .") in reason(verdict)


def test_few_seeds_and_no_yardstick_are_said_in_words() -> None:
    two = quick_plan(seeds=2)
    assert reason(findings(two, records_of(two, BEYOND))["r1b"].verdicts[0]).endswith("A verdict needs 3 seeds.")
    plan, records = with_numbers()
    poor = put(
        records, cells_of(plan, method="barlow", shuffle="none", jitter="on"), "linear.h.none.label", [0.4, 0.41, 0.42]
    )
    intact = next(v for v in findings(plan, poor)["r1b"].verdicts if "none" in v.domains)
    assert reason(intact).endswith(
        "There is no yardstick: the full model (41.0 %) is not clearly above an untrained encoder on intact images "
        "(41.0 %)."
    )
    supervised = cells_of(plan, method="supervised", shuffle="pixels")
    low = put(records, supervised, "linear.h.pixels.label", [0.20, 0.21, 0.22])
    assert reason(findings(plan, low)["r1b"].verdicts[0]).endswith(
        "There is no yardstick: a supervised encoder, shuffled, jitter off (21.0 %) is not clearly above an untrained "
        "encoder on shuffled images (21.0 %)."
    )


def test_notes_name_collapse_identical_seeds_and_a_lone_control() -> None:
    plan, records = with_numbers()
    arm = cells_of(plan, method="barlow", shuffle="pixels", jitter="on")
    for cell in arm[:2]:
        records[cell.id] = records[cell.id].model_copy(update={"status": "collapsed"})
    found = findings(plan, records)
    assert notes(found["r1b"].verdicts[0])[0] == (
        "Collapsed in training, counted as they are: shuffled, jitter on, seeds 0, 1."
    )
    intact = cells_of(plan, method="barlow", shuffle="none", jitter="off")
    same = put(records, intact, "linear.h.none.label", [0.52, 0.53, 0.54])  # S scatters alike, and so does R
    verdict = findings(plan, same)["beyond-histograms"].verdicts[0]
    assert verdict.word == "supported"
    assert "Every seed gave the same number, so there was no spread to test by." in notes(verdict)
    lone = [c for c in plan.cells if c.axes["method"] != "histogram" or c.seed == 0]
    verdict = findings(plan.model_copy(update={"cells": tuple(lone)}), records)["beyond-histograms"].verdicts[0]
    assert "Linear probe on joint RGB histograms was run at one seed, which stands for all." in notes(verdict)


def test_a_word_that_a_collapse_brought_about_says_so_everywhere() -> None:
    plan, records = with_numbers()
    for method in ("barlow", "byol"):
        cells = cells_of(plan, method=method, shuffle="pixels", jitter="on")
        records = put(records, cells, "linear.h.pixels.label", [0.205, 0.215, 0.22])
        for cell in cells if method == "barlow" else []:
            records[cell.id] = records[cell.id].model_copy(update={"status": "collapsed"})
    found = findings(plan, records)["r1b"]
    own = [verdict.word for verdict in found.verdicts if verdict.domains == ("own",)]
    assert own == ["supported by collapse", "supported"]
    alone = quick_plan(axes={"method": ["barlow"]})
    alone = alone.model_copy(update={"experiment": plan.experiment})
    barlow = Results(alone, {cell.id: records[cell.id] for cell in alone.cells})
    one = Finding(found.claim, tuple(v for v in judge(barlow) if v.claim.id == "r1b" and v.domains == ("own",)))
    assert one.headline == "supported by collapse: shuffled, jitter on, 3 of 3 seeds"
    assert one.meaning == one.claim.supported


def test_an_untrained_encoder_above_the_reference_is_pointed_out() -> None:
    plan, records = with_numbers()
    verdict = findings(plan, records)["beyond-histograms"].verdicts[0]
    assert notes(verdict) == [
        "An untrained encoder has 41.0 % in the same probe, also above 36.0 %: not all of the difference was learned."
    ]


def test_what_an_untrained_encoder_can_do_as_well_was_not_learned() -> None:
    plan, records = with_numbers()
    byol = cells_of(plan, method="byol", shuffle="none", jitter="off")
    same = put(records, byol, "linear.h.none.label", [0.50, 0.52, 0.51])
    found = findings(plan, beaten_by_untrained(plan, same, [0.6, 0.61, 0.62]))["beyond-histograms"]
    assert (found.word, found.headline, found.meaning) == (
        "not learned",
        "not learned",
        '"intact, jitter off" (51.0 %) is not clearly above an untrained encoder on intact images (61.0 %): what was '
        "not learned decides nothing",
    )
    one = put(records, byol, "linear.h.none.label", [0.70, 0.72, 0.71])
    split = findings(plan, beaten_by_untrained(plan, one, [0.6, 0.61, 0.62]))["beyond-histograms"]
    assert split.word == "mixed"
    assert [verdict.word for verdict in split.verdicts] == ["not learned", "supported"]


def test_an_untrained_encoder_in_the_place_of_every_arm_is_caught() -> None:
    """An engine that trained nothing would get no further than these words."""
    plan, records = with_numbers()
    values = [0.5, 0.52, 0.51]
    records = beaten_by_untrained(plan, records, values)
    for method in ("barlow", "byol"):
        for jitter in ("on", "off"):
            cells = cells_of(plan, method=method, shuffle="none", jitter=jitter)
            for metric in ("linear.h", "mlp.h", "linear.h+joint"):
                records = put(records, cells, f"{metric}.none.label", values)
                records = put(records, cells_of(plan, method="random-init"), f"{metric}.none.label", values)
    found = findings(plan, records)
    for name in ("beyond-histograms", "beyond-histograms-mlp", "beyond-histograms-added"):
        assert found[name].word == "not learned", name
    for name in ("r1a-fair", "r1a-literal", "r1b"):
        assert {v.word for v in found[name].verdicts if "none" in v.domains} <= {"inconclusive", "not learned"}, name


def test_words_of_an_equivalence_say_which_way_it_fails() -> None:
    plan, records = with_numbers()
    for method in ("barlow", "byol"):
        arm = cells_of(plan, method=method, shuffle="pixels", jitter="off")
        for domain in ("pixels", "none"):
            records = put(records, arm, f"linear.h.{domain}.label", [0.93, 0.94, 0.95])
    found = findings(plan, records)["r1a-literal"]
    assert found.word == "refuted"
    assert found.verdicts[2].better
    assert meaning(found.verdicts[2]) == '"shuffled, jitter off" is not equal but better than "intact, jitter on"'
    assert "It is better than that, not worse." in notes(found.verdicts[0])
    below = findings(*with_numbers())["r1a-literal"]
    assert meaning(below.verdicts[2]) == below.claim.refuted
    assert not any("better" in note for note in notes(below.verdicts[2]))


def test_what_no_arm_could_reach_is_untestable() -> None:
    plan, records = with_numbers({**BEYOND, ("any", "none", "shuffled"): (0.5, 0.5)})
    found = findings(plan, records)["r1a-fair"]
    assert found.headline == "depends on the probe: untestable on shuffled images, refuted on intact images"
    assert meaning(found.verdicts[0]) == (
        "the best that can be had on shuffled images (36.0 %) is too low to be within 1.5 points of 50.0 %, whatever "
        "was learned"
    )


def test_low_rank_and_the_reference_most_in_doubt_are_noted() -> None:
    plan, records = with_numbers()
    arm = cells_of(plan, method="barlow", shuffle="none", jitter="off")
    records = put(records, arm, "rankme.z.none", [2.0, 2.1, 2.2])
    supervised = cells_of(plan, method="supervised", shuffle="pixels")
    wild = put(records, supervised, "linear.h.pixels.label", [0.02, 0.55, 0.15])
    texts = notes(findings(plan, wild)["beyond-histograms"].verdicts[0])
    assert "Intact, jitter off: its embeddings span about 2 dimensions." in texts
    assert (
        "The p value for it is the one against supervised encoder, shuffled, jitter off, probed on shuffled images "
        "(24.0 %), the least certain." in texts
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
    records = records_of(plan, BEYOND)
    del records[cells_of(plan, method="byol", shuffle="none", jitter="on")[0].id]
    assert findings(plan, records)["r1b"].word == "incomplete"


def test_cases_that_differ_are_mixed_and_domains_that_differ_depend_on_the_probe() -> None:
    plan = quick_plan()
    found = findings(plan, records_of(plan, BEYOND))["r1b"]
    assert found.word == "depends on the probe"
    assert found.detail == "supported on shuffled images, refuted on intact images"
    assert found.headline == f"{found.word}: {found.detail}"
    assert found.meaning == ""
    assert len(found.shown) == 4
    arm = cells_of(plan, method="byol", shuffle="none", jitter="off")
    low = put(records_of(plan, BEYOND), arm, "linear.h.none.label", [0.2, 0.21, 0.22])
    mixed = findings(plan, low)["beyond-histograms"]
    assert (mixed.headline, mixed.meaning) == ("mixed: Barlow Twins supported; BYOL not learned", "")


def test_the_report_says_how_often_it_may_be_wrong() -> None:
    plan = quick_plan()
    verdicts = judge(Results(plan, records_of(plan, BEYOND)))
    assert error_rate(verdicts) == (
        "The 2 primary verdicts together are wrong in at most 5 of 100 such runs. Exploratory: each of the 8 claims "
        "and domains is wrong in at most 5 of 100 such runs, so about one in 20 of them by chance."
    )
    none = plan.model_copy(
        update={
            "experiment": plan.experiment.model_copy(
                update={"claims": [claim.model_copy(update={"primary": None}) for claim in plan.experiment.claims]}
            )
        }
    )
    assert error_rate(judge(Results(none, records_of(none, BEYOND)))).startswith(
        "No primary claim was decided in this run: all verdicts are exploratory. Each of the 9 claims and domains is "
    )


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
    assert first["effect"] == pytest.approx(0.01 / 0.45, abs=1e-6)
    assert first["interval"]["low"] < first["effect"] < first["interval"]["high"]
    assert first["p_holm"]["supported"] == pytest.approx(2 * first["p"]["supported"], rel=1e-4)
    assert first["accuracies"][0]["by_seed"] == {"0": 0.205, "1": 0.215, "2": 0.22}
    untested = claims["jitter-limit"]["verdicts"][0]
    assert (untested["effect"], untested["n"], untested["interval"]["low"]) == (None, 0, None)
    assert untested["reason"] == "Not in this run's grid: equalised, jitter off."
