import csv
import io
import re

import pytest
from scipy import stats

from barlowcli.analysis.results import Results
from barlowcli.tables.contrasts import contrasts
from barlowcli.tables.frames import FLAG, REAL, TEXT, WHOLE, frame
from barlowcli.tables.overview import overview
from barlowcli.tables.reading import Reading, texts
from barlowcli.tables.runs import runs
from barlowcli.tables.summary import summary
from barlowcli.tables.writing import csv_text, latex, latex_escape, markdown
from barlowcli.verdicts import judge
from tests.synthetic_results import BEYOND, cells_of, quick_plan, records_of


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_runs_have_a_row_for_every_planned_cell() -> None:
    plan = quick_plan()
    records = records_of(plan, BEYOND)
    gone, failed = plan.cells[4].id, plan.cells[5].id
    del records[gone]
    records[failed] = records[failed].model_copy(update={"status": "failed", "metrics": {}})
    table = rows(csv_text(runs(Results(plan, records))))
    assert [row["id"] for row in table] == [cell.id for cell in plan.cells]
    by_id = {row["id"]: row for row in table}
    assert (by_id[gone]["status"], by_id[gone]["linear.h.none.label"]) == ("missing", "")
    assert (by_id[failed]["status"], by_id[failed]["linear.h.none.label"]) == ("failed", "")
    cell = cells_of(plan, method="byol", shuffle="pixels", jitter="on")[1]
    row = by_id[cell.id]
    assert (row["method"], row["shuffle"], row["jitter"], row["seed"], row["control"]) == (
        "byol",
        "pixels",
        "on",
        "1",
        "no",
    )
    for name, value in records[cell.id].metrics.items():
        assert float(row[name]) == pytest.approx(value, abs=5e-7)


def test_own_columns_are_the_domain_that_a_cell_was_trained_in() -> None:
    plan = quick_plan()
    table = rows(csv_text(runs(Results(plan, records_of(plan, BEYOND)))))
    for row in table:
        domain = row["shuffle"] if row["method"] not in ("random-init", "histogram") else None
        for metric in ("linear.h.{}.label", "linear.h.{}.colour", "knn20.h.{}.label"):
            assert row[metric.format("own")] == (row[metric.format(domain)] if domain else "")
    assert not [name for name in table[0] if name.startswith(("rankme.h.own", "std.z.own", "histogram_r2.h.own"))]


def test_summary_has_the_t_interval_of_every_metric() -> None:
    plan = quick_plan()
    records = records_of(plan, BEYOND)
    table = rows(csv_text(summary(Results(plan, records))))
    arm = {"method": "barlow", "shuffle": "pixels", "jitter": "off", "metric": "linear.h.own.label"}
    (row,) = [row for row in table if arm.items() <= row.items()]
    cells = cells_of(plan, method="barlow", shuffle="pixels", jitter="off")
    values = [records[cell.id].metrics["linear.h.pixels.label"] for cell in cells]
    low, high = stats.t.interval(0.95, 2, loc=stats.tmean(values), scale=stats.sem(values))
    assert [float(row[name]) for name in ("mean", "sd", "low", "high")] == pytest.approx(
        [stats.tmean(values), stats.tstd(values), low, high], abs=1e-6
    )
    assert row["n"] == "3"
    pair = quick_plan(seeds=2)
    assert {(row["low"], row["high"]) for row in rows(csv_text(summary(Results(pair, records_of(pair, BEYOND)))))} == {
        ("", "")
    }


def test_contrasts_hold_every_pair_and_mark_the_one_that_was_tested() -> None:
    plan = quick_plan()
    table = rows(csv_text(contrasts(judge(Results(plan, records_of(plan, BEYOND))))))
    histogram = [row for row in table if row["claim"] == "beyond-histograms" and row["case"] == "BYOL"]
    assert [row["verdict"] for row in histogram] == ["supported", "", "", ""]
    assert [row["kind"] for row in histogram] == ["primary", "", "", ""]
    assert len({row["second"] for row in histogram}) == 4
    share = [row for row in table if (row["claim"], row["case"], row["domains"]) == ("r1b", "Barlow Twins", "own")]
    assert [row["contrast"] for row in share] == ["A - R", "F - R", "g = (A - R) / (F - R)"]
    assert ["untrained encoder on shuffled images" in row["second"] for row in share] == [True, True, False]
    gain, whole, ratio = (float(row["effect"]) for row in share)
    assert ratio == pytest.approx(gain / whole, abs=1e-4)
    assert (share[2]["test"], share[2]["margin"], share[2]["verdict"]) == ("recovers-at-most", "0.100000", "supported")
    assert (share[2]["kind"], share[2]["variance"]) == ("exploratory", "welch")
    assert not [row for row in table if row["claim"] == "jitter-limit"]


def read() -> Reading:
    plan = quick_plan()
    records = records_of(plan, BEYOND)
    lost = cells_of(plan, method="barlow", shuffle="none", jitter="on")
    for cell in lost[:2]:
        records[cell.id] = records[cell.id].model_copy(update={"status": "failed", "metrics": {}})
    for cell in cells_of(plan, method="byol", shuffle="pixels", jitter="on"):
        records[cell.id] = records[cell.id].model_copy(update={"status": "collapsed"})
    del records[cells_of(plan, method="byol", shuffle="none", jitter="off")[0].id]
    return overview(Results(plan, records))


def test_the_summary_marks_what_is_not_as_it_should_be() -> None:
    status = {name: (int(n), status) for name, n, *_, status in read().rows}
    assert status["Barlow Twins, intact, jitter on"] == (1, "2 failed")
    assert status["BYOL, shuffled, jitter on"] == (3, "collapsed")
    assert status["BYOL, intact, jitter off"] == (2, "1 not run")
    assert status["Barlow Twins, shuffled, jitter off"] == (3, "")


