"""A worker process's life: take a cell, run it, tell what happened; and why a cell failed, in words."""

import contextlib
import re
import signal
import traceback
from functools import partial
from multiprocessing.connection import Connection

from barlowcli.cell.options import RunOptions, identity
from barlowcli.engines.base import Event
from barlowcli.engines.queue import Task
from barlowcli.engines.stop import asked
from barlowcli.errors import BarlowError, InterruptError, LeaseLostError
from barlowcli.machine.facts import gib, memory
from barlowcli.machine.surroundings import name_user
from barlowcli.records.folder import CellFolder
from barlowcli.records.inventory import Inventory
from barlowcli.records.record import Record, write_record


def work(pipe: Connection, stop: Connection, options: RunOptions) -> None:
    """Run the tasks that come through `pipe` until None comes. The parent alone hears signals."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    name_user()
    try:
        while (task := pipe.recv()) is not None:
            run_one(task, pipe, stop, options)
    except (BrokenPipeError, ConnectionResetError, EOFError):
        return  # the parent is gone; the last checkpoint stands


def run_one(task: Task, pipe: Connection, stop: Connection, options: RunOptions) -> None:
    """Run one cell, and tell when it starts, how it goes on and what came of it."""
    pipe.send(Event("started", task.cell.id))
    pipe.send(outcome(task, pipe, stop, options))


def outcome(task: Task, pipe: Connection, stop: Connection, options: RunOptions) -> Event:
    """Run one cell; what goes wrong in it becomes its record, or an event where it is no fault of the cell's."""
    cell, note = task.cell, partial(write_note, options.folder_of(task.cell))
    try:
        from barlowcli.cell.run import run_cell
        from barlowcli.training.loop import Hooks
    except (ImportError, RuntimeError) as error:
        hint = "torch and torchvision must come from the same place; see `barlow doctor`"
        return Event("refused", cell.id, message=f"torch cannot be used here: {error}", hint=hint)

    def progress(step: int, total: int) -> None:
        pipe.send(Event("progress", cell.id, step=step, total=total))

    def read(inventory: Inventory) -> None:
        pipe.send(Event("read", cell.id, inventory=inventory))

    hooks = Hooks(progress, note, partial(asked, stop), task.lost, options.checkpoint_seconds, read)
    try:
        record = run_cell(cell, options, hooks)
    except (InterruptError, LeaseLostError) as error:
        note(error.message)
        return Event("stopped" if isinstance(error, InterruptError) else "lost", cell.id, message=error.message)
    except BarlowError as error:
        note(f"{error.message}\nhint: {error.hint}")
        if error.exit_code == 2:
            return Event("refused", cell.id, message=error.message, hint=error.hint)
        return failed(task, options, error.message, error.hint)
    except (BrokenPipeError, ConnectionResetError):
        raise  # the parent is gone, and the cell is no longer this process's
    except Exception as error:
        note(traceback.format_exc())
        message, hint = in_words(error)
        recorded = f"{message}; {hint}" if hint else message
        return failed(task, options, message, hint or f"see {options.folder_of(cell).notes}", recorded=recorded)
    return Event(
        "done", cell.id, status=record.status, message=record.message, seconds=record.seconds.get("total", 0.0)
    )


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


SMALLER = "a smaller training.batch_size or projector.dim, or fewer --workers"
ASKED_ON_CPU = re.compile(r"you tried to allocate (\d+) bytes")
ASKED_ON_CUDA = re.compile(r"Tried to allocate ([\d.]+ [KMGT]iB).*?of which ([\d.]+ [KMGT]iB) is free", re.DOTALL)


def in_words(error: Exception) -> tuple[str, str]:
    """Message and hint of an error that is not one of barlow's own: memory, with what was asked for and what is free,
    as far as torch and the system say; else its type and text, and no hint."""
    text = str(error)
    if found := ASKED_ON_CUDA.search(text):
        return f"out of memory on the GPU: {found[1]} asked for, {found[2]} free", SMALLER
    if "CUDA out of memory" in text:
        return f"out of memory on the GPU: {text.splitlines()[0]}", SMALLER
    if found := ASKED_ON_CPU.search(text):
        return f"out of memory: {int(found[1]) / 2**30:.1f} GiB asked for, {gib(memory().available)} free", SMALLER
    if isinstance(error, MemoryError):
        return f"out of memory: {text or 'the system refused some'}, {gib(memory().available)} free", SMALLER
    return f"{type(error).__name__}: {text}", ""
