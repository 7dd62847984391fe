import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markupsafe import escape

from barlowcli.analysis.results import Results
from barlowcli.errors import ResultsError
from barlowcli.plan.freezing import write_plan
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.inventory import Copies, Inventory, SplitInventory
from barlowcli.records.record import write_record
from barlowcli.report import Report, write_report
from barlowcli.report.caveats import caveats
from barlowcli.report.provenance import provenance_rows
from barlowcli.report.setting import setting
from barlowcli.verdicts import judge
from tests.synthetic_results import (
    BEYOND,
    cells_of,
    log_of,
    put,
    quick_plan,
    record_of,
    records_of,
    write_results,
)

FILES = {
    "contrasts.csv",
    "plots/accuracy.png",
    "plots/accuracy.svg",
    "plots/factor-colour.png",
    "plots/factor-colour.svg",
    "plots/training.png",
    "plots/training.svg",
    "report.html",
    "runs.csv",
    "summary.csv",
    "summary.md",
    "summary.tex",
    "verdict.json",
}


def written(folder: Path) -> dict[str, bytes]:
    """Name and content of every file that a report made."""
    paths = [path for path in folder.rglob("*") if path.is_file() and "cells" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.name != "plan.json"}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """A finished grid with its report."""
    folder = tmp_path_factory.mktemp("full") / "shuffle-test" / "quick"
    plan = quick_plan()
    write_results(folder, plan, records_of(plan, BEYOND))
    return folder, write_report(folder)


@pytest.fixture(scope="module")
def partial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """A grid with a cell not run, one failed, one collapsed, one diverged, and names that HTML would choke on."""
    folder = tmp_path_factory.mktemp("partial") / "shuffle-test" / "quick"
    plan = quick_plan()
    title = 'Is <b>5 < 6</b> & "so"?'
    plan = plan.model_copy(
        update={"experiment": plan.experiment.model_copy(update={"title": title, "notes": ["A <i> note."]})}
    )
    records = records_of(plan, BEYOND)
    first, second, third = cells_of(plan, method="byol", shuffle="none", jitter="on")
    del records[first.id]
    records[second.id] = record_of(plan, second, {}, status="failed", message="no file /home/me/<x>/cats/1.png")
    records[third.id] = record_of(plan, third, {}, status="diverged", message="the loss is not finite")
    collapsed = cells_of(plan, method="barlow", shuffle="pixels", jitter="on")[0].id
    update = {"status": "collapsed", "event_step": 90, "message": "embeddings are all alike"}
    records[collapsed] = records[collapsed].model_copy(update=update)
    write_results(folder, plan, records)
    return folder, write_report(folder)


def test_all_files_are_there(full: tuple[Path, Report]) -> None:
    folder, report = full
    assert written(folder).keys() == FILES
    assert not report.partial
    assert report.counts == {"planned": 39, "done": 39, "missing": 0, "failed": 0, "collapsed": 0, "diverged": 0}


def test_a_report_built_again_by_another_process_is_the_same_to_the_byte(full: tuple[Path, Report]) -> None:
    folder, _ = full
    before = written(folder)
    for name in before:
        (folder / name).unlink()
    code = (
        "import sys, pathlib; from barlowcli.report import write_report; write_report(pathlib.Path(sys.argv[1])); "
        "sys.exit('torch' in sys.modules)"
    )
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "12345",
        "TZ": "Asia/Tokyo",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    subprocess.run([sys.executable, "-c", code, "."], check=True, env=environment, cwd=folder)
    after = written(folder)
    assert [name for name in FILES if before[name] != after[name]] == []


def test_no_file_names_a_folder_of_this_machine(full: tuple[Path, Report], partial: tuple[Path, Report]) -> None:
    for folder, _ in (full, partial):
        for name, content in written(folder).items():
            assert str(folder).encode() not in content, name
            assert b"/home/" not in content, name


