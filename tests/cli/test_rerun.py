import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from barlowcli.cell.run import run_cell
from barlowcli.cli.rerun import MOST_ROWS, lines
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.records.folder import CellFolder
from barlowcli.records.record import Record, read_record
from barlowcli.running.agreement import agreement, same_weights
from barlowcli.training.loop import Hooks
from tests.grids import options_for, tiny_plan


def cell_of(plan: Plan, method: str) -> PlannedCell:
    return next(cell for cell in plan.cells if cell.axes["method"] == method)


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[str, Path]:
    """Method -> folder of a tiny cell, one trained and one not."""
    folder = tmp_path_factory.mktemp("results")
    plan = tiny_plan({"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]})
    cells = {name: cell_of(plan, name) for name in ("barlow", "random-init")}
    for cell in cells.values():
        run_cell(cell, options_for(folder), Hooks())
    return {name: folder / "cells" / cell.id for name, cell in cells.items()}


@pytest.fixture
def untrained(results: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of the untrained cell, for a test to change."""
    folder = tmp_path / results["random-init"].name
    shutil.copytree(results["random-init"], folder)
    return folder


def change(folder: Path, **update: Any) -> None:
    path = folder / "record.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | update))


def value_of(folder: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((folder / "record.json").read_text())
    return value


def test_a_cell_run_again_has_the_same_bits(run, results):
    code, out, err = run("rerun", str(results["barlow"]))
    count = len(value_of(results["barlow"])["metrics"])
    assert out.splitlines() == [
        f"all {count} numbers agree to the bit",
        "training log: the same to the bit",
        "weights: the same to the bit",
        "answers to test images: the same to the bit",
    ]
    assert code == 0
    assert err == "method barlow, shuffle none, jitter on, seed 0: 270 images, cpu\n"


def test_json_is_alone_on_stdout(run, results):
    code, out, err = run("rerun", str(results["random-init"] / "record.json"), "--json", "-q")
    value = json.loads(out)
    assert (code, err) == (0, "")
    assert value["agrees"] is True
    assert value["cell"] == results["random-init"].name
    assert value["numbers"] == len(value_of(results["random-init"])["metrics"])
    assert value["status"] == {"recorded": "ok", "now": "ok"}
    assert (value["differences"], value["provenance"], value["log"], value["weights"]) == ([], [], None, True)


def test_a_number_that_was_changed_is_named_and_a_tolerance_may_forgive_it(run, untrained):
    metrics = value_of(untrained)["metrics"]
    first, second = list(metrics)[:2]
    changed = metrics | {first: metrics[first] + 0.25, second: metrics[second] + 0.5}
    change(untrained, metrics=changed)
    code, out, _ = run("rerun", str(untrained), "-q")
    rows = [line.split() for line in out.splitlines()]
    assert code == 1
    assert out.startswith(f"2 of {len(metrics)} numbers differ:\n")
    assert rows[1:4] == [
        ["recorded", "now", "difference"],
        [second, repr(changed[second]), repr(metrics[second]), "0.5"],
        [first, repr(changed[first]), repr(metrics[first]), "0.25"],
    ]
    code, out, _ = run("rerun", str(untrained), "-q", "--tolerance", "0.51")
    assert code == 0
    apart = f"2 not to the bit, at most 0.5 apart ({second})"
    assert out.startswith(f"all {len(metrics)} numbers agree within 0.51; {apart}\n")


def test_another_end_of_training_is_no_agreement(run, untrained):
    change(untrained, status="collapsed", event_step=3)
    code, out, _ = run("rerun", str(untrained), "-q")
    assert code == 1
    assert out.startswith("the record says collapsed at step 3; now: ok\n")


def test_what_is_other_here_is_said_first(run, untrained):
    value = value_of(untrained)
    versions = value["provenance"]["versions"] | {"torch": "1.0"}
    provenance = value["provenance"] | {"commit": "0123456789-dirty", "versions": versions, "python": "3.0"}
    del value["config"]["evaluation"]["target"], provenance["code"], provenance["threads"], versions["pillow"]
    change(untrained, provenance=provenance, config=value["config"])
    code, _, err = run("rerun", str(untrained))
    said = err.splitlines()
    assert code == 0
    assert said[0].endswith(f"not the one its id {untrained.name} stands for: it was changed")
    assert said[1] == "settings that came after the record, at their defaults: evaluation.target"
    assert said[2] == "the record's code was changed and not committed: its commit alone does not have it"
    assert said[3].startswith("commit: 0123456789-dirty then, ")
    assert [line.partition(":")[0] for line in said[3:6]] == ["commit", "python", "torch"]
    assert said[6] == "not said by the record, and perhaps other then: code, threads, pillow"
    assert said[7].startswith("method random-init")


def test_the_new_cell_is_kept_where_asked_and_never_written_over_another(run, results, tmp_path):
    out = tmp_path / "again"
    code, _, err = run("rerun", str(results["random-init"]), "--out", str(out))
    assert code == 0
    kept = out / "cells" / results["random-init"].name
    assert f"kept: {kept}/" in err
    again, first = read_record(CellFolder(kept)), read_record(CellFolder(results["random-init"]))
    assert again is not None
    assert first is not None
    assert (again.metrics, again.config) == (first.metrics, first.config)
    assert again.provenance["command"].startswith("barlow rerun ")
    code, _, err = run("rerun", str(results["random-init"]), "--out", str(results["random-init"].parents[1]))
    assert code == 2
    assert "has a record already" in err
    assert read_record(CellFolder(results["random-init"])) == first


@pytest.mark.parametrize(
    ("update", "message", "hint"),
    [
        ({"schema_version": 2}, "has schema version 2, this barlow reads 1", "read it with the barlow that wrote it"),
        (
            {"status": "failed", "message": "no memory", "metrics": {}},
            "a cell that failed (no memory): there are no numbers to compare",
            "barlow run shuffle-test --preset quick --rerun failed",
        ),
        ({"config": {}}, "the record's config has no version, this barlow computes version 2", "git checkout 0123456"),
        ({"config": {"version": 1}}, "config has version 1, this barlow computes version 2", "git checkout 0123456"),
        (
            {"config": {"version": 2, "views": {"flipp": 1}}},
            "none that this barlow computes: views.flipp: no such key; did you mean `flip`?",
            "git checkout 0123456",
        ),
        ({"provenance": {"data_digest": "0" * 64}}, "their digest is ", "--dataset says where"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_way_out(run, untrained, update, message, hint):
    commit = {"provenance": {"commit": "0123456789abcdef"}} if "config" in update else {}
    change(untrained, **commit, **update)
    code, out, err = run("rerun", str(untrained), "-q")
    assert (code, out) == (2, "")
    assert message in err
    assert hint in err


@pytest.mark.parametrize("name", ["nowhere", "record.json"])
def test_no_record_is_an_error(run, tmp_path, name):
    code, _, err = run("rerun", str(tmp_path / name))
    assert code == 2
    assert f"no record at {tmp_path / name}" in err
    assert "results/EXPERIMENT/PRESET/cells/ID" in err


def draw_images(folder: Path, seed: int) -> Path:
    """A folder of two classes of noise."""
    noise = np.random.default_rng(seed)
    for split, count in (("train", 30), ("test", 10)):
        for name in ("a", "b"):
            (folder / split / name).mkdir(parents=True)
            for index in range(count):
                pixels = noise.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{index}.png")
    return folder


def test_images_of_a_path_are_asked_for_and_must_be_the_records(run, tmp_path):
    images = draw_images(tmp_path / "images", 0)
    settings = {"data.name": f"folder:{images}", "data.limit": None, "data.test_limit": None}
    cell = cell_of(tiny_plan({"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]}, settings), "random-init")
    run_cell(cell, options_for(tmp_path / "results"), Hooks())
    record = str(tmp_path / "results" / "cells" / cell.id)
    images.rename(tmp_path / "moved")

    code, _, err = run("rerun", record)
    assert code == 2
    assert "the record's images are those of folder:images, and where that lies" in err
    assert "--dataset folder:PATH, where PATH ends in images" in err
    code, out, err = run("rerun", record, "--dataset", f"folder:{tmp_path / 'moved'}")
    assert code == 0, err
    assert "numbers agree to the bit" in out
    other = draw_images(tmp_path / "other", 1)
    code, out, err = run("rerun", record, "--dataset", f"folder:{other}")
    assert (code, out) == (2, "")
    assert f"the images of folder:{other} are not the record's: their digest is " in err
    assert "--dataset says where the images of folder:images lie" in err


def test_weights_of_another_version_are_not_compared(tmp_path):
    tensors = {"encoder.weight": np.zeros(2, np.float32)}
    about = {"a": None, "b": {"barlow": '{"schema_version": 1}'}, "c": {"barlow": '{"schema_version": 2}'}}
    for name, metadata in about.items():
        save_file(tensors, tmp_path / name, metadata=metadata)
    save_file({"encoder.weight": np.ones(2, np.float32)}, tmp_path / "d")
    found = {name: same_weights(tmp_path / "a", tmp_path / name) for name in ("b", "c", "d", "nowhere")}
    assert found == {"b": True, "c": None, "d": False, "nowhere": None}


def test_of_many_differences_the_largest_are_shown():
    record = Record(id="a", experiment="e", preset="p", axes={}, seed=0, status="ok")
    before = record.model_copy(update={"metrics": {f"m{index:02}": float(index) for index in range(30)}})
    after = record.model_copy(update={"metrics": {f"m{index:02}": 0.0 for index in range(29)} | {"new": 1.0}})
    found = agreement(before, after, tolerance=None)
    said = list(lines(found))
    assert said[0] == "29 of 30 numbers differ:"
    assert [line.split()[0] for line in said[2:5]] == ["m29", "m28", "m27"]
    assert said[2].split() == ["m29", "29.0", "-", "inf"]
    assert len(said) == 2 + MOST_ROWS + 1
    assert said[-1] == "and 9 more"
    some = agreement(before, after, tolerance=25.0)
    assert next(lines(some)) == "4 of 30 numbers differ by more than 25:"
    assert not agreement(before, after, tolerance=100.0).agrees  # a number that is gone


def test_a_diverged_cell_has_only_its_step_to_compare():
    record = Record(id="a", experiment="e", preset="p", axes={}, seed=0, status="diverged", event_step=3)
    again = agreement(record, record, tolerance=None)
    assert again.agrees
    assert list(lines(again)) == ["no numbers to compare: diverged at step 3, then and now"]
    later = record.model_copy(update={"event_step": 4})
    assert not agreement(record, later, tolerance=None).agrees
    assert agreement(record, later, tolerance=0.1).agrees