def test_the_summary_has_controls_domain_by_domain_and_probe_by_probe() -> None:
    table = read()
    (start,) = table.controls
    names = [name for name, *_ in table.rows[start:]]
    assert names == [
        "histogram: kNN (k = 50) on joint RGB histograms",
        "histogram: linear probe on joint RGB histograms",
        "histogram: linear probe on marginal histograms",
        "histogram: small MLP on joint RGB histograms",
        "histogram: small MLP on marginal histograms",
        "untrained encoder, intact images",
        "untrained encoder, shuffled images",
        "supervised encoder, intact, jitter off",
        "supervised encoder, shuffled, jitter off",
        "supervised encoder, equalised, shuffled, jitter off",
    ]
    titles = table.header
    assert titles[2:6] == ["digit, own images", "digit, intact images", "colour, own images", "colour, intact images"]
    texts = {row[0]: dict(zip(titles, row, strict=True)) for row in table.rows}
    shuffled = texts["untrained encoder, shuffled images"]
    assert shuffled["digit, own images"].startswith("2")
    assert shuffled["digit, intact images"] == ""
    assert texts["histogram: small MLP on joint RGB histograms"]["digit, intact images"] == "26.0 ± 0.0"
    assert texts["supervised encoder, shuffled, jitter off"]["matching"] == ""
    assert "±" not in texts["Barlow Twins, intact, jitter on"]["digit, own images"]  # one seed has no interval


def test_an_untrained_encoder_repeated_for_another_domain_is_listed_once() -> None:
    plan = quick_plan(axes={"shuffle": ["none", "pixels", "equalise"]})
    names = [
        name for name, *_ in overview(Results(plan, records_of(plan, BEYOND))).rows if name.startswith("untrained")
    ]
    assert names == [f"untrained encoder, {domain} images" for domain in ("intact", "shuffled", "equalised")]


def test_without_shuffled_arms_there_is_one_domain() -> None:
    plan = quick_plan(axes={"shuffle": ["none"]})
    intact = plan.model_copy(update={"cells": tuple(c for c in plan.cells if c.axes["shuffle"] in ("none", "-"))})
    titles = overview(Results(intact, records_of(intact, BEYOND))).header
    assert titles[2:6] == ["digit", "colour", "digit, kNN", "digit, z"]


def test_markdown_is_a_table() -> None:
    lines = markdown(read().texts).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert len(lines) == 2 + len(read().rows)
    assert lines[2].startswith("| Barlow Twins, intact, jitter on | 1 |")


def test_the_legend_tells_what_chance_gives() -> None:
    assert read().legend.endswith("Chance: digit 11.0 %, colour 10.0 %.")


def test_latex_rows_are_complete_and_escaped() -> None:
    table = read()
    text = latex(table.texts, table.controls)
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    columns = len(table.header)
    assert all(len(re.split(r"(?<!\\)&", line)) == columns for line in body)
    assert text.count(r"\midrule") == 2  # under the header, and above the controls
    assert r"$\pm$" in text
    assert text.isascii()


def test_every_latex_metacharacter_is_made_plain() -> None:
    assert latex_escape(r"a_b & 50 % #1 {x} ~ ^ $ \y") == (
        r"a\_b \& 50 \% \#1 \{x\} \textasciitilde{} \textasciicircum{} \$ \textbackslash{}y"
    )


def test_no_record_at_all() -> None:
    plan = quick_plan()
    assert len(rows(csv_text(runs(Results(plan, {}))))) == len(plan.cells)
    assert rows(csv_text(summary(Results(plan, {})))) == []
    table = overview(Results(plan, {}))
    assert table.header == ["arm", "n", "status"]
    assert {row[-1] for row in table.rows} == {"not run"}
    assert csv_text(contrasts(judge(Results(plan, {})))).count("\n") == 1


def test_a_frame_has_its_types_with_rows_and_without_and_two_columns_may_have_one_name() -> None:
    columns = [("n", TEXT), ("n", WHOLE), ("mean", REAL), ("control", FLAG)]
    full = frame(columns, [["a, b", 3, 0.5, True], [None, None, None, False], ["\udc80", 2, -1e-9, False]])
    for table in (full, frame(columns, [])):
        assert [str(kind) for kind in table.dtypes] == ["object", "Int64", "float64", "bool"]
    assert csv_text(full) == 'n,n,mean,control\n"a, b",3,0.500000,yes\n,,,no\n\udc80,2,-0.000000,no\n'
    assert csv_text(frame(columns, [])) == "n,n,mean,control\n"


def test_numbers_of_the_frames_are_numbers() -> None:
    plan = quick_plan()
    results = Results(plan, records_of(plan, BEYOND))
    table = runs(results)
    assert table["control"].sum() == len([cell for cell in plan.cells if cell.control])
    own = table[table["method"] == "byol"].groupby(["shuffle", "jitter"])["linear.h.own.label"].mean()
    long = summary(results).query("method == 'byol' and metric == 'linear.h.own.label'")
    assert long.set_index(["shuffle", "jitter"])["mean"].to_dict() == pytest.approx(own.to_dict())
    tested = contrasts(judge(results)).query("verdict == verdict and verdict != None")
    assert tested["p_supported_holm"].between(0, 1).all()


def test_titles_and_texts_in_latex_may_hold_anything() -> None:
    table = texts(["arm", "{x}", "{x}", "a\\b"], [["{0}", "%s", "", "1 & 2"]])
    assert latex(table, [0]).splitlines()[3:7] == [
        r"arm & \{x\} & \{x\} & a\textbackslash{}b \\",
        r"\midrule",
        r"\midrule",
        r"\{0\} & \%s &  & 1 \& 2 \\",
    ]
