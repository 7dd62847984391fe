"""The folder of a results: every path and file name in it, once."""

import contextlib
from pathlib import Path

from barlowcli.errors import ResultsError


def check_inside(cell: Path) -> None:
    """Raise ResultsError where a link leads out of the results that `cell`, RESULTS/cells/ID, is of."""
    results = cell.parent.parent
    try:
        inside = (cell / "record.json").resolve().is_relative_to(results.resolve())
    except (OSError, RuntimeError):  # a loop of links
        inside = False
    if not inside:
        raise ResultsError(
            f"{cell} leads out of {results} by a link",
            hint="remove the link; to keep results elsewhere, name the place with --results",
        )


def clear_cell(cell: Path, *, keep_progress: bool) -> None:
    """Make the folder of a claimed cell ready to be run: its record goes, and what others left half written; without
    `keep_progress` everything but the claim does."""
    check_inside(cell)
    for path in cell.iterdir():
        half = path.name.startswith(".") and path.name.endswith(".tmp")
        old = not keep_progress and not path.name.startswith("claim-")
        if half or old or path.name == "record.json":
            with contextlib.suppress(OSError):
                path.unlink()
