import os
import re
import signal
from pathlib import Path
from unittest.mock import Mock

import pytest

from barlowcli.cell.run import run_cell
from barlowcli.engines import pool
from barlowcli.engines.base import Event, Granted, at_once
from barlowcli.engines.local import run_cells
from barlowcli.engines.pool import Pool, Worker, next_of
from barlowcli.errors import BarlowError, CellError, InterruptError
from barlowcli.machine.gpus import Gpu, Gpus
from barlowcli.machine.needs import Need
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
    assert re.match(
        r"it will not fit at D = 1048576: it needs .* and this machine has [\d.]+ GiB; the largest D that fits is \d+",
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


def cards(*ids: str, free: int = 80 * 2**30) -> Gpus:
    """Made up, and all usable."""
    found = tuple(Gpu(one, "a GPU", total=80 * 2**30, free=free) for one in ids)
    return Gpus(found, found)


def test_cells_at_once_are_bounded_by_cells_cores_and_gpus(monkeypatch):
    monkeypatch.setattr("barlowcli.engines.base.cores", lambda: 6)
    assert [at_once("cpu", cells).workers for cells in (0, 1, 5, 6, 1000)] == [1, 1, 5, 6, 6]
    for count, said in ((0, "1 at once"), (1, "1 at once"), (4, "4 at once on 4 GPUs")):
        found = cards(*map(str, range(count)))
        monkeypatch.setattr("barlowcli.engines.base.gpus", lambda device, found=found: found)
        assert str(at_once("cuda", 40)) == said
    assert str(at_once("cuda", 3)) == "3 at once on 3 GPUs"
    assert str(at_once("cuda", 40, asked=9)) == "9 at once on 4 GPUs"
    assert str(at_once("cuda", 40, asked=1)) == "1 at once"


def test_workers_are_spread_over_the_gpus_and_one_that_is_replaced_takes_the_place_of_its_own():
    one, other = cards("2", "MIG-33").used
    taken: list[Gpu | None] = []
    for _ in range(5):
        taken.append(next_of([one, other], taken))
    assert taken == [one, other, one, other, one]
    taken.remove(other)
    assert next_of([one, other], taken) is other
    assert next_of([], []) is None


def test_each_worker_sees_its_gpu_alone_from_the_start_of_its_process(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,MIG-33")
    monkeypatch.setattr("barlowcli.engines.pool.gpus", lambda device: cards("2", "MIG-33"))
    cells = [cell for cell in grid(seeds=2).cells if cell.axes["method"] == "random-init"]
    saw = set()
    for event in run_cells(cells, options_for(tmp_path), workers=2):
        if event.kind == "started":
            given = [Path(f"/proc/{child}/environ").read_bytes().split(b"\0") for child in children()]
            saw |= {part.decode() for parts in given for part in parts if part.startswith(b"CUDA_VISIBLE_DEVICES")}
    assert saw == {"CUDA_VISIBLE_DEVICES=2", "CUDA_VISIBLE_DEVICES=MIG-33"}
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2,MIG-33"


def test_a_cell_that_does_not_fit_on_its_gpu_beside_another_waits_and_fewer_go_on(monkeypatch, tmp_path):
    monkeypatch.setattr("barlowcli.engines.pool.gpus", lambda device: cards("0", "1", free=10))
    many = Pool(4, options_for(tmp_path))
    pipes = [Mock() for _ in range(3)]
    first, second, third = map(Worker, [Mock()] * 3, pipes, [*many.gpus, many.gpus[0]])
    many.workers = [first, second, third]
    for worker, needs, fits in ((0, 6, True), (1, 9, True), (2, 5, False), (2, 4, True)):
        many._answer(many.workers[worker], Need(on_gpu=needs))
        assert pipes[worker].send.call_args.args == (Granted(fits, alone=False),)
    many._answer(third, Need(on_gpu=2**31))
    assert many._no_room(third) == (
        "no memory on GPU 0 (a GPU): one cell needs 2.0 GiB of 0 MiB that were free; from now on 2 at once"
    )
    many.workers = [second, third]
    many._answer(third, Need(on_gpu=2**40))  # alone on its GPU it is left to try
    assert pipes[2].send.call_args.args == (Granted(fits=True, alone=False),)


def test_a_gpu_that_answers_no_new_process_either_is_used_no_more(monkeypatch, tmp_path):
    monkeypatch.setattr("barlowcli.engines.pool.gpus", lambda device: cards("0", "1"))
    monkeypatch.setattr("barlowcli.engines.pool.answers", lambda gpu: gpu.id == "0")
    two = Pool(2, options_for(tmp_path))
    well, broken = two.gpus
    lost = Event("done", "a-cell", status="failed", message="the GPU failed: it is gone", leaves=True)
    assert two._without(well, lost) == lost
    assert (two.gpus, two.size) == ((well, broken), 2)
    said = two._without(broken, lost).message
    assert said == "the GPU failed: it is gone; GPU 1 (a GPU) answers no more and is left out: from now on 1 at once"
    assert (two.gpus, two.size) == ((well,), 1)
    monkeypatch.setattr("barlowcli.engines.pool.answers", lambda gpu: False)
    assert two._without(well, lost) == lost  # there is no other
    assert two.gpus == (well,)
