"""Run cells on this machine: a pool of worker processes, each with its own torch, one cell at a time.

The parent never imports torch. It leases cells, hands them out, passes events on, and replaces a worker that died.
Other processes may run cells of the same folder at the same time, here or on another machine: each cell is run by one.
"""

import signal
from collections.abc import Iterator, Sequence
from types import TracebackType

from barlowcli.cell.options import RunOptions
from barlowcli.engines.base import Event
from barlowcli.engines.early_stop import EarlyStop
from barlowcli.engines.pool import Pool
from barlowcli.engines.queue import Queue
from barlowcli.errors import InterruptError
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.leases import PATIENCE_SECONDS


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
        yield from pool.events(queue)


class Signals:
    """SIGINT and SIGTERM while a pool works: the first asks every worker to stop after its checkpoint, another ends it
    at once. Leaving it puts back who heard them before."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.received: list[int] = []
        self.told = False

    def __enter__(self) -> "Signals":
        self.previous = {number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)

    def _hear(self, number: int, _frame: object) -> None:
        self.received.append(number)
        self.pool.stop.set()
        if len(self.received) > 1:
            self.pool.kill()

    def news(self) -> Iterator[Event]:
        """Said once, when the first has come."""
        if self.received and not self.told:
            self.told = True
            yield Event("stopping", "", message="stopping after the step in hand; once more stops at once")

    def error(self) -> InterruptError:
        """How a run ends that was stopped."""
        first = self.received[0]
        error = InterruptError(f"stopped by {signal.Signals(first).name}; what was finished is kept")
        error.exit_code = 128 + first
        return error
