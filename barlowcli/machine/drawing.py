"""matplotlib as figures need it that are saved and never shown, whatever the environment says of it."""

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from barlowcli.machine.surroundings import give_temporary_folder, is_writable

OWN_FOLDER = "MPLCONFIGDIR"
BASES = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache"}
"""Variable -> the folder at home, in which matplotlib has its own where no variable names one."""


def import_matplotlib(otherwise: Path | None = None) -> None:
    """Import matplotlib so that it works here: to be called before any other import of it.

    A backend that a notebook names (MPLBACKEND) is of no use to figures that are saved, and often not there; one that
    is not known would end the import. Where matplotlib's own folders cannot be written (a home that is read-only or
    missing) it gets one that is gone at the process's end. otherwise: a folder for temporary files where none of the
    usual ones can be written. Raises what the import raises.
    """
    if "matplotlib" in sys.modules:
        return
    with _without("MPLBACKEND"):
        if not has_own_folders():
            give_temporary_folder(otherwise)
            os.environ[OWN_FOLDER] = tempfile.mkdtemp(prefix=".barlow-matplotlib-")
            atexit.register(shutil.rmtree, os.environ[OWN_FOLDER], ignore_errors=True)
        import matplotlib.figure  # noqa: F401


def has_own_folders() -> bool:
    """Whether matplotlib can write where it keeps settings, and what it knows of fonts; where not, it complains."""
    if named := os.environ.get(OWN_FOLDER):
        return is_writable(Path(named))
    bases = [(name, base) for name, base in BASES.items() if sys.platform.startswith(("linux", "freebsd"))]
    try:
        places = [Path(os.environ.get(name) or Path.home() / base) / "matplotlib" for name, base in bases]
        return all(map(is_writable, places or [Path.home() / ".matplotlib"]))
    except RuntimeError:  # there is no home
        return False


@contextlib.contextmanager
def _without(name: str) -> Iterator[None]:
    """While it is entered, the environment has no variable `name`."""
    kept = os.environ.pop(name, None)
    try:
        yield
    finally:
        if kept is not None:
            os.environ[name] = kept
