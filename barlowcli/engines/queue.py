"""The cells that a run has still to do, while other processes may work on the same folder."""

import multiprocessing
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType

from barlowcli.cell.options import RunOptions
from barlowcli.engines.base import Event
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.folder import CellFolder
from barlowcli.records.leases import Lease, Leases, still_held
from barlowcli.records.record import read_record

POLL_SECONDS = 0.5
"""Between two looks at events, and at cells that others hold."""


@dataclass(frozen=True)
class Task:
    """A cell to be run, and the lease that makes it this run's."""

    cell: PlannedCell
    lease: Lease

    def lost(self) -> bool:
        """Whether nobody waits for this any more: another process took the cell over, or ours is gone."""
        parent = multiprocessing.parent_process()
        return not still_held(self.lease) or (parent is not None and not parent.is_alive())


class Queue:
    """The cells that are still to be run, by this process or another; leaving it lets go of those in hand."""

    def __init__(self, cells: Sequence[PlannedCell], options: RunOptions, *, anew: bool, patience: float) -> None:
        self.leases = Leases(patience=patience)
        self.anew = anew
        self.folders = {cell.id: options.folder_of(cell) for cell in cells}
        self.todo = deque(cells)
        self.before = {cell.id: self._replaced(cell) for cell in cells}
        self.looked = 0.0

    def __enter__(self) -> "Queue":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for folder in list(self.leases.held):
            self.leases.release(folder)

    @property
    def open(self) -> bool:
        """Whether a cell is neither done nor in hand here."""
        return bool(self.todo)

    def next(self) -> Task | None:
        """A cell that is this process's now; None where others hold all that are left."""
        for _ in range(len(self.todo)):
            cell = self.todo.popleft()
            if self._take(cell):
                folder = self.folders[cell.id]
                folder.clear(keep_progress=not self.anew)
                return Task(cell, self.leases.held[folder])
            self.todo.append(cell)
        return None

    def _take(self, cell: PlannedCell) -> bool:
        """Whether the cell is this process's to run now."""
        folder = self.folders[cell.id]
        if self.is_done(cell) or not self.leases.take(folder):
            return False
        if self.is_done(cell):  # by the one who held it until a moment ago
            self.leases.release(folder)
            return False
        return True

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
        """Whether there is a record that is not one to be replaced."""
        now = stamp(self.folders[cell.id])
        return now is not None and now != self.before[cell.id]

    def _replaced(self, cell: PlannedCell) -> tuple[int, int] | None:
        """The record that is there and is to be replaced: any where all begins anew, else one of a failure. Another was
        finished by another process after this run had chosen its cells, and stands."""
        folder = self.folders[cell.id]
        there = stamp(folder)
        if there is None or self.anew:
            return there
        record = read_record(folder)
        return there if record is None or record.status == "failed" else None

    def put_back(self, cell: PlannedCell) -> None:
        """A cell that another process took over is waited for."""
        self.todo.append(cell)

    def release(self, cell: PlannedCell) -> None:
        """Nobody here works on it any more."""
        self.leases.release(self.folders[cell.id])


def stamp(folder: CellFolder) -> tuple[int, int] | None:
    """What tells one record from a later one; None where there is none."""
    try:
        found = folder.record.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
