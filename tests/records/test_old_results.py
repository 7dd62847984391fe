"""Files of earlier versions, kept in `tests/old/`, are read, or refused with the way out; a changed form is noticed.

`python -m tests.old` writes the forms of today down.
"""

import csv
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import nn

from barlowcli.cell.encoder_file import save_encoder
from barlowcli.cli import main as cli
from barlowcli.errors import ResultsError
from barlowcli.methods.random_init import RandomInit
from barlowcli.plan.freezing import freeze, read_plan
from barlowcli.records.files import SCHEMA
from barlowcli.records.folder import CellFolder, ResultsFolder
from barlowcli.records.logs import read_log
from barlowcli.records.record import read_record
from barlowcli.running import again as rerunning
from barlowcli.settings.cell import CellConfig
from barlowcli.training.checkpoint import CHECKPOINT_SCHEMA, Checkpoint
from barlowcli.training.log import TrainingLog
from tests.grids import tiny_plan
from tests.old.forms import KEPT, OLD, SCHEMAS, forms

REFERENCES = sorted((OLD.parents[1] / "results" / "reference").glob("*/plan.json"))
WAY_OUT = "read it with the barlow that wrote it"


@pytest.fixture
def report(monkeypatch, capsys):
    """`barlow report` of a folder: exit code and stderr."""

    def command(folder: Path) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["barlow", "report", f"{folder}/"])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        return code, capsys.readouterr().err

    return command


def copied(tmp_path: Path, version: int = SCHEMA) -> Path:
    return Path(shutil.copytree(OLD / f"results-{version}", tmp_path / "results"))


def change(path: Path, update: Mapping[str, Any]) -> None:
    """Set keys of a JSON file; None takes one away."""
    value = json.loads(path.read_text()) | update
    path.write_text(json.dumps({key: item for key, item in value.items() if item is not None}))


@pytest.mark.parametrize("version", sorted(int(path.name.partition("-")[2]) for path in OLD.glob("results-*")))
def test_kept_results_give_their_report_or_say_who_reads_them(report, tmp_path, version):
    folder = copied(tmp_path, version)
    code, err = report(folder)
    if version != SCHEMA:
        assert code == 2
        assert f"has schema version {version}, this barlow reads {SCHEMA}" in err
        assert WAY_OUT in err
        return
    assert code == 0, err
    rows = {row["id"]: row for row in csv.DictReader((folder / "runs.csv").read_text().splitlines())}
    plan = read_plan(folder)
    assert plan is not None
    assert rows.keys() == {cell.id for cell in plan.cells}
    for cell, row in rows.items():
        record = read_record(ResultsFolder(folder).cell(cell))
        assert record is not None
        assert {name: float(row[name]) for name in record.metrics} == pytest.approx(record.metrics)
    assert json.loads((folder / "verdict.json").read_text())["partial"] is False
    assert (folder / "plots" / "training.svg").exists()


