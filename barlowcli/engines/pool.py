"""A pool of worker processes: cells are handed out, events come back, and one that dies takes only its cell with it."""

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType

from barlowcli.cell.options import RunOptions
from barlowcli.engines.base import Event
from barlowcli.engines.queue import POLL_SECONDS, Queue, Task
from barlowcli.engines.stop import Stop
from barlowcli.engines.worker import SMALLER, failed, work
from barlowcli.errors import BarlowError


@dataclass
class Worker:
    """A process, the pipe to it, and the task it works on."""

    process: SpawnProcess
    pipe: Connection
    task: Task | None = None

    def give(self, task: Task) -> None:
        """Let it work on a task."""
        self.task = task
        with contextlib.suppress(OSError):  # one that has died is found out by its silence
            self.pipe.send(task)

    def dismiss(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):  # it may be gone already
            self.pipe.send(None)
        self.pipe.close()  # a busy worker ends at its next word to us
        self.process.join(timeout=60)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class Pool:
    """At most `size` workers, started when there is work for them; leaving it ends them all."""

    def __init__(self, size: int, options: RunOptions) -> None:
        self.size = size
        self.options = options
        self.context = multiprocessing.get_context("spawn")
        self.stop = Stop(self.context)
        self.workers: list[Worker] = []

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        for worker in self.workers:
            worker.dismiss()

    @property
    def busy(self) -> bool:
        """Whether a worker has a task."""
        return any(worker.task for worker in self.workers)

    @property
    def stopping(self) -> bool:
        """Whether the workers were asked to stop."""
        return self.stop.is_set()

    def kill(self) -> None:
        """End every worker at once: what its last checkpoint does not hold is given up."""
        for worker in self.workers:
            worker.process.kill()

    def hand_out(self, queue: Queue) -> None:
        """Give every idle worker a task, new workers too as long as there is room for them."""
        idle = [worker for worker in self.workers if worker.task is None]
        while queue.open and (idle or len(self.workers) < self.size):
            task = queue.next()
            if task is None:
                return
            worker = idle.pop() if idle else self._start()
            worker.give(task)

    def _start(self) -> Worker:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=work, args=(theirs, self.stop.seen, self.options), daemon=True)
        process.start()
        theirs.close()
        self.workers.append(Worker(process, ours))
        return self.workers[-1]

    def events(self, queue: Queue) -> Iterator[Event]:
        """What the workers have to tell by now; their finished cells are let go of."""
        if not self.workers:
            time.sleep(POLL_SECONDS)  # all that is left is in the hands of others
            return
        ready = set(wait([worker.pipe for worker in self.workers], timeout=POLL_SECONDS))
        for worker in [worker for worker in self.workers if worker.pipe in ready]:
            event = self._hear(worker)
            if event.kind == "refused":
                raise BarlowError(event.message, hint=event.hint)
            if event.kind in ("done", "stopped", "lost"):
                self._take_back(worker, event, queue)
            yield event

    def _hear(self, worker: Worker) -> Event:
        """The next word of a worker; one that died leaves the pool."""
        try:
            event: Event = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            event = self._bury(worker)
            self.workers.remove(worker)
        return event

    def _bury(self, worker: Worker) -> Event:
        """Record the cell of a worker that died as failed, unless it was asked to stop."""
        worker.process.join()
        if worker.task is None or self.stopping:
            return Event("stopped", worker.task.cell.id if worker.task else "")
        code = worker.process.exitcode or 0
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        hint = f"if it was the system's memory killer: {SMALLER}"
        message = f"the worker process died ({how})"
        return failed(worker.task, self.options, message, hint, recorded=f"{message}; {hint}")

    def _take_back(self, worker: Worker, event: Event, queue: Queue) -> None:
        """Nobody works on this worker's cell any more; one that is lost is waited for."""
        if worker.task is None:
            return
        cell, worker.task = worker.task.cell, None
        if event.kind == "lost":
            queue.put_back(cell)
        queue.release(cell)
