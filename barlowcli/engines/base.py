"""The seam between a run and what runs it: cells go in, events come out. One file and one line of the registry an
engine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from barlowcli.cell.options import RunOptions
from barlowcli.machine.facts import cores
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.inventory import Inventory


@dataclass(frozen=True)
class Event:
    """What happened to a cell. status: of its record, when done; step of total: in training.

    read: its images are, and they are those of `inventory`. lost: another process has taken the cell over. elsewhere:
    done, and by another process.
    """

    kind: Literal["started", "read", "progress", "done", "stopped", "stopping", "refused", "lost"]
    cell: str
    status: str = ""
    message: str = ""
    hint: str = ""
    step: int = 0
    total: int = 0
    seconds: float = 0.0
    elsewhere: bool = False
    inventory: Inventory | None = None


class Engine(Protocol):
    """Runs cells, somewhere."""

    def __call__(
        self, cells: Sequence[PlannedCell], options: RunOptions, *, workers: int, anew: bool = False
    ) -> Iterator[Event]:
        """Run `cells`, `workers` at once, and yield what happens: of a cell first that it started, then what was read
        for it, then its progress, last that it is done. Every cell ends in a record, a failed one too, or in none where
        the run was stopped.

        anew: what a cell left before is deleted first; else a failed record is replaced and a checkpoint used.

        Raises InterruptError on SIGINT or SIGTERM, once every cell in hand has its checkpoint; BarlowError where the
        data are refused or the disk is full, since that would hit every cell; CellError where the first few all fail
        alike.
        """


def worker_count(device: str, cells: int) -> int:
    """Cells at once: one on an accelerator, on a CPU one a core that this process may use."""
    return max(1, min(cells, cores() if device == "cpu" else 1))
