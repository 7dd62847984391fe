import os
import re
import signal

import pytest

from barlowcli.cell.run import run_cell
from barlowcli.engines import pool
from barlowcli.engines.base import worker_count
from barlowcli.engines.local import run_cells
from barlowcli.errors import BarlowError, CellError, InterruptError
from barlowcli.plan.freezing import freeze
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.leases import Leases
from barlowcli.records.record import read_record
from barlowcli.training.loop import Hooks
from tests.engines.breaking import ILLEGAL, work_until_lost
from tests.grids import options_for, run_grid, tiny_plan


def grid(settings=None, seeds=1):
    return tiny_plan({"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]}, settings, seeds)


def test_two_workers_give_what_one_process_gives_and_a_cell_that_fails_stops_no_other(tmp_path):
    plan = grid()
    fails = grid({"training.batch_size": 1000})
    bad = next(cell for cell in fails.cells if cell.axes["method"] == "barlow")
    freeze(tmp_path / "pool", plan)
    events = list(run_cells([bad, *plan.cells], options_for(tmp_path / "pool"), workers=2))
    run_grid(plan, tmp_path / "alone")
    for cell in plan.cells:
        pool, alone = (read_record(ResultsFolder(tmp_path / name).cell(cell.id)) for name in ("pool", "alone"))
        assert pool is not None
        assert alone is not None
        assert pool.metrics == alone.metrics
    failed = read_record(ResultsFolder(tmp_path / "pool").cell(bad.id))
    assert failed is not None
    assert failed.status == "failed"
    assert failed.message == "270 training images do not fill one batch of 1000"
    done = [event for event in events if event.kind == "done"]
    statuses = [event.status for event in done]
    assert statuses.count("failed") == 1
    assert set(statuses) <= {"failed", "ok", "collapsed"}  # equalised, shuffled views leave nothing to learn
    assert len(statuses) == 1 + len(plan.cells)
    assert (tmp_path / "pool" / "cells" / bad.id / "log.txt").read_text().count("do not fill one batch") == 1


def test_interrupted_it_leaves_a_checkpoint_and_goes_on_from_it_to_the_same_numbers(tmp_path):
    plan = grid({"training.epochs": 30})
    cell = next(cell for cell in plan.cells if cell.axes["method"] == "barlow")

    def run_until_terminated():
        for event in run_cells([cell], options_for(tmp_path / "cut"), workers=1):
            if event.kind == "progress" and event.step == 20:
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(InterruptError) as error:
        run_until_terminated()
    assert error.value.exit_code == 143
    folder = tmp_path / "cut" / "cells" / cell.id
    assert (folder / "checkpoint.pt").exists()
    assert not (folder / "record.json").exists()
    list(run_cells([cell], options_for(tmp_path / "cut"), workers=1))
    run_cell(cell, options_for(tmp_path / "whole"), Hooks())
    assert "resumed at step" in (folder / "log.txt").read_text()
    cut, whole = (read_record(ResultsFolder(tmp_path / name).cell(cell.id)) for name in ("cut", "whole"))
    assert cut is not None
    assert whole is not None
    assert cut.metrics == whole.metrics
    assert not (folder / "checkpoint.pt").exists()


def test_a_worker_that_is_killed_leaves_a_failed_record_and_the_grid_goes_on(tmp_path):
    plan = grid({"training.epochs": 200})
    victim = next(cell for cell in plan.cells if cell.axes["method"] == "barlow")
    other = next(cell for cell in plan.cells if cell.axes["method"] == "random-init")
    killed = False
    for event in run_cells([victim, other], options_for(tmp_path), workers=1):
        if event.kind == "progress" and not killed:
            killed = True
            for child in children():
                os.kill(child, signal.SIGKILL)
    record = read_record(ResultsFolder(tmp_path).cell(victim.id))
    assert record is not None
    assert record.status == "failed"
    assert "the worker process died (killed by SIGKILL)" in record.message
    survivor = read_record(ResultsFolder(tmp_path).cell(other.id))
    assert survivor is not None
    assert survivor.status == "ok"


def test_a_cell_that_asks_for_more_memory_than_there_is_fails_with_the_figures_and_the_grid_goes_on(tmp_path):
    huge = next(
        cell
        for cell in grid({"projector.dim": 2**20, "projector.hidden": 2**20}).cells
        if cell.axes["method"] == "barlow"
    )
    other = next(cell for cell in grid().cells if cell.axes["method"] == "random-init")
    events = [event for event in run_cells([huge, other], options_for(tmp_path), workers=1) if event.kind == "done"]
    assert [event.status for event in events] == ["failed", "ok"]
    record = read_record(ResultsFolder(tmp_path).cell(huge.id))
    assert record is not None
    assert re.fullmatch(
        r"out of memory: [\d.]+ GiB asked for, [\d.]+ GiB free; a smaller training\.batch_size or projector\.dim",
        record.message,
    )


def test_a_gpu_that_is_lost_costs_one_cell_and_a_new_worker_runs_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "work", work_until_lost)
    plan = grid()
    victim = next(cell for cell in plan.cells if cell.axes["method"] == "barlow")
    others = [cell for cell in plan.cells if not cell.config.training]
    cells = [victim, *others]
    events = [event for event in run_cells(cells, options_for(tmp_path), workers=1) if event.kind == "done"]
    assert [(event.cell, event.status) for event in events] == [
        (victim.id, "failed"),
        *((cell.id, "ok") for cell in others),
    ]
    record = read_record(ResultsFolder(tmp_path).cell(victim.id))
    assert record is not None
    assert record.message.startswith("the GPU failed: an illegal memory access was encountered; --rerun failed")
    assert ILLEGAL in (tmp_path / "cells" / victim.id / "log.txt").read_text()
    assert not children()


def test_a_gpu_that_is_lost_in_every_cell_ends_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "work", work_until_lost)
    plan = tiny_plan({"method": ["barlow", "byol"], "shuffle": ["none", "pixels"], "jitter": ["on"]})
    cells = [cell for cell in plan.cells if cell.config.training][:4]
    with pytest.raises(CellError, match="the first 3 cells all failed in the same way: the GPU failed: an illegal"):
        list(run_cells(cells, options_for(tmp_path), workers=1))
    assert [read_record(ResultsFolder(tmp_path).cell(cell.id)) is None for cell in cells] == [False, False, False, True]