def test_cells_of_an_earlier_arithmetic_are_read_and_never_run(tmp_path):
    """Other arithmetic is another base: a plan of today takes the place of the old one and shares no cell with it."""
    folder = copied(tmp_path)
    old = read_plan(folder)
    assert old is not None
    assert {cell.config.version for cell in old.cells} == {1}
    today = tiny_plan({"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]})
    claimed = {"claims": old.experiment.claims, "variance": old.experiment.variance}
    today = today.model_copy(update={"experiment": today.experiment.model_copy(update=claimed)})
    assert freeze(folder, today) == (today, len(old.cells))
    assert {cell.config.version for cell in today.cells} == {CellConfig.model_fields["version"].default}
    assert all(read_record(ResultsFolder(folder).cell(cell.id)) is not None for cell in old.cells)


@pytest.mark.parametrize("version", [0, SCHEMA + 1, "1", None])
@pytest.mark.parametrize("name", ["plan.json", "record.json"])
def test_a_plan_or_record_of_another_version_is_refused_with_the_way_out(report, tmp_path, name, version):
    folder = copied(tmp_path)
    path = next(folder.rglob(name))
    change(path, {"schema_version": version})
    code, err = report(folder)
    assert code == 2
    if version is None:
        assert f"{path} is not a file of this barlow: it has no schema version" in err
        assert "choose another folder with --results" in err
        return
    assert f"{path} has schema version {version}, this barlow reads {SCHEMA}" in err
    assert WAY_OUT in err


def test_a_log_of_another_version_is_refused_and_one_without_is_of_the_first(report, tmp_path):
    folder = copied(tmp_path)
    plan = read_plan(folder)
    assert plan is not None
    cell = next(cell for cell in plan.cells if cell.axes["method"] == "barlow")
    path = folder / "cells" / cell.id / "metrics.jsonl"
    lines = read_log(path)
    assert [line["epoch"] for line in lines] == [1, 2]
    assert "schema_version" not in lines[0]
    path.write_text("".join(json.dumps({"schema_version": 2, **line}) + "\n" for line in lines))
    with pytest.raises(ResultsError, match=f"{path} has schema version 2, this barlow reads 1"):
        read_log(path)
    code, err = report(folder)
    assert code == 2
    assert f"{cell.id}" in err
    assert "has schema version 2, this barlow reads 1" in err
    assert WAY_OUT in err


def checkpoint_of(path: Path) -> Checkpoint:
    """The two layers whose state is kept, anew."""
    network = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    return Checkpoint(path, network, optimizer, TrainingLog(path.with_name("metrics.jsonl"), 0.05))


def test_a_checkpoint_without_a_version_is_of_the_first_and_goes_on(tmp_path):
    path = Path(shutil.copy(OLD / "checkpoint-1.pt", tmp_path / "checkpoint.pt"))
    kept = torch.load(path, weights_only=True)
    assert "schema_version" not in kept
    checkpoint, notes = checkpoint_of(path), list[str]()
    assert checkpoint.load(notes.append) == 7
    assert notes == ["resumed at step 7"]
    assert all(torch.equal(value, kept["method"][name]) for name, value in checkpoint.method.state_dict().items())
    assert checkpoint.log.rows == kept["log"]["rows"]
    checkpoint.save(8)
    assert torch.load(path, weights_only=True)["schema_version"] == CHECKPOINT_SCHEMA


@pytest.mark.parametrize("version", [0, CHECKPOINT_SCHEMA + 1])
def test_a_checkpoint_of_another_version_is_not_gone_on_from(tmp_path, version):
    path = tmp_path / "checkpoint.pt"
    torch.save({**torch.load(OLD / "checkpoint-1.pt", weights_only=True), "schema_version": version}, path)
    checkpoint, notes = checkpoint_of(path), list[str]()
    assert checkpoint.load(notes.append) == 0
    ours = f"this barlow reads {CHECKPOINT_SCHEMA}"
    assert notes == [f"checkpoint.pt has schema version {version}, {ours}; the cell starts anew"]


def test_weights_name_their_version_and_cell_and_are_the_same_bytes_every_time(tmp_path):
    method = RandomInit(nn.Linear(2, 2), None)
    files = []
    for parent in ("a", "b"):
        cell = tmp_path / parent / "0123456789ab"
        cell.mkdir(parents=True)
        save_encoder(method, CellFolder(cell))
        files.append(cell / "encoder.safetensors")
    with safe_open(files[0], "pt") as file:
        assert json.loads(file.metadata()["barlow"]) == {"schema_version": 1, "cell": "0123456789ab"}
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: path.parent.name)
def test_committed_results_are_read_and_their_cells_are_run_again_or_refused_with_the_way_out(path):
    plan = read_plan(path.parent)
    assert plan is not None
    for cell in plan.cells:
        _, record = rerunning.find(path.parent / "cells" / cell.id)
        assert rerunning.is_whole(record), cell.id
        named = record.model_copy(update={"config": with_name(record.config)})
        if cell.config.version == CellConfig.model_fields["version"].default:
            assert rerunning.cell_of(named, None).id == cell.id
        else:
            with pytest.raises(ResultsError, match="the record's config has version 1, this barlow computes") as error:
                rerunning.cell_of(named, None)
            assert "git checkout " in error.value.hint


def with_name(config: dict[str, Any]) -> dict[str, Any]:
    """The config with images that are there."""
    return {**config, "data": {**config["data"], "name": "colour-digits"}}


def test_the_forms_are_those_of_their_schema_versions():
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    problems = [text for name, form in forms().items() for text in advice(name, kept.get(name, {}), form)]
    assert not problems, "\n".join(problems)


def advice(name: str, kept: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What to do where the form of a file is not the kept one."""
    before, after = kept.get("fields", {}), now["fields"]
    if (kept.get("schema"), before) == (now["schema"], after):
        return []
    write_down = "then `python -m tests.old` writes the new form down"
    if kept.get("schema") != now["schema"]:
        return [f"{name} has another schema version: keep the old results in tests/old/ as they are, {write_down}"]
    misread = [field for field, kind in before.items() if after.get(field) != kind]
    new = [field for field in after if field not in before]
    misread += [field for field in new if after[field].endswith(", required")]
    if misread:
        return [
            f"the form of {name} changed ({', '.join(misread)}), and older files may be refused or misread: raise "
            f"{SCHEMAS[name]}, {write_down}; or, where every older file is read as before, only the latter"
        ]
    return [f"{name} has new fields ({', '.join(new)}): see that a file without them is read as before, {write_down}"]


def test_a_changed_form_says_what_to_do():
    kept = {"schema": 1, "fields": {"a": "int", "b": "str, required"}}
    assert advice("record.json", kept, kept) == []
    for fields in ({"a": "int"}, {"a": "str", "b": "str, required"}, {**kept["fields"], "c": "int, required"}):  # type: ignore[dict-item]
        (said,) = advice("record.json", kept, {"schema": 1, "fields": fields})
        assert "raise SCHEMA in records.py, then `python -m tests.old`" in said
    (said,) = advice("record.json", kept, {"schema": 1, "fields": {**kept["fields"], "c": "int"}})  # type: ignore[dict-item]
    assert said.startswith("record.json has new fields (c): see that a file without them is read as before")
    (said,) = advice("record.json", kept, {**kept, "schema": 2})
    assert said.startswith("record.json has another schema version: keep the old results")