def test_verdict_json_says_what_the_report_says(full: tuple[Path, Report]) -> None:
    folder, report = full
    document = json.loads((folder / "verdict.json").read_text())
    assert {claim["id"]: claim["verdict"] for claim in document["claims"]} == {
        "beyond-histograms": "supported",
        "beyond-histograms-mlp": "supported",
        "beyond-histograms-added": "supported",
        "r1a-fair": "refuted",
        "r1a-literal": "refuted",
        "r1b": "depends on the probe",
        "jitter-limit": "untested",
    }
    page = re.sub(r"\s+", " ", (folder / "report.html").read_text())
    printed = "\n".join(report.summary_lines)
    for claim in document["claims"]:
        badge = f'<span class="badge {claim["verdict"].replace(" ", "-")}">{claim["verdict"]}</span>'
        assert f"{escape(claim['title'])} {badge}" in page
        kind = "" if claim["primary"] else " (exploratory)"
        assert f"{claim['title']}{kind}: {claim['verdict'].upper()}" in printed
    assert report.as_value() == {**document, "summary": list(report.summary_lines)}


def test_summary_lines_answer_the_question(full: tuple[Path, Report]) -> None:
    text = "\n".join(full[1].summary_lines)
    assert text.startswith("Do joint-embedding methods only learn colour histograms?")
    assert "The shuffle test: colour-digits" in text
    assert "3 seeds; 39 of 39 cells done." in text
    assert (
        "Without jitter, intact views teach more than a histogram can give: SUPPORTED. It learns more than colour "
        'histograms: "only histograms" is refuted.\n  Barlow Twins: 54.'
    ) in text
    assert "n = 3" in text
    assert "(exploratory): DEPENDS ON THE PROBE: supported on shuffled images, refuted on intact images" in text
    assert "The 2 primary verdicts together are wrong in at most 5 of 100 such runs." in text
    assert "UNTESTED. Not in this run's grid: equalised, jitter off." in text
    assert "for a verdict to build on take 5 or more" in text
    assert "PARTIAL" not in text


def test_a_partial_report_is_marked_everywhere(partial: tuple[Path, Report]) -> None:
    folder, report = partial
    assert report.partial
    assert report.counts == {"planned": 39, "done": 37, "missing": 1, "failed": 1, "collapsed": 1, "diverged": 1}
    assert report.summary_lines[0].startswith("PARTIAL")
    assert json.loads((folder / "verdict.json").read_text())["partial"] is True
    page = (folder / "report.html").read_text()
    assert "PARTIAL." in page
    flat = re.sub(r"\s+", " ", page)
    assert "3 of 39 planned cells have no numbers. Nothing stands in for them" in flat
    assert "Diverged: BYOL, intact, jitter on, seed 2." in flat
    assert report.summary_lines[0] == (
        "PARTIAL: 3 of 39 planned cells have no numbers, and none stands in. Diverged: BYOL, intact, jitter on, seed 2."
    )
    text = "\n".join(report.summary_lines)
    assert "Shuffled views with jitter are close to an untrained encoder (exploratory): INCOMPLETE" in text
    assert "BYOL: incomplete. No number yet from BYOL, intact, jitter on, seed 0 (not run); BYOL" in text


def test_a_diverged_cell_alone_makes_a_report_partial(tmp_path: Path) -> None:
    plan = quick_plan(seeds=1)
    records = records_of(plan, BEYOND)
    cell = cells_of(plan, method="byol", shuffle="none", jitter="on")[0]
    records[cell.id] = record_of(plan, cell, {}, status="diverged", message="the loss is not finite")
    write_results(tmp_path, plan, records)
    report = write_report(tmp_path)
    assert report.partial
    assert report.counts["done"] == report.counts["planned"]
    assert "1 of 13 planned cells have no numbers" in report.summary_lines[0]


def test_the_page_lists_cells_that_went_wrong_and_the_notes(partial: tuple[Path, Report]) -> None:
    page = (partial[0] / "report.html").read_text()
    assert "<td>diverged</td><td>the loss is not finite</td>" in page
    assert "<td>collapsed</td><td>embeddings are all alike (step 90)</td>" in page
    assert "no file …/1.png" in page
    assert "<li>A &lt;i&gt; note.</li>" in page
    assert "Jitter off means that the whole colour distortion is off" in page


