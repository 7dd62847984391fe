"""The report of a run: tried before there is anything to report, and written. Imports matplotlib when called."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from barlowcli.errors import BarlowError
from barlowcli.machine.drawing import import_matplotlib
from barlowcli.records.refusals import of_the_machine

if TYPE_CHECKING:
    from barlowcli.report import Report


def write_report(folder: Path) -> "Report":
    """Build everything in `folder` (results/<experiment>/<preset>) again, see `report.write_report`."""
    with _in_words():
        import_matplotlib(folder)
        from barlowcli.report import write_report
    return write_report(folder)


def try_report(folder: Path) -> None:
    """Make the parts of a report of nothing. Raises BarlowError where one of them cannot be made here."""
    with _in_words():
        import_matplotlib(folder)
        from barlowcli.report.trial import try_parts

        try_parts()


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """What keeps a report from being made as a BarlowError: it is the installation's fault or the machine's."""
    try:
        yield
    except BarlowError:
        raise
    except Exception as error:  # of matplotlib, jinja2, pandas and all that they load
        hint = "`barlow doctor` says what is installed; a package that is damaged or missing is installed again"
        if isinstance(error, OSError):
            hint = of_the_machine(error) or "matplotlib needs a folder to write to: MPLCONFIGDIR=FOLDER names one"
        elif isinstance(error, ValueError):
            hint = "a matplotlibrc in this folder or in ~/.config/matplotlib may be damaged: move it away"
        message = f"no report can be made here: {type(error).__name__}: {' '.join(str(error).split())}"
        raise BarlowError(message, hint=hint) from error
