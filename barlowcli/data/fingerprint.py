"""A digest of the files behind a path, so that changed data are another cell. Never imports torch."""

import errno
import functools
import hashlib
import stat
from pathlib import Path
from typing import Literal, NamedTuple

from barlowcli.data.paths import shown, split_name, why_unreadable
from barlowcli.errors import DataError
from barlowcli.registry import DATASETS
from barlowcli.settings.data import DataSettings

UNREADABLE = "unreadable"
"""In place of the digest of an image that cannot be read, where such images are skipped."""

OnBadImage = Literal["fail", "skip"]


class Read(NamedTuple):
    """digest: of all files, "" of a set known by name; bad: what is wrong with the first image that was not read."""

    digest: str
    bad: DataError | None


def fingerprint(settings: DataSettings) -> str:
    """16 hex digits for files behind a path: what each is there (split, name, …) and its content; else "".

    Reads every byte. The place of the files is not in it. Raises DataError where they are not there or cannot be read,
    images with data.on_bad_image = skip excepted; ConfigError on an unknown name.
    """
    return _of_read(read_files(settings.name), settings.on_bad_image)


def fingerprint_of(name: str, on_bad_image: OnBadImage = "fail") -> str:
    """`fingerprint` of a data set by its name; its files are read once, whatever is to become of bad images."""
    return _of_read(read_once(name), on_bad_image)


def _of_read(read: Read, on_bad_image: OnBadImage) -> str:
    if read.bad is not None and on_bad_image == "fail":
        raise read.bad
    return read.digest


def read_files(name: str) -> Read:
    """Read every file of a data set. Raises as `fingerprint` does, but for images that can be skipped."""
    kind, path = split_name(name)
    if path is None:
        return Read("", None)
    hint = "it must be there, and readable"
    if DATASETS.may_skip_files(kind):
        hint += "; --on-bad-image skip leaves such images out"
    lines, bad = [], None
    for role, file in DATASETS.load_files(kind)(path):
        try:
            lines.append(f"{role}\t{_content_digest(file)}")
        except OSError as error:
            refused = DataError(f"cannot read {shown(str(file))}: {why_unreadable(file, error)}", hint=hint)
            if not DATASETS.may_skip_files(kind):
                raise refused from error
            bad = bad or refused
            lines.append(f"{role}\t{UNREADABLE}")
    digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Read(digest, bad)


read_once = functools.cache(read_files)


def _content_digest(file: Path) -> str:
    """SHA-256 of a file, one at a time: for small images, threads cost more than they save (10,000 files take .4 s)."""
    if not stat.S_ISREG(file.stat().st_mode):  # a pipe or a device may never end
        raise OSError(errno.EINVAL, "not a regular file")
    with file.open("rb", buffering=0) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