class Page(HTMLParser):
    """Whatever a browser might load, and tags that are opened and closed wrongly."""

    VOID = {"meta", "img", "br"}

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_asks_nothing_of_any_network(partial: tuple[Path, Report]) -> None:
    text = (partial[0] / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.open == []
    assert len(page.loads) == 3
    assert all(value.startswith("data:image/svg+xml;base64,") for value in page.loads)
    assert not {"script", "link", "iframe"} & page.tags
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert not re.search(r"url\(|@import|https?://", text)


def test_what_came_from_outside_is_escaped(partial: tuple[Path, Report]) -> None:
    text = (partial[0] / "report.html").read_text()
    assert "Is &lt;b&gt;5 &lt; 6&lt;/b&gt; &amp; &#34;so&#34;?" in text
    assert "<b>" not in text


def test_the_page_says_what_it_ran_on(full: tuple[Path, Report]) -> None:
    text = (full[0] / "report.html").read_text()
    for part in ("cpu (a processor)", "0123456789abcdef", "3.11.9 (linux)", "barlow report shuffle-test"):
        assert part in text
    for control in ("Untrained encoder (R)", "Supervised encoder (S)", "Raw colour histograms (B)", "Chance"):
        assert control in text


def test_plots_of_an_earlier_report_do_not_stay(tmp_path: Path) -> None:
    plan = quick_plan(axes={"method": ["barlow"], "jitter": ["on"]}, seeds=1)
    write_results(tmp_path, plan, records_of(plan, BEYOND))
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "factor-shape.svg").write_text("old")
    (tmp_path / "plots" / "mine.txt").write_text("not a plot")
    write_report(tmp_path)
    names = {path.name for path in (tmp_path / "plots").iterdir()}
    assert "factor-shape.svg" not in names
    assert "mine.txt" in names


def test_a_plan_without_records_still_makes_a_report(tmp_path: Path) -> None:
    plan = quick_plan()
    write_plan(tmp_path, plan)
    report = write_report(tmp_path)
    assert report.partial
    assert report.counts["missing"] == 39
    assert {finding.word for finding in report.findings} == {"incomplete", "untested"}
    assert written(tmp_path).keys() == {name for name in FILES if not name.startswith("plots/")}


def test_records_outside_the_plan_have_no_say(tmp_path: Path) -> None:
    plan = quick_plan(axes={"jitter": ["off"]}, seeds=1)
    write_plan(tmp_path, plan)
    other = quick_plan(axes={"jitter": ["on"]}, seeds=1)
    cell = cells_of(other, method="barlow", shuffle="none")[0]
    write_record(ResultsFolder(tmp_path).cell(cell.id), record_of(other, cell, {"linear.h.none.label": 0.5}))
    write_report(tmp_path)
    assert cell.id not in (tmp_path / "runs.csv").read_text()


def test_damage_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"no plan\.json"):
        write_report(tmp_path)
    plan = quick_plan(seeds=1)
    write_results(tmp_path, plan, records_of(plan, BEYOND))
    cell = cells_of(plan, method="barlow", shuffle="none", jitter="on")[0]
    log = tmp_path / "cells" / cell.id / "metrics.jsonl"
    log.write_text(json.dumps(log_of(cell)[0]) + '\n{"step": 2')
    with pytest.raises(ResultsError, match=r"metrics\.jsonl"):
        write_report(tmp_path)


def test_data_of_ones_own_are_named_without_their_folder() -> None:
    plan = quick_plan(settings={"data.image_size": 32}, seeds=5)
    data = plan.cells[0].config.data.model_copy(update={"name": "folder:/home/me/cats/"})
    configs = [cell.config.model_copy(update={"data": data}) for cell in plan.cells]
    cells = [cell.model_copy(update={"config": c}) for cell, c in zip(plan.cells, configs, strict=True)]
    plan = plan.model_copy(update={"cells": tuple(cells)})
    text = setting(Results(plan, records_of(plan, BEYOND)))
    assert text.startswith("cats, 32 x 32 pixels, 3,600 training images, encoder small")
    assert text.endswith("5 seeds")
    assert caveats(Results(plan, {}), []) == [
        "All this was measured on cats, 32 x 32 pixels, encoder small; other data and larger networks may differ."
    ]


