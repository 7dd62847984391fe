"""A worker whose GPU is lost in the first cell that trains, and to every later one of that process."""

from multiprocessing.connection import Connection

from barlowcli.cell import run
from barlowcli.cell.options import RunOptions
from barlowcli.engines.worker import work
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.record import Record
from barlowcli.training.loop import Hooks

ILLEGAL = "CUDA error: an illegal memory access was encountered"


def work_until_lost(pipe: Connection, stop: Connection, options: RunOptions, workers: int = 1) -> None:
    """As `work`, in a process of its own: `run_cell` is another from now on."""
    whole, lost = run.run_cell, list[PlannedCell]()

    def run_cell(cell: PlannedCell, options: RunOptions, hooks: Hooks) -> Record:
        if lost or cell.config.training is not None:
            lost.append(cell)
            raise RuntimeError(f"{ILLEGAL}\nSearch for `cudaErrorIllegalAddress' in https://docs.nvidia.com")
        return whole(cell, options, hooks)

    run.run_cell = run_cell
    work(pipe, stop, options, workers)
