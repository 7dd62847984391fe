"""A pool of worker processes: cells are handed out, events come back, and one that dies takes only its cell with it.

Memory is given out too, the machine's and each GPU's: each worker says what its cell needs before it reads images and
before it trains. Where that does not fit beside the others, its cell waits, and one worker fewer goes on. Workers are
spread over the GPUs, and each sees its own alone.
"""

import contextlib
import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType

from barlowcli.cell.options import RunOptions
from barlowcli.engines.base import Event, Granted
from barlowcli.engines.causes import Death
from barlowcli.engines.queue import POLL_SECONDS, Queue, Task
from barlowcli.engines.starting import undisturbed
from barlowcli.engines.stop import Stop
from barlowcli.engines.worker import failed, work
from barlowcli.errors import BarlowError
from barlowcli.machine.cgroups import killed_for_memory
from barlowcli.machine.facts import Memory, gib, job_memory
from barlowcli.machine.gpus import Gpu, answers, gpus
from barlowcli.machine.needs import Need


@dataclass
class Worker:
    """A process, the pipe to it, its GPU, the task it works on, what memory that needs, and whether it takes training
    steps."""

    process: SpawnProcess
    pipe: Connection
    gpu: Gpu | None = None
    task: Task | None = None
    need: Need = field(default_factory=Need)
    training: bool = False

    def give(self, task: Task) -> None:
        """Let it work on a task."""
        self.task, self.training = task, False
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
        self.memory = job_memory()
        self.gpus = gpus(options.device).used
        self.killed: Mapping[str, int] = killed_for_memory()

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

    def kill_idle(self) -> None:
        """End every worker that takes no training steps: it has nothing that a checkpoint would keep."""
        for worker in self.workers:
            if not worker.training:
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
        arguments = (theirs, self.stop.seen, self.options, self.size)
        process = self.context.Process(target=work, args=arguments, daemon=True)
        gpu = next_of(self.gpus, [worker.gpu for worker in self.workers])
        with undisturbed({} if gpu is None else {gpu.variable: gpu.id}):
            process.start()
        theirs.close()
        self.workers.append(Worker(process, ours, gpu))
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
            if event.kind == "asks":
                self._answer(worker, event.need or Need())
                continue
            worker.training = event.kind == "progress" and event.step < event.total
            if event.kind in ("done", "stopped", "lost", "crowded"):
                self._take_back(worker, event, queue)
            if event.kind == "crowded":
                self._do_with_fewer(worker)
            elif event.leaves:
                self._leave(worker)  # another is started where there is more to do
                event = self._without(worker.gpu, event)
            yield event

    def _answer(self, worker: Worker, need: Need) -> None:
        """Whether there is memory for what a worker needs: beside the others, each with what it said last. One that is
        alone, or alone on its GPU, is left to try."""
        worker.need, alone = need, len(self.workers) == 1
        fits = alone or sum(other.need.total for other in self.workers) <= self.memory.available
        with contextlib.suppress(OSError):
            worker.pipe.send(Granted(fits and not self._crowds(worker), alone))

    def _crowds(self, worker: Worker) -> bool:
        """Whether a worker needs more of its GPU than the others there leave of what was free."""
        beside = [other for other in self.workers if other.gpu == worker.gpu]
        if worker.gpu is None or len(beside) == 1:
            return False
        return sum(other.need.on_gpu for other in beside) > worker.gpu.free

    def _leave(self, worker: Worker) -> None:
        """Let go of a worker."""
        if worker in self.workers:
            self.workers.remove(worker)
            worker.dismiss()

    def _do_with_fewer(self, worker: Worker) -> None:
        """Let go of a worker that there is no memory for, and start no other in its place."""
        self._leave(worker)
        self.size = max(1, len(self.workers))

    def _without(self, gpu: Gpu | None, event: Event) -> Event:
        """What a worker said that lost its GPU; where that answers a new process no more either, and there are others,
        they do without it, which is said too."""
        if gpu is None or len(self.gpus) == 1 or answers(gpu):
            return event
        self.gpus = tuple(other for other in self.gpus if other != gpu)
        self.size = max(1, self.size - 1)
        left_out = f"{gpu.title} answers no more and is left out: from now on {self.size} at once"
        return replace(event, message=f"{event.message}; {left_out}")

    def _hear(self, worker: Worker) -> Event:
        """The next word of a worker; one that died leaves the pool."""
        try:
            event: Event = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            event = self._bury(worker)
            self.workers.remove(worker)
        if event.kind == "crowded" and not event.message:
            event = replace(event, message=self._no_room(worker))
        return event

    def _no_room(self, worker: Worker) -> str:
        """Why a worker leaves: its GPU has no memory for it, or the machine has none."""
        if worker.gpu is not None and self._crowds(worker):
            return crowded_on(worker.gpu, worker.need, len(self.workers))
        return crowded(worker.need, len(self.workers), self.memory)

    def _bury(self, worker: Worker) -> Event:
        """Record the cell of a worker that died as failed, unless it was asked to stop. One that died for want of
        memory while others were there is tried again with fewer."""
        seconds = processor_seconds()
        worker.process.join()
        if worker.task is None or self.stopping:
            return Event("stopped", worker.task.cell.id if worker.task else "")
        death = Death(
            worker.process.exitcode or 0,
            worker.need,
            workers=len(self.workers),
            seconds=processor_seconds() - seconds,
            before=self.killed,
            after=killed_for_memory(),
        )
        message, hint = death.in_words()
        if death.for_memory is not None and len(self.workers) > 1:
            self.killed = death.after
            left = f"from now on {len(self.workers) - 1} at once; its cell is tried again"
            return Event("crowded", worker.task.cell.id, message=f"{message}; {left}")
        return failed(worker.task, self.options, message, hint, recorded=f"{message}; {hint}")

    def _take_back(self, worker: Worker, event: Event, queue: Queue) -> None:
        """Nobody works on this worker's cell any more; one that is lost, or has no room, is waited for."""
        if worker.task is None:
            return
        cell, worker.task = worker.task.cell, None
        if event.kind in ("lost", "crowded"):
            queue.put_back(cell)
        queue.release(cell)


def crowded(need: Need, workers: int, memory: Memory) -> str:
    """What is said where a cell does not fit beside the others."""
    by = f" ({memory.available_by})" if memory.available_by else ""
    fewer = f"from now on {workers - 1} at once"
    return f"no memory for {workers} cells at once: one needs {gib(need.total)} of {gib(memory.available)}{by}; {fewer}"


def crowded_on(gpu: Gpu, need: Need, workers: int) -> str:
    """The same of a GPU."""
    there = f"{gib(gpu.free)} that were free"
    return f"no memory on {gpu.title}: one cell needs {gib(need.on_gpu)} of {there}; from now on {workers - 1} at once"


def next_of(found: Sequence[Gpu], taken: Sequence[Gpu | None]) -> Gpu | None:
    """The GPU of one more worker: the first of those that fewest work on; None where there are none."""
    return min(found, key=taken.count, default=None)


def processor_seconds() -> float:
    """Seconds of the processor that all children took that have ended; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0.0
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
