"""Results from outside, thing by thing: records, plans, logs and checkpoints, links out of them, names in a report."""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from barlowcli.cli import main as cli
from barlowcli.errors import BarlowError, CellError, ConfigError, ResultsError
from barlowcli.experiment.files import load_experiment, parse_experiment
from barlowcli.plan.freezing import read_plan, status_of, write_plan
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.records.files import write_json
from barlowcli.records.folder import CellFolder, ResultsFolder
from barlowcli.records.logs import read_log
from barlowcli.records.record import read_record, write_record
from barlowcli.report import write_report
from barlowcli.running.runs import find_runs
from barlowcli.training.checkpoint import Checkpoint
from barlowcli.training.log import TrainingLog
from tests.faults.strategies_results import checkpoint_state, network, plan_value, record_value, saved
from tests.synthetic_results import BEYOND, quick_plan, record_of, records_of, write_results


def refused(action: Callable[[], Any]) -> BarlowError:
    """The error that an action ends with."""
    with pytest.raises(BarlowError) as caught:
        action()
    return caught.value


def cell_in(tmp_path: Path, text: str) -> CellFolder:
    """A cell's folder with this text for a record."""
    cell = ResultsFolder(tmp_path).cell(str(record_value()["id"]))
    cell.path.mkdir(parents=True)
    cell.record.write_text(text)
    return cell


# Records and plans


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "is not valid JSON: nested without end"),
        ('{"a":' * 100_000, "is not valid JSON: nested without end"),
        ('{"seed": NaN}', "is not valid JSON: NaN is no number"),
        ('{"seed": 1e999}', "is not valid JSON: 1e999 is no number"),
        ('{"seed": ' + "1" * 5000 + "}", "is not valid JSON: Exceeds the limit"),
        ("", "is not valid JSON"),
    ],
)
def test_json_that_is_none(text: str, message: str, tmp_path: Path) -> None:
    error = refused(lambda: read_record(cell_in(tmp_path, text)))
    assert isinstance(error, ResultsError)
    assert message in error.message
    assert error.hint == "delete it and run the cell again"
    (tmp_path / "plan.json").write_text(text)
    assert message in refused(lambda: read_plan(tmp_path)).message


def test_a_file_larger_than_any_record_is_not_read(tmp_path: Path) -> None:
    cell = cell_in(tmp_path, "")
    with cell.record.open("wb") as file:
        file.truncate(10 * 2**30)
    assert "is larger than 67,108,864 bytes" in refused(lambda: read_record(cell)).message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": {"linear.h.none.label": 1e300}}, "metrics.linear.h.none.label: Input should be less than"),
        ({"chance": {"label": 5.0}}, "is not a record: chance.label: Input should be less than or equal to 1"),
        ({"provenance": {"versions": 5}}, "is not a record: provenance: Value error, versions must be a table"),
        ({"id": "../../etc"}, "is not a record: id: String should match pattern"),
    ],
)
def test_records_that_no_report_can_use(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    cell = cell_in(tmp_path, json.dumps({**record_value(), **change}))
    error = refused(lambda: read_record(cell))
    assert message in error.message
    assert "delete the cell's folder and run it again" in error.hint


@pytest.mark.parametrize("name", ["../../../etc", "/etc", "a/b", "..", "A", "a\n", ""])
def test_a_plan_with_a_cell_that_is_called_like_a_path(name: str, tmp_path: Path) -> None:
    value = json.loads(json.dumps(plan_value()))
    value["cells"][0]["id"] = name
    (tmp_path / "plan.json").write_text(json.dumps(value))
    error = refused(lambda: read_plan(tmp_path))
    assert "plan.json is not a plan: cells.0.id: " in error.message


def test_a_plan_whose_cells_do_not_stand_on_its_axes(tmp_path: Path) -> None:
    value = json.loads(json.dumps(plan_value()))
    value["cells"][0]["axes"] = {}
    (tmp_path / "plan.json").write_text(json.dumps(value))
    assert "does not stand on the axes of the experiment" in refused(lambda: read_plan(tmp_path)).message
    value = json.loads(json.dumps(plan_value())) | {"preset": "../../x"}
    (tmp_path / "plan.json").write_text(json.dumps(value))
    assert "the experiment has no preset '../../x'" in refused(lambda: read_plan(tmp_path)).message


def test_arguments_that_are_not_utf8_can_be_recorded(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"command": ["barlow", "--results", "\udcff"]})
    assert json.loads((tmp_path / "x.json").read_text()) == {"command": ["barlow", "--results", "\udcff"]}


# Links out of the results


