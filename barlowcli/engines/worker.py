"""A worker process's life: take a cell, run it, tell what happened."""

import contextlib
import os
import traceback
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from typing import Literal

from barlowcli.cell.options import RunOptions, identity
from barlowcli.engines import causes
from barlowcli.engines.base import Event, Granted
from barlowcli.engines.causes import cannot_start
from barlowcli.engines.gpu_errors import gpu_failed, unusable
from barlowcli.engines.queue import Task
from barlowcli.engines.stop import asked
from barlowcli.errors import BarlowError, CrowdedError, InterruptError, LeaseLostError
from barlowcli.machine.devices import in_words, release
from barlowcli.machine.facts import private_bytes
from barlowcli.machine.needs import Need
from barlowcli.machine.stopping import ignore
from barlowcli.machine.surroundings import name_user
from barlowcli.records.folder import CellFolder
from barlowcli.records.inventory import Inventory
from barlowcli.records.record import Record, write_record


def work(pipe: Connection, stop: Connection, options: RunOptions, workers: int = 1) -> None:
    """Run the tasks that come through `pipe` until None comes. The parent alone hears signals. workers: how many there
    may be."""
    ignore()
    name_user()
    try:
        while (task := pipe.recv()) is not None:
            if (event := run_one(task, pipe, stop, options, workers)).leaves or event.kind == "refused":
                break
        else:
            return
    except (BrokenPipeError, ConnectionResetError, EOFError):
        return  # the parent is gone; the last checkpoint stands
    leave()


def leave() -> None:
    """End this process without tidying up: to give memory back to a GPU that is lost can hang it, or crash it."""
    os._exit(0)


def run_one(task: Task, pipe: Connection, stop: Connection, options: RunOptions, workers: int) -> Event:
    """Run one cell, and tell when it starts, how it goes on and what came of it, which is returned too."""
    pipe.send(Event("started", task.cell.id))
    event = outcome(task, Asking(task, pipe, workers), stop, options)
    if not event.leaves and (event.status in ("", "failed") or options.device != "cpu"):
        release(options.device)  # an error keeps what it came through, down to the tensors, until it is looked for
    pipe.send(event)
    return event


class Asking:
    """Asks the parent for memory, and remembers what was asked for last: where it runs out, that says what took it."""

    def __init__(self, task: Task, pipe: Connection, workers: int) -> None:
        self.task, self.pipe, self.workers = task, pipe, workers
        self.need = Need()

    def ask(self, need: Need) -> bool:
        """Whether this worker is alone; raises CrowdedError where there is no memory beside the others."""
        self.need = replace(need, own=private_bytes(), images=self.need.images if need.images is None else need.images)
        self.pipe.send(Event("asks", self.task.cell.id, need=self.need))
        try:
            granted = self.pipe.recv()
        except EOFError as error:
            raise BrokenPipeError from error  # the parent is gone
        if not isinstance(granted, Granted):
            raise InterruptError("stopped before it began")
        if not granted.fits:
            raise CrowdedError("no memory for this cell beside the others")
        return granted.alone


def outcome(task: Task, asking: Asking, stop: Connection, options: RunOptions) -> Event:
    """Run one cell; what goes wrong in it becomes its record, or an event where it is no fault of the cell's."""
    cell, note = task.cell, partial(write_note, options.folder_of(task.cell))
    try:
        from barlowcli.cell.run import run_cell
        from barlowcli.training.loop import Hooks
    except (ImportError, RuntimeError, OSError, MemoryError) as error:
        message, hint = cannot_start(error)
        return Event("refused", cell.id, message=message, hint=hint)

    def progress(step: int, total: int) -> None:
        asking.pipe.send(Event("progress", cell.id, step=step, total=total))

    def read(inventory: Inventory) -> None:
        asking.pipe.send(Event("read", cell.id, inventory=inventory))

    def slower(way: str, reasons: Sequence[str]) -> None:
        note("\n".join(reasons))
        asking.pipe.send(Event("slower", cell.id, way=way, message=in_words(way, reasons)))

    hooks = Hooks(progress, note, partial(asked, stop), task.lost, options.checkpoint_seconds, read, asking.ask, slower)
    try:
        record = run_cell(cell, options, hooks)
    except (InterruptError, LeaseLostError, CrowdedError) as error:
        note(error.message)
        return Event(ENDINGS[type(error)], cell.id, message="" if isinstance(error, CrowdedError) else error.message)
    except BarlowError as error:
        note(f"{error.message}\nhint: {error.hint}")
        if error.exit_code == 2:
            return Event("refused", cell.id, message=error.message, hint=error.hint)
        return failed(task, options, error.message, error.hint)
    except (BrokenPipeError, ConnectionResetError):
        raise  # the parent is gone, and the cell is no longer this process's
    except Exception as error:
        note(traceback.format_exc())
        lost = unusable(error, options.device)
        message, hint = gpu_failed(lost) if lost else causes.in_words(error, asking.need, asking.workers)
        recorded = f"{message}; {hint}" if hint else message
        event = failed(task, options, message, hint or f"see {options.folder_of(cell).notes}", recorded=recorded)
        return replace(event, leaves=lost is not None)
    return Event(
        "done", cell.id, status=record.status, message=record.message, seconds=record.seconds.get("total", 0.0)
    )


ENDINGS: dict[type[BarlowError], Literal["stopped", "lost", "crowded"]] = {
    InterruptError: "stopped",
    LeaseLostError: "lost",
    CrowdedError: "crowded",
}
"""Of a cell without a record."""


def write_note(folder: CellFolder, message: str) -> None:
    """Add words to a cell's log.txt; a lost line of it is no reason to lose the cell."""
    with contextlib.suppress(OSError):
        folder.path.mkdir(parents=True, exist_ok=True)
        with folder.notes.open("a", encoding="utf-8") as file:
            file.write(message.rstrip() + "\n")


def failed(task: Task, options: RunOptions, message: str, hint: str, *, recorded: str = "") -> Event:
    """Record the cell as failed, unless it has become another's, and say so. recorded: where more than the message."""
    if task.lost():
        return Event("lost", task.cell.id, message=message)
    record = Record(**identity(task.cell, options), status="failed", message=recorded or message)
    try:
        write_record(options.folder_of(task.cell), record)
    except BarlowError as error:  # the disk refuses: that would hit every cell
        return Event("refused", task.cell.id, message=error.message, hint=error.hint)
    return Event("done", task.cell.id, status="failed", message=message, hint=hint)
