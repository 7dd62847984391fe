"""What a process finds around it, and does without where it is missing: a user's name, a home, folders to write to."""

import contextlib
import os
import tempfile
import uuid
from pathlib import Path

from barlowcli.errors import BarlowError

MEMORY = Path("/dev/shm")
"""A file system in memory, where Linux has one."""
NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")
"""Where Python looks for the user's name before it asks the system."""


def name_user() -> None:
    """Give the user a name where neither a variable nor the system has one: libraries ask for it as they are imported,
    and end the process where there is none (a number without an entry in /etc/passwd, as containers have)."""
    if any(os.environ.get(name) for name in NAMES):
        return
    try:
        import pwd

        pwd.getpwuid(os.getuid())
    except (ImportError, KeyError):
        os.environ["LOGNAME"] = f"user-{os.getuid()}" if hasattr(os, "getuid") else "user"


def at_home(path: Path) -> Path:
    """`~` as the user's home; as it is where there is none: what never reads or writes there needs none."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def is_writable(folder: Path) -> bool:
    """Whether a file can be made in `folder`, which is made where it is missing; really tried, for permissions say
    nothing of a file system that is read-only or full."""
    trial = folder / f".barlow-{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.write_bytes(b"trial")
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            trial.unlink()
    return True


def give_temporary_folder(otherwise: Path | None = None) -> None:
    """See that temporary files can be written: where none of the usual folders can be (a container that is read-only),
    TMPDIR names one in memory, or else `otherwise`. Raises BarlowError where there is none at all."""
    with contextlib.suppress(FileNotFoundError):
        tempfile.gettempdir()
        return
    for place in (MEMORY, otherwise):
        if place is not None and place.is_dir() and is_writable(place):
            os.environ["TMPDIR"] = str(place)
            return
    raise BarlowError(
        "no folder for temporary files can be written", hint="TMPDIR=FOLDER before the command names another one"
    )
