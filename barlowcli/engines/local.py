"""Run cells on this machine: a pool of worker processes, each with its own torch, one cell at a time.

The parent never imports torch. It leases cells, hands them out, passes events on, and replaces a worker that died.
Other processes may run cells of the same folder at the same time, here or on another machine: each cell is run by one.
"""

import contextlib
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.synchronize import Event as Flag

from barlowcli.cell.options import RunOptions
from barlowcli.engines.worker import SMALLER, Event, Task, failed, work
from barlowcli.errors import BarlowError, CellError, InterruptError
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.folder import CellFolder
from barlowcli.records.leases import PATIENCE_SECONDS, Leases
from barlowcli.records.record import read_record

__all__ = ["Event", "run_cells", "worker_count"]

POLL_SECONDS = 0.5
"""Between two looks at events, and at cells that others hold."""
SAME_FAILURES = 3
"""So many cells that all fail alike before any other was done: the rest would too."""


def worker_count(device: str, cells: int) -> int:
    """Cells at once: one on an accelerator, on a CPU one a core that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cells, cores if device == "cpu" else 1))


@dataclass
class Worker:
    """A process, the pipe to it, and the task it works on."""

    process: SpawnProcess
    pipe: Connection
    task: Task | None = None


def run_cells(
    cells: Sequence[PlannedCell],
    options: RunOptions,
    *,
    workers: int,
    anew: bool = False,
    patience: float = PATIENCE_SECONDS,
) -> Iterator[Event]:
    """Run `cells` and yield what happens; every cell ends in a record, or in none where the run was stopped.

    A cell that another process holds is waited for; where that one is dead or does not beat for `patience` seconds, it
    is run here. anew: what a cell left before is deleted first; else a failed record is replaced and a checkpoint used.

    Raises InterruptError on SIGINT or SIGTERM, after every worker wrote its checkpoint; BarlowError where the data
    are refused or the disk is full, since that would hit every cell; CellError where the first few all fail alike.
    """
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    queue = Queue(cells, options, anew=anew, patience=patience)
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
    start = Start()
    try:
        with queue.leases.kept_alive():
            while queue.open or any(worker.task for worker in pool):
                if received and not told:
                    told = True
                    yield Event("stopping", "", message="stopping after the step in hand; once more stops at once")
                if stop.is_set() and not any(worker.task for worker in pool):
                    break
                if not stop.is_set():
                    yield from queue.finished_elsewhere()
                    _hand_out(queue, pool, workers, lambda: _start(context, stop, options))
                for event in _collect(pool, options, queue, stopped=bool(received)):
                    yield event
                    start.note(event, more=queue.open)
        if received:
            raise _interrupted(received[0])
    finally:
        stop.set()
        for worker in pool:
            _dismiss(worker)
        queue.release_all()
        for number, handler in previous.items():
            signal.signal(number, handler)


class Queue:
    """The cells that are still to be run, by this process or another."""

    def __init__(self, cells: Sequence[PlannedCell], options: RunOptions, *, anew: bool, patience: float) -> None:
        self.leases = Leases(patience=patience)
        self.anew = anew
        self.folders = {cell.id: options.folder_of(cell) for cell in cells}
        self.todo = deque(cells)
        self.before = {cell.id: stamp(self.folders[cell.id]) for cell in cells}
        self.looked = 0.0

    @property
    def open(self) -> bool:
        """Whether a cell is neither done nor in hand here."""
        return bool(self.todo)

    def next(self) -> Task | None:
        """A cell that is this process's now; None where others hold all that are left."""
        for _ in range(len(self.todo)):
            cell = self.todo.popleft()
            folder = self.folders[cell.id]
            if not self.is_done(cell) and self.leases.take(folder):
                if self.is_done(cell):  # by the one who held it until a moment ago
                    self.leases.release(folder)
                else:
                    folder.clear(keep_progress=not self.anew)
                    return Task(cell, self.leases.held[folder])
            self.todo.append(cell)
        return None

    def finished_elsewhere(self) -> Iterator[Event]:
        """Take cells that others have finished off the list; looked for now and then."""
        if time.monotonic() - self.looked < POLL_SECONDS:
            return
        self.looked = time.monotonic()
        for cell in [cell for cell in self.todo if self.is_done(cell)]:
            record = read_record(self.folders[cell.id])
            if record is not None:
                self.todo.remove(cell)
                status, message = record.status, record.message
                yield Event("done", cell.id, status=status, message=message, elsewhere=True)

    def is_done(self, cell: PlannedCell) -> bool:
        """Whether there is a record that was not there when the run began."""
        now = stamp(self.folders[cell.id])
        return now is not None and now != self.before[cell.id]

    def put_back(self, cell: PlannedCell) -> None:
        """A cell that another process took over is waited for."""
        self.todo.append(cell)

    def release(self, cell: PlannedCell) -> None:
        """Nobody here works on it any more."""
        self.leases.release(self.folders[cell.id])

    def release_all(self) -> None:
        """Let go of every cell that was not finished."""
        for folder in list(self.leases.held):
            self.leases.release(folder)


