"""The end of a run, tried at its beginning: that files can be written, that there is room for them, that a report can
be made. What fails there would fail when all the work is done."""

import contextlib
import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from barlowcli.cell.footprint import SMALLER, Counts, misfit
from barlowcli.errors import CellError, ResultsError
from barlowcli.machine.needs import Most, most_on
from barlowcli.measuring.space import Space, space_of
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.files import write_bytes
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.refusals import ELSEWHERE, way_out
from barlowcli.running.reporting import try_report
from barlowcli.running.request import Request
from barlowcli.running.show import Show
from barlowcli.settings.cell import CellConfig

MIB = 2**20
WIDE = 2048
"""Dimensions of embeddings from which on the features of a published data set may fill a memory."""
TRIAL = 4096
"""Bytes of a file that is written to see that it can be."""


def try_the_end(cells: Sequence[PlannedCell], request: Request, show: Show) -> None:
    """Try what comes after the last cell, before the first. Raises BarlowError with the reason and the way out."""
    for line in check_memory(cells, most_on(request.device)):
        show.note(line)
    try_writing(ResultsFolder(request.folder))
    for line in check_room(space_of(cells, request.at_once(len(cells))), request.folder):
        show.note(line)
    try_report(request.folder)


def check_memory(cells: Sequence[PlannedCell], most: Most) -> Iterator[str]:
    """Say which arms will not fit into memory; raises CellError where none of the cells does."""
    found: dict[str, tuple[str, int]] = {}
    for cell in cells:
        if reason := misfit(cell.config, published_counts(cell.config), most):
            found[cell.label()] = (reason, found.get(cell.label(), ("", 0))[1] + 1)
    lines = [f"{label}: {reason}" for label, (reason, _) in found.items()]
    if sum(count for _, count in found.values()) == len(cells):
        raise CellError("\n".join(lines), hint=SMALLER)
    yield from lines


def published_counts(config: CellConfig) -> Counts:
    """How many images a cell's data set has, where that is published and its embeddings are wide enough for the number
    to matter; else none: what they need besides is counted all the same."""
    if config.projector is None or config.projector.dim < WIDE:
        return Counts(0, 0, 0, 0, 0)
    from barlowcli.data.published_sizes import PUBLISHED

    known = PUBLISHED.get(config.data.name)
    if known is None:
        return Counts(0, 0, 0, 0, 0)
    train = min(known.train, config.data.limit or known.train)
    validation, test = train // 10, min(known.test, config.data.test_limit or known.test)
    side = config.data.image_size or known.side
    train -= validation
    return Counts(train + known.unlabelled, train, validation, test, 3 * side**2)


def try_writing(files: ResultsFolder) -> None:
    """Write and remove a file in each folder that is there and will be written to; raises ResultsError."""
    for folder in (files.path, files.cells, files.plots):
        if folder == files.path or os.path.lexists(folder):
            _try_writing(folder)


def _try_writing(folder: Path) -> None:
    trial = folder / f".{uuid.uuid4().hex}.tmp"
    try:
        write_bytes(trial, bytes(TRIAL))
    except ResultsError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError):
            raise
        raise ResultsError(f"cannot write in {folder}: {cause.strerror}", hint=way_out(trial, cause)) from cause
    with contextlib.suppress(OSError):
        trial.unlink()


def check_room(need: Space, folder: Path) -> Iterator[str]:
    """Say where the disk of `folder` has hardly the room for it; raises ResultsError where it clearly has not."""
    try:
        disk = os.statvfs(folder)
    except (OSError, AttributeError):
        return
    free = disk.f_bavail * disk.f_frsize
    less = f"free some, {ELSEWHERE}, or ask for fewer cells (--method, --seeds); those that are done stay done"
    if disk.f_blocks and free < need.kept:
        raise ResultsError(
            f"{folder} has {mib(free)} free, and the run writes {mib(need.kept)} at the least", hint=less
        )
    if disk.f_files and disk.f_favail < need.files:
        room = f"room for {disk.f_favail} more files, and the run writes {need.files} of them"
        raise ResultsError(f"the disk of {folder} has {room}", hint=f"delete some, or {ELSEWHERE}")
    if disk.f_blocks and free < need.kept + need.passing:
        yield (
            f"the disk of {folder} has {mib(free)} free: the run leaves about {mib(need.kept)} there, and its "
            f"checkpoints need up to {mib(need.passing)} more"
        )


def mib(size: int) -> str:
    """Bytes as text: "3 MiB"."""
    return f"{size / MIB:,.1f} MiB" if size < 10 * MIB else f"{size / MIB:,.0f} MiB"