def test_full_models_hardly_above_a_histogram_are_a_caveat() -> None:
    plan = quick_plan()
    weak = put(
        records_of(plan, BEYOND),
        cells_of(plan, method="barlow", shuffle="none", jitter="on"),
        "linear.h.none.label",
        [0.25, 0.26, 0.255],
    )
    weak_results = Results(plan, weak)
    found = [text for text in caveats(weak_results, judge(weak_results)) if "full model" in text]
    assert found == [
        "Barlow Twins: the full model itself, 25.5 %, is hardly above a histogram, 24.0 %: at this size the experiment "
        "says little about larger networks."
    ]
    alone = quick_plan(axes={"method": ["barlow"]}, seeds=1)
    full = cells_of(alone, method="barlow", shuffle="none", jitter="on")
    below = put(records_of(alone, BEYOND), full, "linear.h.none.label", [0.20])
    low = Results(alone, below)
    (text,) = [text for text in caveats(low, judge(low)) if "full model" in text]
    assert text.startswith("The full model itself, 20.0 %, is not above a histogram, 24.0 %")


def test_skipped_images_are_a_caveat() -> None:
    plan = quick_plan()
    records = records_of(plan, BEYOND)
    first = records[plan.cells[0].id]
    assert not any("left out" in text for text in caveats(Results(plan, records), []))
    records[first.id] = first.model_copy(update={"counts": {**first.counts, "skipped": 1200}})
    assert "Images that could not be used and were left out: 1,200." in caveats(Results(plan, records), [])


def test_what_was_read_is_on_the_page_and_what_may_be_wrong_with_it_is_a_caveat(tmp_path: Path) -> None:
    plan = quick_plan(seeds=1, axes={"method": ["barlow"]})
    records = records_of(plan, BEYOND)
    splits = {name: SplitInventory(images=90, origin=f"{name}/") for name in ("train", "validation", "test")}
    read = Inventory(name="folder:<cats>", classes=2, side=16, splits=splits, distinct=180, copies=Copies(leaked=7))
    told = {cell: record.model_copy(update={"data": read}) for cell, record in records.items()}
    warning = "7 of 90 test images are, pixel for pixel, also among the training images."
    page = []
    for name, found in (("before", records), ("now", told)):
        write_results(tmp_path / name, plan, found)
        report = write_report(tmp_path / name)
        page.append((tmp_path / name / "report.html").read_text())
        assert report.summary_lines.count(warning) == (name == "now")
    assert "<h2>What was read</h2>" not in page[0]
    assert warning not in page[0]
    assert "<li>&lt;cats&gt;: 2 classes, 16 x 16 pixels</li>" in page[1]
    assert "<li>train 90 (train/), validation 90 (validation/), test 90 (test/)</li>" in page[1]
    assert page[1].count(warning) == 1


@pytest.mark.parametrize(("seeds", "words"), [(1, "1 seed can decide nothing"), (3, "3 seeds can screen")])
def test_few_seeds_are_a_caveat(seeds: int, words: str) -> None:
    assert caveats(Results(quick_plan(seeds=seeds), {}), [])[0].startswith(
        f"{words}; for a verdict to build on take 5 or more"
    )


def test_several_machines_are_all_named() -> None:
    plan = quick_plan(seeds=1)
    records = records_of(plan, BEYOND)
    first = plan.cells[0].id
    other = {**records[first].provenance, "device": "cuda", "device_name": "a card"}
    records[first] = records[first].model_copy(update={"provenance": other})
    assert dict(provenance_rows(records))["device"] == "cuda (a card), cpu (a processor)"
