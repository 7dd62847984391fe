"""The seam between a run and what runs it: cells go in, events come out. One file and one line of the registry an
engine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from barlowcli.cell.options import RunOptions
from barlowcli.machine.facts import cores, gib, job_memory
from barlowcli.machine.gpus import gpus
from barlowcli.machine.needs import Need
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.inventory import Inventory


@dataclass(frozen=True)
class Event:
    """What happened to a cell. status: of its record, when done; step of total: in training.

    read: its images are, and they are those of `inventory`. lost: another process has taken the cell over. crowded:
    there is no memory for it beside the others, and it waits until there is. asks: for memory, as `need` says.
    slower: its steps are taken in another `way` than the fastest, and why. elsewhere: done, and by another process.
    leaves: the worker can do no more, and ends.
    """

    kind: Literal[
        "started", "read", "slower", "progress", "done", "stopped", "stopping", "refused", "lost", "asks", "crowded"
    ]
    cell: str
    status: str = ""
    message: str = ""
    hint: str = ""
    step: int = 0
    total: int = 0
    seconds: float = 0.0
    way: str = ""
    elsewhere: bool = False
    leaves: bool = False
    inventory: Inventory | None = None
    need: Need | None = None


@dataclass(frozen=True)
class Granted:
    """What a worker is told that asked for memory. alone: no other worker is there."""

    fits: bool
    alone: bool


class Engine(Protocol):
    """Runs cells, somewhere."""

    def __call__(
        self, cells: Sequence[PlannedCell], options: RunOptions, *, workers: int, anew: bool = False
    ) -> Iterator[Event]:
        """Run `cells`, `workers` at once, and yield what happens: of a cell first that it started, then what was read
        for it, then its progress, last that it is done. Every cell ends in a record, a failed one too, or in none where
        the run was stopped.

        anew: what a cell left before is deleted first; else a failed record is replaced and a checkpoint used.

        Raises InterruptError on a signal that asks to stop (`machine.stopping`), once every cell in hand has its
        checkpoint; BarlowError where the data are refused or the disk is full, since that would hit every cell;
        CellError where the first few all fail alike.
        """


WORKER_BYTES = 2**29
"""Memory that a worker takes for itself and a small cell: 300 MiB for torch, the rest for the quick presets' cells."""


@dataclass(frozen=True)
class AtOnce:
    """How many cells are run at once, on how many GPUs (0: on something else), and why no more, in words; "" where it
    is one a core or a GPU, or what was asked for."""

    workers: int
    why: str = ""
    gpus: int = 0

    def __str__(self) -> str:
        """ "4 at once on 2 GPUs"."""
        return f"{self.workers} at once" + (f" on {self.gpus} GPUs" if self.gpus > 1 else "")


def at_once(device: str, cells: int, asked: int | None = None) -> AtOnce:
    """Cells at once: one on each GPU, on a CPU one a core that this process may use, as far as there is memory for as
    many workers; or as many as were asked for. What cells themselves need beyond that is known once a worker has
    counted it."""
    there = len(gpus(device).used)
    if asked:
        return AtOnce(asked, gpus=min(asked, there))
    wanted = max(1, min(cells, cores() if device == "cpu" else there))
    memory = job_memory()
    fit = max(1, memory.available // WORKER_BYTES)
    if fit >= wanted:
        return AtOnce(wanted, gpus=min(wanted, there))
    by = f" ({memory.available_by})" if memory.available_by else ""
    why = f"a worker takes {gib(WORKER_BYTES)} or more, and {gib(memory.available)} are free{by}"
    return AtOnce(fit, why, min(fit, there))
