"""Run cells on this machine: a pool of worker processes, each with its own torch, one cell at a time.

The parent never imports torch. It leases cells, hands them out, passes events on, and replaces a worker that died.
Other processes may run cells of the same folder at the same time, here or on another machine: each cell is run by one.
"""

import time
from collections.abc import Iterator, Sequence
from types import TracebackType

from barlowcli.cell.options import RunOptions
from barlowcli.engines.base import Event
from barlowcli.engines.early_stop import EarlyStop
from barlowcli.engines.pool import Pool
from barlowcli.engines.queue import Queue
from barlowcli.errors import InterruptError
from barlowcli.machine.stopping import heard, interrupted
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.leases import PATIENCE_SECONDS

ECHO_SECONDS = 0.5
"""A second signal so soon is the first once more: `timeout` and batch systems signal a group, and its members pass it
on."""
GRACE_SECONDS = 5.0
"""After a signal, for cells that read images or are evaluated: a container has 10 seconds before it is killed."""


def run_cells(
    cells: Sequence[PlannedCell],
    options: RunOptions,
    *,
    workers: int,
    anew: bool = False,
    patience: float = PATIENCE_SECONDS,
) -> Iterator[Event]:
    """Run `cells` here and yield what happens, see `Engine`.

    A cell that another process holds is waited for; where that one is dead or does not beat for `patience` seconds, it
    is run here.
    """
    pool = Pool(workers, options)
    queue = Queue(cells, options, anew=anew, patience=patience)
    early = EarlyStop()
    with Signals(pool) as signals, queue, pool, queue.leases.kept_alive():
        for event in _events(queue, pool, signals):
            yield event
            early.note(event)
    if signals.received:
        raise signals.error()


def _events(queue: Queue, pool: Pool, signals: "Signals") -> Iterator[Event]:
    while queue.open or pool.busy:
        yield from signals.news()
        if not pool.stopping:
            yield from queue.finished_elsewhere()
            pool.hand_out(queue)
        elif not pool.busy:
            return
        elif signals.waited > GRACE_SECONDS:
            pool.kill_idle()
        yield from pool.events(queue)


class Signals:
    """The signals that ask to stop, while a pool works: the first asks every worker to stop after its checkpoint,
    another ends it at once. Leaving it puts back who heard them before."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.received: list[int] = []
        self.told = False
        self.since = 0.0
        self.listening = heard(self._hear)

    def __enter__(self) -> "Signals":
        self.listening.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.listening.__exit__(kind, error, trace)

    def _hear(self, number: int, _frame: object) -> None:
        if not self.received:
            self.since = time.monotonic()
        elif self.waited < ECHO_SECONDS:
            return
        self.received.append(number)
        self.pool.stop.set()
        if len(self.received) > 1:
            self.pool.kill()

    @property
    def waited(self) -> float:
        """Seconds since the first came."""
        return time.monotonic() - self.since if self.since else 0.0

    def news(self) -> Iterator[Event]:
        """Said once, when the first has come."""
        if self.received and not self.told:
            self.told = True
            yield Event("stopping", "", message="stopping after the step in hand; once more stops at once")

    def error(self) -> InterruptError:
        """How a run ends that was stopped."""
        return interrupted(self.received[0])
