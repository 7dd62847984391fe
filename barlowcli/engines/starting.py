"""How a worker process is started: nothing in the working directory can take a library's place, and no signal that was
meant for the whole group ends it before it listens."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from multiprocessing import resource_tracker
from pathlib import Path

from barlowcli.machine.provenance import PACKAGE
from barlowcli.machine.stopping import held_back


@contextlib.contextmanager
def undisturbed(told: Mapping[str, str] | None = None) -> Iterator[None]:
    """To be held around the start of a process; told: what it finds in its environment besides.

    A file `signal.py` or `random.py` where the command is run would else be imported for Python's own: a process
    started with `python -c` looks there first.
    """
    path, environment = list(sys.path), dict(os.environ)
    sys.path[:] = safe_path(path)
    given = {**safe_environment(environment), **(told or {})}
    os.environ.update(given)
    try:
        if os.name == "posix":
            with held_back():  # it lets some signals through again when it starts its own process: first of all, so
                resource_tracker.ensure_running()
        with held_back():
            yield
    finally:
        sys.path[:] = path
        for name in given:
            os.environ.pop(name, None)
            if name in environment:
                os.environ[name] = environment[name]


def safe_path(path: list[str]) -> list[str]:
    """Where a worker looks for modules: the working directory last, and only where this package itself lies there."""
    try:
        here = Path.cwd()
    except OSError:  # it was deleted
        return [entry for entry in path if entry not in ("", ".")]
    given = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    ours = [entry for entry in path if not _is(entry, here) or entry in given]
    lies_here = PACKAGE.parent == here.resolve() and not any(_is(entry, here) for entry in ours)
    return [*ours, str(here)] if lies_here else ours


def safe_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What keeps a new interpreter from looking in the working directory: an empty entry of PYTHONPATH means it."""
    given = environment.get("PYTHONPATH", "")
    entries = [entry for entry in given.split(os.pathsep) if entry]
    return {"PYTHONSAFEPATH": "1"} | ({"PYTHONPATH": os.pathsep.join(entries)} if given else {})


def _is(entry: str, here: Path) -> bool:
    """Whether an entry of the path is the working directory."""
    try:
        return entry in ("", ".") or Path(entry).resolve() == here.resolve()
    except (OSError, RuntimeError):
        return False