def test_cells_that_all_fail_alike_stop_the_grid_early(tmp_path):
    plan = tiny_plan(
        {"method": ["barlow", "byol"], "shuffle": ["none", "pixels"], "jitter": ["on"]},
        {"training.batch_size": 1000},
    )
    cells = [cell for cell in plan.cells if not cell.control]
    assert len(cells) == 4
    with pytest.raises(CellError, match="the first 3 cells all failed in the same way: 270 training images") as error:
        list(run_cells(cells, options_for(tmp_path), workers=1))
    assert "--set training.batch_size=" in error.value.hint
    assert "--rerun failed" in error.value.hint
    assert [read_record(ResultsFolder(tmp_path).cell(cell.id)) is None for cell in cells] == [False, False, False, True]
    assert not list(tmp_path.glob("cells/*/claim-*"))


def test_a_failure_that_comes_after_a_success_stops_nothing(tmp_path):
    fails = tiny_plan({"method": ["barlow"], "jitter": ["on"]}, {"training.batch_size": 1000}, seeds=2)
    bad = [cell for cell in fails.cells if not cell.control]
    good = next(cell for cell in grid().cells if cell.axes["method"] == "random-init")
    events = list(run_cells([good, *bad], options_for(tmp_path), workers=1))
    assert [event.status for event in events if event.kind == "done"] == ["ok", *["failed"] * len(bad)]


def test_a_cell_of_another_process_is_waited_for_and_taken_over_when_that_is_silent(tmp_path):
    plan = grid(seeds=2)
    mine, theirs, silent = [cell for cell in plan.cells if not cell.config.method.trains][:3]
    others = Leases()
    for cell in (theirs, silent):
        assert others.take(ResultsFolder(tmp_path).cell(cell.id))
    done = []
    for event in run_cells([mine, theirs, silent], options_for(tmp_path), workers=1, patience=2.0):
        if event.kind != "done":
            continue
        done.append((event.cell, event.elsewhere))
        if event.cell == mine.id:  # the other process finishes one, and is never heard of again
            run_cell(theirs, options_for(tmp_path), Hooks())
            others.release(ResultsFolder(tmp_path).cell(theirs.id))
    assert done == [(mine.id, False), (theirs.id, True), (silent.id, False)]


def children() -> list[int]:
    import multiprocessing

    return [child.pid for child in multiprocessing.active_children() if child.pid]


def test_data_that_cannot_be_had_end_the_run_at_once(tmp_path):
    plan = grid({"data.name": "cifar10", "data.image_size": 32})
    (tmp_path / "no-data-root").write_text("a file where the data root should be")
    options = options_for(tmp_path)
    with pytest.raises(BarlowError) as error:
        list(run_cells(plan.cells[:1], options, workers=1))
    assert "colour-digits" in error.value.hint


def test_cells_at_once_are_bounded_by_cells_cores_and_the_accelerator(monkeypatch):
    monkeypatch.setattr("barlowcli.engines.base.cores", lambda: 6)
    assert [worker_count("cpu", cells) for cells in (0, 1, 5, 6, 1000)] == [1, 1, 5, 6, 6]
    assert worker_count("cuda", 40) == 1
