"""A digest of the files behind a path, so that changed data are another cell. Never imports torch."""

import errno
import functools
import hashlib
import stat
from pathlib import Path
from typing import Literal

from barlowcli.data.paths import shown, split_name
from barlowcli.errors import DataError
from barlowcli.registry import DATASETS
from barlowcli.settings.data import DataSettings

UNREADABLE = "unreadable"
"""In place of the digest of an image that cannot be read, where such images are skipped."""


def fingerprint(settings: DataSettings) -> str:
    """16 hex digits for files behind a path: what each is there (split, name, …) and its content; else "".

    Reads every byte. The place of the files is not in it. Raises DataError where they are not there or cannot be read,
    images with data.on_bad_image = skip excepted; ConfigError on an unknown name.
    """
    kind, path = split_name(settings.name)
    if path is None:
        return ""
    skip = settings.on_bad_image == "skip" and DATASETS.may_skip_files(kind)
    hint = "it must be there, and readable"
    if DATASETS.may_skip_files(kind):
        hint += "; --on-bad-image skip leaves such images out"
    lines = []
    for role, file in DATASETS.load_files(kind)(path):
        try:
            lines.append(f"{role}\t{_content_digest(file)}")
        except OSError as error:
            if not skip:
                raise DataError(f"cannot read {shown(str(file))}: {error.strerror}", hint=hint) from error
            lines.append(f"{role}\t{UNREADABLE}")
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _content_digest(file: Path) -> str:
    """SHA-256 of a file, one at a time: for small images, threads cost more than they save (10,000 files take .4 s)."""
    if not stat.S_ISREG(file.stat().st_mode):  # a pipe or a device may never end
        raise OSError(errno.EINVAL, "not a regular file")
    with file.open("rb", buffering=0) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@functools.cache
def fingerprint_of(name: str, on_bad_image: Literal["fail", "skip"] = "fail") -> str:
    """`data.fingerprint` of a data set, read once. Raises DataError where its files are not there."""
    return fingerprint(DataSettings(name=name, on_bad_image=on_bad_image))
