"""What holds for every engine of the registry, on a grid of seconds."""

import os
import signal
from pathlib import Path

import pytest

from barlowcli.cell.options import RunOptions
from barlowcli.engines.base import Engine, Event
from barlowcli.errors import InterruptError
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import Record, read_records
from barlowcli.registry import ENGINES
from tests.grids import options_for, tiny_plan

pytestmark = pytest.mark.parametrize("name", ENGINES.names())


def tiny(batch_size: int = 64, epochs: int = 2) -> dict[str, PlannedCell]:
    """Method -> its cell: one that is trained and two that are not."""
    settings = {"training.batch_size": batch_size, "training.epochs": epochs}
    plan: Plan = tiny_plan({"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]}, settings)
    return {cell.config.method.name: cell for cell in plan.cells}


def run(name: str, cells: list[PlannedCell], options: RunOptions) -> list[Event]:
    """Every event of a run of two workers."""
    engine: Engine = ENGINES.load(name)
    return list(engine(cells, options, workers=2))


def records_of(folder: Path, cells: list[PlannedCell]) -> dict[str, Record]:
    return read_records(ResultsFolder(folder), (cell.id for cell in cells))


def test_every_cell_gets_one_record_of_its_own(name, tmp_path):
    by_method = tiny()
    cells = [by_method[method] for method in ("barlow", "random-init", "histogram")]
    run(name, cells, options_for(tmp_path))
    records = records_of(tmp_path, cells)
    assert {(record.id, record.status) for record in records.values()} == {(cell.id, "ok") for cell in cells}
    assert [records[cell.id].axes["method"] for cell in cells] == ["barlow", "random-init", "histogram"]
    assert len(list(tmp_path.glob("cells/*/record.json"))) == len(cells)
    assert not list(tmp_path.glob("cells/*/claim-*"))  # nobody works on them any more


def test_a_cell_starts_goes_on_and_is_done_in_that_order(name, tmp_path):
    by_method = tiny()
    cells = [by_method[method] for method in ("barlow", "random-init")]
    events = run(name, cells, options_for(tmp_path))
    trained, untrained = ([event for event in events if event.cell == cell.id] for cell in cells)
    assert [event.kind for event in untrained] == ["started", "read", "done"]
    steps = [event.step for event in trained[2:-1]]
    assert [trained[0].kind, trained[1].kind, trained[-1].kind] == ["started", "read", "done"]
    assert {event.kind for event in trained[2:-1]} == {"progress"}
    assert steps == list(range(1, len(steps) + 1))
    assert {event.total for event in trained[2:-1]} == {len(steps)} == {8}  # 270 images in batches of 64, twice
    records = records_of(tmp_path, cells)
    for cell, (_, read, *_) in zip(cells, (trained, untrained), strict=True):
        assert read.inventory is not None
        assert read.inventory == records[cell.id].data
        assert read.inventory.splits["train"].images == 270
    assert trained[-1].status == "ok"
    assert trained[-1].seconds > 0


def test_a_cell_that_fails_is_a_record_and_the_others_go_on(name, tmp_path):
    bad, good = tiny(batch_size=1000)["barlow"], tiny()["random-init"]
    events = run(name, [bad, good], options_for(tmp_path))
    assert {event.cell: event.status for event in events if event.kind == "done"} == {bad.id: "failed", good.id: "ok"}
    records = records_of(tmp_path, [bad, good])
    assert {cell: record.status for cell, record in records.items()} == {bad.id: "failed", good.id: "ok"}
    assert records[bad.id].message == "270 training images do not fill one batch of 1000"
    assert not records[bad.id].metrics


def test_stopped_it_says_so_keeps_a_checkpoint_and_leaves_no_record(name, tmp_path):
    engine: Engine = ENGINES.load(name)
    cell = tiny(epochs=30)["barlow"]
    told = []

    def stop_at_step_20() -> None:
        for event in engine([cell], options_for(tmp_path), workers=1):
            told.append(event.kind)
            if event.kind == "progress" and event.step == 20:
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(InterruptError, match="stopped by SIGTERM; what was finished is kept") as error:
        stop_at_step_20()
    assert error.value.exit_code == 143
    assert told[-1] == "stopped"
    assert told.count("stopping") == 1
    folder = ResultsFolder(tmp_path).cell(cell.id)
    assert folder.checkpoint.exists()
    assert not folder.record.exists()
    events = run(name, [cell], options_for(tmp_path))  # it goes on from there
    assert min(event.step for event in events if event.kind == "progress") > 20
    assert records_of(tmp_path, [cell])[cell.id].status == "ok"


def test_what_is_run_anew_has_forgotten_all_that_was_before(name, tmp_path):
    engine: Engine = ENGINES.load(name)
    cell = tiny()["random-init"]
    first = run(name, [cell], options_for(tmp_path))[-1]
    folder = ResultsFolder(tmp_path).cell(cell.id)
    folder.checkpoint.write_text("of before")
    (folder.path / "mine.txt").write_text("a note of somebody's")
    before = folder.record.stat().st_mtime_ns
    again = list(engine([cell], options_for(tmp_path), workers=1, anew=True))[-1]
    assert (first.kind, again.kind, again.status) == ("done", "done", "ok")
    assert folder.record.stat().st_mtime_ns > before
    assert not folder.checkpoint.exists()
    assert (folder.path / "mine.txt").exists()
