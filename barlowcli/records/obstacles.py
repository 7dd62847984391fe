"""What lies where results are to be read or written and is not ours, or not what it should be: said before a cell runs.

Nothing of other people is written over or deleted.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from barlowcli.errors import ResultsError
from barlowcli.records.files import refused
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.refusals import ELSEWHERE, way_in


def obstacle(path: Path) -> str:
    """What keeps `path` from being a folder, naming the part of it; "" where nothing does: it is one, or can be
    made."""
    try:
        whole = path.absolute()
    except FileNotFoundError:  # the working directory was deleted, which the first file that is written tells
        return ""
    for part in (*reversed(whole.parents), whole):
        try:
            mode = part.stat().st_mode
        except OSError as error:
            return _refusal(part, error)
        if not stat.S_ISDIR(mode):
            return f"{part} is a file, not a folder"
    return ""


def unreadable(path: Path, error: OSError) -> ResultsError:
    """The error of a folder or a file that cannot be looked at: the reason, and what helps against it."""
    return ResultsError(f"cannot read {path}: {error.strerror or error}", hint=way_in(path, error))


def check_place(folder: ResultsFolder, cells: Iterable[str]) -> None:
    """Raise ResultsError where a run could not be written to `folder`, or would write over what is not ours.

    cells: ids of those that would be run.
    """
    if what := obstacle(folder.path):
        raise ResultsError(f"cannot write results to {folder.path}: {what}", hint=f"move it away, or {ELSEWHERE}")
    _check_level(folder)
    own = [folder.cell(name) for name in cells]
    for path in (folder.plan, *folder.written_last, *(cell.record for cell in own)):
        if wrong := _other(path, stat.S_ISREG, errno.EISDIR):
            raise refused(path, OSError(wrong, os.strerror(wrong)))
    for path in (folder.cells, folder.plots, *(cell.path for cell in own)):
        if wrong := _other(path, stat.S_ISDIR, errno.ENOTDIR):
            raise refused(path / "file", OSError(wrong, os.strerror(wrong)))
    foreign = [path.name for path in folder.written_last if os.path.lexists(path)]
    foreign += ["plots/"] if [*folder.plots.glob("*.svg"), *folder.plots.glob("*.png")] else []
    if foreign and not folder.plan.exists() and not folder.cells.exists():
        raise ResultsError(
            f"{folder.path} has files of no run, over which a report would be written: {', '.join(foreign)}",
            hint=f"move them away, or {ELSEWHERE}",
        )


def _check_level(folder: ResultsFolder) -> None:
    """Raise ResultsError where results would go into the folder of another run, two levels too low."""
    run = ResultsFolder(folder.path.parent.parent)
    if run.plan.is_file() and run.cells.is_dir() and not folder.plan.exists():
        raise ResultsError(
            f"{run.path} is the folder of a run: another one inside it would be lost from sight",
            hint=f"--results names the folder that all experiments lie in: {run.path.absolute().parents[1]}",
        )


def _other(path: Path, is_kind: Callable[[int], bool], number: int) -> int:
    """The number of the system's error where there is something at `path` that is not of the kind, else 0."""
    if not os.path.lexists(path):
        return 0
    try:
        return 0 if is_kind(path.stat().st_mode) else number
    except FileNotFoundError:  # a link without a target
        return errno.EEXIST


def _refusal(part: Path, error: OSError) -> str:
    """Why there is no folder where there should be one; "" where one can be made."""
    if error.errno == errno.ENOENT and part.is_symlink():
        return f"{part} is a link to {os.readlink(part)}, which is not there"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return ""
    return f"{part}: {error.strerror or error}"
