"""A digest of the files behind a path, so that changed data are another cell. Never imports torch."""

import functools
import hashlib
import stat
from pathlib import Path

from barlowcli.data.paths import shown, split_name
from barlowcli.errors import DataError
from barlowcli.registry import DATASETS
from barlowcli.settings.data import DataSettings


def fingerprint(settings: DataSettings) -> str:
    """16 hex digits for files behind a path: what each is there (split, name, …) and its content; else "".

    Reads every byte. The place of the files is not in it. Raises DataError where they are not there or cannot be read,
    ConfigError on an unknown name.
    """
    kind, path = split_name(settings.name)
    if path is None:
        return ""
    lines = [f"{role}\t{_content_digest(file)}" for role, file in DATASETS.load_files(kind)(path)]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _content_digest(file: Path) -> str:
    """SHA-256 of a file, one at a time: for small images, threads cost more than they save (10,000 files take .4 s)."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # a pipe or a device may never end
            raise DataError(f"cannot read {shown(str(file))}: not a regular file", hint="take it out of the folder")
        with file.open("rb", buffering=0) as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        hint = "it must be there, and readable"
        raise DataError(f"cannot read {shown(str(file))}: {error.strerror}", hint=hint) from error


@functools.cache
def fingerprint_of(name: str) -> str:
    """`data.fingerprint` of a data set, read once. Raises DataError where its files are not there."""
    return fingerprint(DataSettings(name=name))
