"""What lies in the way of results: other people's folders, other plans, files and links; nothing of it is touched."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from barlowcli.errors import ResultsError
from barlowcli.plan.freezing import freeze, read_plan
from barlowcli.plan.plan import Plan
from barlowcli.plots.saving import Plot
from barlowcli.records.folder import CellFolder, ResultsFolder
from barlowcli.records.leases import Leases
from barlowcli.records.obstacles import check_place
from barlowcli.records.record import read_record, write_record
from barlowcli.report.writing import write_plots
from barlowcli.running.runs import find_runs
from tests.grids import TINY
from tests.synthetic_results import quick_plan, record_of

SIZE = [flag for key, value in TINY.items() for flag in ("--set", f"{key}={value}")]
RUN = ["run", "shuffle-test", "--preset", "quick", "--device", "cpu", "--seeds", "1", "--method", "barlow"]
RUN += ["--shuffle", "none", "--jitter", "on", *SIZE]
STRANGER = 54321


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def a_plan() -> Plan:
    return quick_plan(seeds=1, axes={"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]})


@pytest.fixture
def folder(tmp_path) -> ResultsFolder:
    """Where the run would go."""
    return ResultsFolder(tmp_path / "results" / "shuffle-test" / "quick")


def contents(folder: Path) -> dict[str, bytes | str]:
    """Everything below a folder: what is in each file, where each link leads."""
    return {
        str(path.relative_to(folder)): os.readlink(path) if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def write(path: Path, text: str = "mine") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


PLACES: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "results is a file": (
        lambda results: write(results),
        "results is a file, not a folder",
        "choose another folder with --results",
    ),
    "the experiment's folder is a file": (
        lambda results: write(results / "shuffle-test"),
        "results/shuffle-test is a file, not a folder",
        "move it away",
    ),
    "results is a link that leads nowhere": (
        lambda results: link(results, "/gone/disk"),
        "results is a link to /gone/disk, which is not there",
        "choose another folder with --results",
    ),
    "results is a loop of links": (
        lambda results: link(results, "results"),
        "results: Too many levels of symbolic links",
        "choose another folder with --results",
    ),
    "a report of somebody else": (
        lambda results: write(results / "shuffle-test" / "quick" / "report.html"),
        "has files of no run, over which a report would be written: report.html",
        "move them away",
    ),
    "pictures of somebody else": (
        lambda results: write(results / "shuffle-test" / "quick" / "plots" / "accuracy.png"),
        "has files of no run, over which a report would be written: plots/",
        "move them away",
    ),
    "the plan of another program": (
        lambda results: write(results / "shuffle-test" / "quick" / "plan.json", '{"resources": []}'),
        "plan.json is not a file of this barlow: it has no schema version",
        "choose another folder with --results",
    ),
    "the plan of a newer barlow": (
        lambda results: write(results / "shuffle-test" / "quick" / "plan.json", '{"schema_version": 7}'),
        "plan.json has schema version 7, this barlow reads 1",
        "read it with the barlow that wrote it",
    ),
    "an empty plan": (
        lambda results: write(results / "shuffle-test" / "quick" / "plan.json", ""),
        "plan.json is not valid JSON: there is nothing in it",
        "the same `barlow run` writes the plan anew, and what is done is not run again",
    ),
    "half a plan": (
        lambda results: write(results / "shuffle-test" / "quick" / "plan.json", '{"schema_version": 1, '),
        "plan.json is not valid JSON",
        "the same `barlow run` writes the plan anew",
    ),
    "the plan is a folder": (
        lambda results: write(results / "shuffle-test" / "quick" / "plan.json" / "notes.txt"),
        "plan.json: Is a directory",
        "plan.json is a folder, and a file is needed there: move it away",
    ),
    "the plan is a link that leads nowhere": (
        lambda results: link(results / "shuffle-test" / "quick" / "plan.json", "/gone/plan.json"),
        "plan.json: File exists",
        "plan.json is a link to nothing: remove it",
    ),
    "the page is a folder": (
        lambda results: write(results / "shuffle-test" / "quick" / "report.html" / "x"),
        "report.html: Is a directory",
        "report.html is a folder, and a file is needed there: move it away",
    ),
    "cells is a file": (
        lambda results: write(results / "shuffle-test" / "quick" / "cells"),
        "Not a directory",
        "quick/cells is a file, and a folder is needed there: move it away",
    ),
    "plots is a file": (
        lambda results: write(results / "shuffle-test" / "quick" / "plots"),
        "Not a directory",
        "quick/plots is a file, and a folder is needed there: move it away",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_what_lies_in_the_way_is_said_before_a_cell_is_run_and_stays(run, tmp_path, name):
    put, message, hint = PLACES[name]
    put(tmp_path / "results")
    before = contents(tmp_path)
    code, out, err = run(*RUN)
    said = " ".join(err.split())
    assert (code, out) == (2, "")
    assert message in said
    assert hint in said
    assert "disk space" not in said
    assert "shorter name" not in said
    assert contents(tmp_path) == before


def test_a_dry_run_says_it_too(run, tmp_path):
    write(tmp_path / "results")
    code, _, err = run(*RUN, "--dry-run")
    assert code == 2
    assert "results is a file, not a folder" in err


def test_a_cell_that_is_a_file_and_a_record_that_is_a_folder_are_named_and_not_waited_for(a_plan, folder):
    freeze(folder.path, a_plan)
    first, second = (folder.cell(cell.id) for cell in a_plan.cells[:2])
    write(first.path)
    with pytest.raises(ResultsError, match="Not a directory") as error:
        check_place(folder, [first.id])
    assert f"{first.path} is a file, and a folder is needed there" in error.value.hint
    write(second.record / "x")
    with pytest.raises(ResultsError, match=re.escape(f"cannot write {second.record}: Is a directory")):
        check_place(folder, [second.id])
    with pytest.raises(ResultsError, match=re.escape(f"cannot write {first.path}: File exists")):
        Leases().take(first)
    with pytest.raises(ResultsError, match=r"record\.json is not a file"):
        read_record(second)


def test_the_plan_of_another_experiment_is_not_written_over(a_plan, folder):
    other = a_plan.model_copy(update={"experiment": a_plan.experiment.model_copy(update={"name": "mine"})})
    freeze(folder.path, other)
    before = contents(folder.path)
    with pytest.raises(ResultsError, match="is the plan of mine, preset quick, not of shuffle-test, preset quick"):
        freeze(folder.path, a_plan)
    assert contents(folder.path) == before


def test_results_inside_a_run_are_refused_with_the_folder_that_is_meant(run, a_plan, folder, tmp_path):
    freeze(folder.path, a_plan)
    (folder.path / "cells").mkdir()
    code, _, err = run(*RUN, "--results", "results/shuffle-test/quick")
    assert code == 2
    assert "is the folder of a run" in err
    assert str(tmp_path / "results") in err
    assert not (folder.path / "shuffle-test").exists()


def test_a_plan_moved_away_is_made_again_and_what_is_done_stays_done(a_plan, folder):
    freeze(folder.path, a_plan)
    write_record(folder.cell(a_plan.cells[0].id), record_of(a_plan, a_plan.cells[0], {}))
    write(folder.page, "ours")
    folder.plan.rename(folder.path / "plan.json.old")
    check_place(folder, [cell.id for cell in a_plan.cells])
    assert freeze(folder.path, a_plan) == (a_plan, 0)
    assert read_record(folder.cell(a_plan.cells[0].id)) is not None


def test_pictures_that_somebody_put_beside_the_plots_stay(tmp_path):
    for name in ("mine.png", "sketch.svg", "curve.png", "factor-colour.svg"):
        write(tmp_path / name)
    write_plots(tmp_path, [Plot("accuracy", "", "", b"svg", b"png")])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "accuracy.png",
        "accuracy.svg",
        "mine.png",
        "sketch.svg",
    ]


def test_notes_that_somebody_put_beside_a_cell_stay_when_it_is_run_again(tmp_path):
    cell = CellFolder(tmp_path / "cells" / "0123")
    for path in (cell.record, cell.config, cell.log, cell.checkpoint, cell.encoder, cell.answers):
        write(path)
    write(cell.path / "my-notes.txt")
    write(cell.lease(1))
    cell.clear(keep_progress=False)
    assert sorted(path.name for path in cell.path.iterdir()) == ["claim-1.json", "my-notes.txt"]


def test_a_record_that_an_editor_saved_with_a_byte_order_mark_is_read(a_plan, folder):
    cell = folder.cell(a_plan.cells[0].id)
    write_record(cell, record_of(a_plan, a_plan.cells[0], {}))
    cell.record.write_bytes(b"\xef\xbb\xbf" + cell.record.read_bytes())
    record = read_record(cell)
    assert record is not None
    assert record.id == cell.id


def test_a_plan_with_a_key_that_this_barlow_does_not_know_says_what_to_do(a_plan, folder):
    freeze(folder.path, a_plan)
    value = json.loads(folder.plan.read_text(encoding="utf-8"))
    folder.plan.write_text(json.dumps({**value, "of_the_future": 1}), encoding="utf-8")
    with pytest.raises(ResultsError, match=r"plan\.json is not a plan: of_the_future: no such key") as error:
        read_plan(folder.path)
    assert "read it with the barlow that wrote it" in error.value.hint


# Folders of other users


@pytest.fixture
def stranger(tmp_path) -> Iterator[Callable[[], Any]]:
    """Called, this process goes on as a user who owns nothing here; at the end it is itself again."""
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(0o755)
    own = os.geteuid()

    def become() -> None:
        if own == 0:
            os.seteuid(STRANGER)

    yield become
    os.seteuid(own)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="there are no users here whose files could be closed")
def test_results_that_may_not_be_read_are_said_to_be_closed(run, a_plan, folder, stranger, tmp_path):
    freeze(folder.path, a_plan)
    (tmp_path / "results").chmod(0)
    stranger()
    try:
        for words in (
            ["report", "results/shuffle-test/quick"],
            ["report"],
            ["status", "shuffle-test"],
            ["rerun", "results/x"],
        ):
            code, _, err = run(*words)
            assert code == 2
            assert "Permission denied" in err
            assert "belongs to " in err
            assert "shorter name" not in err
    finally:
        os.seteuid(os.getuid())
        (tmp_path / "results").chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="there are no users here whose files could be closed")
def test_of_several_runs_the_one_that_may_not_be_read_is_named(run, a_plan, folder, stranger, tmp_path):
    freeze(folder.path, a_plan)
    closed = tmp_path / "results" / "dims"
    freeze(closed / "quick", a_plan)
    closed.chmod(0)
    stranger()
    try:
        code, out, err = run("status")
        assert code == 0
        assert out.startswith("shuffle-test, preset quick")
        assert "left out: results/dims may not be read" in err
    finally:
        os.seteuid(os.getuid())
        closed.chmod(0o755)


def test_a_report_of_a_results_path_that_is_a_file_says_so(tmp_path):
    write(tmp_path / "results")
    with pytest.raises(ResultsError, match=r"no results of any experiment in results/: .*results is a file"):
        find_runs(Path("results"))
    link(tmp_path / "elsewhere", "/gone")
    with pytest.raises(ResultsError, match="elsewhere is a link to /gone, which is not there"):
        find_runs(Path("elsewhere"), "shuffle-test")
    with pytest.raises(ResultsError, match="in nowhere/, which is not there"):
        find_runs(Path("nowhere"))