@pytest.mark.parametrize("which", ["cells", "cell", "record"])
def test_a_link_out_of_the_results_is_not_followed(which: str, tmp_path: Path) -> None:
    plan = quick_plan(axes={"method": ["barlow"], "jitter": ["on"]}, seeds=1)
    results, elsewhere = tmp_path / "results", tmp_path / "elsewhere"
    write_results(results, plan, records_of(plan, BEYOND))
    cell = results / "cells" / plan.cells[0].id
    path = {"cells": cell.parent, "cell": cell, "record": cell / "record.json"}[which]
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    for action in (lambda: status_of(results, plan.cells[0]), lambda: write_report(results)):
        error = refused(action)
        assert error.message == f"{cell} leads out of {results} by a link"
        assert error.hint == "remove the link; to keep results elsewhere, name the place with --results"


def test_the_results_as_a_whole_may_be_a_link(tmp_path: Path) -> None:
    plan = quick_plan(axes={"method": ["barlow"], "jitter": ["on"]}, seeds=1)
    write_results(tmp_path / "disk", plan, records_of(plan, BEYOND))
    (tmp_path / "results").symlink_to(tmp_path / "disk")
    assert status_of(tmp_path / "results", plan.cells[0]) == "done"


@pytest.mark.parametrize(("name", "preset"), [("../x", None), ("/etc", None), ("a", "../.."), ("..", None)])
def test_a_report_is_of_results_alone(name: str, preset: str | None, tmp_path: Path) -> None:
    assert isinstance(refused(lambda: find_runs(tmp_path, name, preset)), ResultsError)
    assert isinstance(refused(lambda: find_runs(tmp_path, "x" * 5000, preset)), ResultsError)


# Checkpoints and logs


def load_checkpoint(folder: Path, state: Any) -> tuple[int, list[str]]:
    """What resuming from `state` gives: the step, and what is noted in the log."""
    net, notes = network(), list[str]()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    (folder / "checkpoint.pt").write_bytes(saved(state))
    log = TrainingLog(folder / "metrics.jsonl", 0.05)
    return Checkpoint(folder / "checkpoint.pt", net, optimizer, log).load(notes.append), notes


@pytest.mark.parametrize(
    "change",
    [
        {"method": 5},
        {"method": {1: 2}},
        {"method": None},
        {"optimizer": None},
        {"optimizer": "x"},
        {"optimizer": {"state": {}, "param_groups": [1]}},
        {"optimizer": {"state": {}}},
        {"step": "many"},
        {"step": -1},
        {"step": None},
        {"log": None},
        {"log": {"rows": 5}},
    ],
)
def test_a_checkpoint_with_something_else_in_it_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    error = refused(lambda: load_checkpoint(tmp_path, {**checkpoint_state(), **change}))
    assert isinstance(error, CellError)
    assert "checkpoint.pt is not a checkpoint of this cell: " in error.message
    assert error.hint == "delete it; the cell starts anew"


def test_lines_of_a_log_that_cannot_be_read_are_cut(tmp_path: Path) -> None:
    good = b'{"step": 2, "epoch": 1, "loss": 1.0}\n'
    (tmp_path / "metrics.jsonl").write_bytes(good + b"[1]}\n\xff}\n{}\n5\n" + b"[" * 100_000 + b"}\n")
    assert load_checkpoint(tmp_path, checkpoint_state()) == (3, ["resumed at step 3"])
    assert (tmp_path / "metrics.jsonl").read_bytes() == good


@pytest.mark.parametrize("line", ["{}", '{"epoch": "x", "loss": 1}', '{"epoch": 1, "loss": "x"}', "[1]", "[" * 100_000])
def test_a_damaged_log_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(line + "\n")
    error = refused(lambda: read_log(path))
    assert str(path) in error.message
    assert "delete the cell's folder and run it again" in error.hint


def test_a_report_says_which_log_is_damaged(tmp_path: Path) -> None:
    plan = quick_plan(axes={"method": ["barlow"], "jitter": ["on"]}, seeds=1)
    write_results(tmp_path, plan, records_of(plan, BEYOND))
    path = next(tmp_path.glob("cells/*/metrics.jsonl"))
    path.write_text("[" * 100_000)
    assert str(path) in refused(lambda: write_report(tmp_path)).message


