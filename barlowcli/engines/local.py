"""Run cells on this machine: a pool of worker processes, each with its own torch, one cell at a time.

The parent never imports torch. It hands out cells, passes events on, and replaces a worker that died.
"""

import contextlib
import multiprocessing
import os
import signal
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.synchronize import Event as Flag
from typing import Literal

from barlowcli.errors import BarlowError, InterruptError
from barlowcli.options import RunOptions, identity
from barlowcli.plan import PlannedCell
from barlowcli.records import Record, write_record


@dataclass(frozen=True)
class Event:
    """What happened to a cell. status: of its record, when done; step of total: in training."""

    kind: Literal["started", "progress", "done", "stopped", "stopping", "refused"]
    cell: str
    status: str = ""
    message: str = ""
    hint: str = ""
    step: int = 0
    total: int = 0
    seconds: float = 0.0


def worker_count(device: str, cells: int) -> int:
    """Cells at once: one on an accelerator, on a CPU one a core that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cells, cores if device == "cpu" else 1))


@dataclass
class Worker:
    """A process, the pipe to it, and the cell it works on."""

    process: SpawnProcess
    pipe: Connection
    cell: PlannedCell | None = None


def run_cells(cells: Sequence[PlannedCell], options: RunOptions, *, workers: int) -> Iterator[Event]:
    """Run `cells` and yield what happens; every cell ends in a record, or in none where the run was stopped.

    Raises InterruptError on SIGINT or SIGTERM, after every worker wrote its checkpoint; BarlowError where the data
    are refused, since that would hit every cell.
    """
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    todo = deque(cells)
    pool: list[Worker] = []
    received: list[int] = []

    def on_signal(number: int, _frame: object) -> None:
        received.append(number)
        stop.set()
        if len(received) > 1:  # asked twice: what the last checkpoint does not hold is given up
            for worker in pool:
                worker.process.kill()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    told = False
    try:
        while todo or any(worker.cell for worker in pool):
            if received and not told:
                told = True
                yield Event("stopping", "", message="stopping after the step in hand; once more stops at once")
            while not stop.is_set() and todo and len(pool) < workers:
                pool.append(_start(context, stop, options))
            for worker in pool:
                if worker.cell is None and todo and not stop.is_set():
                    worker.cell = todo.popleft()
                    with contextlib.suppress(OSError):  # one that has died is found out by its silence
                        worker.pipe.send(worker.cell)
            if stop.is_set() and not any(worker.cell for worker in pool):
                break
            yield from _collect(pool, options, stopped=bool(received))
        if received:
            raise _interrupted(received[0])
    finally:
        stop.set()
        for worker in pool:
            _dismiss(worker)
        for number, handler in previous.items():
            signal.signal(number, handler)


def _interrupted(number: int) -> InterruptError:
    error = InterruptError(f"stopped by {signal.Signals(number).name}; what was finished is kept")
    error.exit_code = 128 + number
    return error


def _start(context: SpawnContext, stop: Flag, options: RunOptions) -> Worker:
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, stop, options), daemon=True)
    process.start()
    theirs.close()
    return Worker(process, ours)


def _dismiss(worker: Worker) -> None:
    with contextlib.suppress(OSError):  # it may be gone already
        worker.pipe.send(None)
    worker.pipe.close()  # a busy worker ends at its next word to us
    worker.process.join(timeout=60)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()


def _collect(pool: list[Worker], options: RunOptions, *, stopped: bool) -> Iterator[Event]:
    """Events of the workers that have some; a worker that died leaves the pool, and a failed record unless
    it was `stopped`."""
    ready = set(wait([worker.pipe for worker in pool], timeout=0.5))
    for worker in list(pool):
        if worker.pipe not in ready:
            continue
        try:
            event: Event = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            pool.remove(worker)
            if not stopped:
                yield from _bury(worker, options)
            continue
        if event.kind in ("done", "stopped"):
            worker.cell = None
        if event.kind == "refused":
            raise BarlowError(event.message, hint=event.hint)
        yield event


def _bury(worker: Worker, options: RunOptions) -> Iterator[Event]:
    """Record the cell of a worker that died as failed."""
    worker.process.join()
    if worker.cell is None:
        return
    code = worker.process.exitcode or 0
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    hint = "if it was the system's memory killer: a smaller training.batch_size or projector.dim, or fewer --workers"
    message = f"the worker process died ({how})"
    fail(worker.cell, options, f"{message}; {hint}")
    yield Event("done", worker.cell.id, status="failed", message=message, hint=hint)


def fail(cell: PlannedCell, options: RunOptions, message: str) -> None:
    """Write a record that says the cell failed."""
    record = Record(**identity(cell, options), status="failed", message=message)
    write_record(options.folder / "cells" / cell.id, record)


def _work(pipe: Connection, stop: Flag, options: RunOptions) -> None:
    """A worker's life: take a cell, run it, tell; until None comes. The parent alone hears signals."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while (cell := pipe.recv()) is not None:
        try:
            _run_one(cell, pipe, stop, options)
        except (BrokenPipeError, ConnectionResetError):
            return  # the parent is gone; the last checkpoint stands


def _run_one(cell: PlannedCell, pipe: Connection, stop: Flag, options: RunOptions) -> None:
    folder = options.folder / "cells" / cell.id

    def note(message: str) -> None:
        with contextlib.suppress(OSError):  # a lost line of the log is no reason to lose the cell
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "log.txt").open("a", encoding="utf-8") as file:
                file.write(message.rstrip() + "\n")

    def progress(step: int, total: int) -> None:
        pipe.send(Event("progress", cell.id, step=step, total=total))

    pipe.send(Event("started", cell.id))
    try:
        from barlowcli.cell import run_cell
        from barlowcli.training import Hooks
    except (ImportError, RuntimeError) as error:
        hint = "torch and torchvision must come from the same place; see `barlow doctor`"
        pipe.send(Event("refused", cell.id, message=f"torch cannot be used here: {error}", hint=hint))
        return
    hooks = Hooks(progress=progress, note=note, stop=stop.is_set, checkpoint_seconds=options.checkpoint_seconds)
    try:
        record = run_cell(cell, options, hooks)
    except InterruptError as error:
        note(error.message)
        pipe.send(Event("stopped", cell.id, message=error.message))
    except BarlowError as error:
        note(f"{error.message}\nhint: {error.hint}")
        if error.exit_code == 2:
            pipe.send(Event("refused", cell.id, message=error.message, hint=error.hint))
            return
        fail(cell, options, error.message)
        pipe.send(Event("done", cell.id, status="failed", message=error.message, hint=error.hint))
    except Exception as error:
        note(traceback.format_exc())
        message = f"{type(error).__name__}: {error}"
        fail(cell, options, message)
        pipe.send(Event("done", cell.id, status="failed", message=message, hint=f"see {folder / 'log.txt'}"))
    else:
        seconds = record.seconds.get("total", 0.0)
        pipe.send(Event("done", cell.id, status=record.status, message=record.message, seconds=seconds))
