"""What a worker tells of a cell, and what it lets go of, in the test's own process."""

import weakref
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch

from barlowcli.cell import run
from barlowcli.engines.base import Event, Granted
from barlowcli.engines.queue import Queue, Task
from barlowcli.engines.worker import run_one
from barlowcli.machine.devices import Way
from barlowcli.records.record import read_record
from barlowcli.training import compiled
from tests.grids import options_for, tiny_plan


class Pipe:
    """The worker's side of a pipe whose other end grants everything."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def send(self, event: Event) -> None:
        self.events.append(event)

    def recv(self) -> Granted:
        return Granted(fits=True, alone=True)

    def poll(self) -> bool:
        return False


@pytest.fixture
def task(tmp_path: Path) -> Iterator[Task]:
    cell = next(cell for cell in tiny_plan({"method": ["barlow"], "jitter": ["on"]}).cells if cell.config.training)
    with Queue([cell], options_for(tmp_path), anew=False, patience=9.0) as queue:
        found = queue.next()
        assert found is not None
        yield found


def told(task: Task, folder: Path, **options: Any) -> list[Event]:
    pipe: Any = Pipe()
    stop: Connection = pipe
    run_one(task, pipe, stop, replace(options_for(folder), **options), workers=1)
    return pipe.events  # type: ignore[no-any-return]


def test_steps_that_fall_back_are_told_before_the_first_and_recorded_with_the_reason(task, tmp_path, monkeypatch):
    def refuse(*arguments: object) -> None:
        raise RuntimeError("no compiler in /usr/local/bin/g++\nand a page of reasons")

    monkeypatch.setattr(compiled, "compiled", lambda function: refuse)
    events = told(task, tmp_path, way=Way.compiled)
    kinds = [event.kind for event in events]
    assert kinds.count("slower") == 1
    assert kinds.index("slower") < kinds.index("progress")
    slower = events[kinds.index("slower")]
    reason = "the step cannot be compiled here: RuntimeError: no compiler in /usr/local/bin/g++"
    assert (slower.cell, slower.way) == (task.cell.id, "eager")
    assert slower.message == f"steps are eager, which is slower: {reason}"
    folder = options_for(tmp_path).folder_of(task.cell)
    record = read_record(folder)
    assert record is not None
    assert record.provenance["step"] == "eager"
    assert record.slower == [reason.replace("/usr/local/bin/", "…/")]
    assert reason in folder.notes.read_text().splitlines()


def test_steps_that_need_no_other_way_are_not_spoken_of(task, tmp_path):
    assert "slower" not in [event.kind for event in told(task, tmp_path)]
    record = read_record(options_for(tmp_path).folder_of(task.cell))
    assert record is not None
    assert "slower" not in record.provenance


def test_a_cell_that_failed_keeps_no_tensor(task, tmp_path, monkeypatch):
    alive = []

    def fail(*arguments: object) -> None:
        circle: list[Any] = [torch.ones(3)]
        circle.append(circle)
        alive.append(weakref.ref(circle[0]))
        raise RuntimeError("no memory")

    monkeypatch.setattr(run, "run_cell", fail)
    assert told(task, tmp_path)[-1].status == "failed"
    assert alive[0]() is None