# Absurd sizes


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("projector.dim", 10**12, "projector.dim: input should be less than or equal to 1048576, got 1000000000000"),
        ("projector.hidden", 10**12, "projector.hidden.constrained-int: input should be less than or equal to 1048576"),
        ("training.epochs", 10**18, "training.epochs: input should be less than or equal to 1000000"),
        ("training.batch_size", 10**12, "training.batch_size: input should be less than or equal to 1048576"),
        ("evaluation.mlp_hidden", 10**12, "evaluation.mlp_hidden: input should be less than or equal to 1048576"),
    ],
)
def test_sizes_that_no_machine_has(key: str, value: int, message: str) -> None:
    overrides = Overrides({"jitter": ["off"]}, {key: value}, 1)
    error = refused(lambda: build_plan(load_experiment("shuffle-test"), "quick", overrides, on_cuda=False))
    assert message in error.message


def test_seeds_that_nobody_waits_for() -> None:
    overrides = Overrides(seeds=10**9)
    error = refused(lambda: build_plan(load_experiment("shuffle-test"), "quick", overrides, on_cuda=False))
    assert isinstance(error, ConfigError)
    assert error.message == "12,000,000,000 cells, more than 10,000"


# Names in a report

NASTY = r"<script>%_&#${}\~^ $x$-->"
EXPERIMENT = """
title = NASTY
question = NASTY
outcomes = NASTY
notes = [NASTY]
[axes.method]
key = "method.name"
values = ["barlow", "byol"]
[axes.NASTY.values]
NASTY = { "method.tau" = 0.9 }
plain = { "method.tau" = 0.95 }
[axes.dims]
key = "projector.dim"
values = [16, 32]
[curve]
axis = "dims"
label = NASTY
caption = NASTY
[[controls]]
set = { method = "random-init" }
[presets.mini]
summary = NASTY
cost = NASTY
recipe = NASTY
methods.barlow.training.epochs = 3
methods.byol.training.epochs = 3
[[claims]]
id = "c"
title = NASTY
test = "above"
arm = { method = "barlow" }
against = [{ method = "byol" }]
supported = NASTY
refuted = NASTY
inconclusive = NASTY
"""


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report whose every name, title and label means something to HTML, LaTeX, Markdown, XML and matplotlib."""
    folder = tmp_path_factory.mktemp("nasty")
    (folder / "my.toml").write_text(EXPERIMENT.replace("NASTY", json.dumps(NASTY)))
    plan = build_plan(parse_experiment(folder / "my.toml"), "mini", Overrides(), on_cuda=False)
    write_plan(folder, plan)
    for number, cell in enumerate(plan.cells):
        metrics = {"linear.h.none.label": 0.5 + 0.01 * cell.seed, "linear.h.none.colour": 0.3}
        metrics[f"linear.h.none.{NASTY}"] = 0.1
        failed = number == 0
        record = record_of(plan, cell, {} if failed else metrics, status="failed" if failed else "ok", message=NASTY)
        names = {"label_names": {"label": NASTY, "colour": NASTY}}
        seen = {"command": NASTY, "device_name": NASTY, "commit": NASTY, "versions": {NASTY: NASTY}}
        write_record(ResultsFolder(folder).cell(cell.id), record.model_copy(update={**names, "provenance": seen}))
        line = {"step": 1, "epoch": 1, "loss": 1.0, "lr": 0.1, "std": 0.5}
        (folder / "cells" / cell.id / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    write_report(folder)
    return folder


def test_html_in_names_is_text_in_the_page(nasty: Path) -> None:
    page = (nasty / "report.html").read_text()
    assert "<script" not in page
    assert page.count("&lt;script&gt;%_&amp;#${}") > 20


def test_html_in_names_is_text_in_markdown(nasty: Path) -> None:
    table = (nasty / "summary.md").read_text()
    assert "<script" not in table
    assert "&lt;script&gt;" in table
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len({len(re.split(r"(?<!\\)\|", row)) for row in rows}) == 1


def test_commands_in_names_are_text_in_latex(nasty: Path) -> None:
    table = (nasty / "summary.tex").read_text()
    assert r"\%\_\&\#\$\{\}\textbackslash{}\textasciitilde{}\textasciicircum{} \$x\$" in table
    assert NASTY[8:] not in table


def test_names_are_text_in_plots(nasty: Path) -> None:
    plots = sorted((nasty / "plots").glob("*.svg"))
    assert {path.stem for path in plots} >= {"curve", "training"}
    for path in plots:
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(path).iter()}
        assert "script" not in tags
        assert "%_&amp;#${}" in path.read_text()  # a name drawn as paths stands beside them in a comment


def test_control_characters_do_not_reach_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["barlow", "report", "\x1b[2J\u202eoops"])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().err
    assert "\\x1b[2J\\u202eoops" in said
    assert "\x1b[2J" not in said