def stamp(folder: CellFolder) -> tuple[int, int] | None:
    """What tells one record from a later one; None where there is none."""
    try:
        found = folder.record.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


class Start:
    """Notes how the first cells end."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.over = False

    def note(self, event: Event, *, more: bool) -> None:
        """Raise CellError where the first few cells have all failed in the same way, and there are `more`."""
        if event.kind != "done" or event.elsewhere or self.over:
            return
        self.failures.append(event.message)
        kinds = {"".join(letter for letter in message if not letter.isdigit()) for message in self.failures}
        self.over = event.status != "failed" or len(kinds) > 1
        if not self.over and len(self.failures) == SAME_FAILURES:
            raise CellError(
                f"the first {SAME_FAILURES} cells all failed in the same way: {event.message}; no more are tried",
                hint=f"{event.hint}; --rerun failed runs them again"
                if event.hint
                else "--rerun failed runs them again",
            )


def _hand_out(queue: Queue, pool: list[Worker], workers: int, start: Callable[[], Worker]) -> None:
    """Give every idle worker a task, new workers too as long as there are fewer than `workers`."""
    idle = [worker for worker in pool if worker.task is None]
    while queue.open and (idle or len(pool) < workers):
        task = queue.next()
        if task is None:
            return
        if not idle:
            pool.append(start())
        worker = idle.pop() if idle else pool[-1]
        worker.task = task
        with contextlib.suppress(OSError):  # one that has died is found out by its silence
            worker.pipe.send(task)


def _interrupted(number: int) -> InterruptError:
    error = InterruptError(f"stopped by {signal.Signals(number).name}; what was finished is kept")
    error.exit_code = 128 + number
    return error


def _start(context: SpawnContext, stop: Flag, options: RunOptions) -> Worker:
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, stop, options), daemon=True)
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


def _collect(pool: list[Worker], options: RunOptions, queue: Queue, *, stopped: bool) -> Iterator[Event]:
    """Events of the workers that have some; a worker that died leaves the pool, and a failed record unless
    it was `stopped`."""
    if not pool:
        time.sleep(POLL_SECONDS)  # all that is left is in the hands of others
        return
    ready = set(wait([worker.pipe for worker in pool], timeout=POLL_SECONDS))
    for worker in list(pool):
        if worker.pipe not in ready:
            continue
        try:
            event: Event = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            event = _bury(worker, options, stopped=stopped)
            pool.remove(worker)
        if event.kind == "refused":
            raise BarlowError(event.message, hint=event.hint)
        if event.kind in ("done", "stopped", "lost") and worker.task is not None:
            task, worker.task = worker.task, None
            if event.kind == "lost":
                queue.put_back(task.cell)
            queue.release(task.cell)
        yield event


def _bury(worker: Worker, options: RunOptions, *, stopped: bool) -> Event:
    """Record the cell of a worker that died as failed, unless it was `stopped`."""
    worker.process.join()
    if worker.task is None or stopped:
        return Event("stopped", worker.task.cell.id if worker.task else "")
    code = worker.process.exitcode or 0
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    hint = f"if it was the system's memory killer: {SMALLER}"
    message = f"the worker process died ({how})"
    return failed(worker.task, options, message, hint, recorded=f"{message}; {hint}")
