"""What lies in a folder of images: folders, images, and what is left out; plain paths, no torch, no image is opened."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from barlowcli.data.paths import SUFFIXES, leads_to_nothing, readable, shown
from barlowcli.errors import DataError

OTHER_FORMATS = frozenset(
    (".heic", ".heif", ".avif", ".svg", ".jxl", ".jp2", ".j2k", ".tga", ".ico", ".exr", ".hdr", ".psd", ".eps", ".raw")
) | {".cr2", ".nef", ".arw", ".dng", ".npy", ".npz", ".mat", ".dcm", ".nii", ".pt"}
"""Endings of images that are not read; other files beside the images are notes and tables."""

ARCHIVES = frozenset((".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz", ".zst"))
"""Endings of files that are to be unpacked."""

LEFTOVERS = frozenset(
    name.casefold()
    for name in (
        *("@eaDir", "@tmp", "@Recycle", "#recycle", "#snapshot", "__MACOSX", "__pycache__", "lost+found", "Icon\r"),
        *("$RECYCLE.BIN", "RECYCLER", "System Volume Information", "Thumbs.db", "ehthumbs.db", "desktop.ini"),
        *("Network Trash Folder", "Temporary Items", "found.000", "~snapshot", "@__thumb", "@Recently-Snapshot"),
        "Picasa.ini",
    )
)
"""What file systems, archives and file managers leave behind; the rest of it begins with a dot."""

OF_OTHERS = "left by other programs"
HIDDEN = "hidden"
LINKED_AGAIN = "linked again"
"""A link to a folder that holds it, or whose images are read already."""


class LeftOut:
    """Counts what is there and not read, by reason."""

    def __init__(self) -> None:
        self.reasons: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()

    def add(self, reason: str, count: int = 1) -> None:
        """`count` more of a reason; none is no reason."""
        if count:
            self.reasons[reason] += count

    def no_images(self, files: Iterable[Path]) -> None:
        """Files that are no images, by their ending."""
        self.endings.update(file.suffix.lower() for file in files)

    def counts(self) -> dict[str, int]:
        """Reason -> how many, to be said as "3 hidden"."""
        found = dict(self.reasons)
        for known in (True, False):
            endings = Counter({ending: n for ending, n in self.endings.items() if (ending in OTHER_FORMATS) == known})
            if endings:
                several = "not an image" if endings.total() == 1 else "not images"
                what = "in a format that is not read" if known else several
                found[f"{what} ({_listed(endings)})"] = endings.total()
        return found

    def __str__(self) -> str:
        """What a folder without images has in words."""
        kinds = sorted(self.endings.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
        files = [
            f"{n} {shown(ending or 'nameless')} file{'s' * (n > 1)}".replace("nameless ", "") for ending, n in kinds
        ]
        parts = [*files, *(f"{count} {reason}" for reason, count in self.reasons.items())]
        return "it has " + ", ".join(parts) if parts else "it is empty"


def _listed(endings: Counter[str]) -> str:
    """The most frequent endings; of equal ones the first by name."""
    order = sorted(endings, key=lambda ending: (-endings[ending], ending))
    return ", ".join(shown(ending) or "no ending" for ending in order[:3]) + (", …" if len(order) > 3 else "")


class Inside(NamedTuple):
    """What one folder has, each by name. folders: links to folders among them; images: broken links among them."""

    folders: list[Path]
    images: list[Path]
    others: list[Path]


def look(folder: Path, left_out: LeftOut) -> Inside:
    """What is in `folder`, less what is hidden or left by other programs. Raises DataError where it is not readable."""
    inside = Inside([], [], [])
    with readable(folder), os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        name, path = entry.name, folder / entry.name
        if name.startswith("."):
            left_out.add(OF_OTHERS if name.startswith("._") or name == ".DS_Store" else HIDDEN)
        elif name.casefold() in LEFTOVERS:
            left_out.add(OF_OTHERS)
        elif _is_folder(entry, path):
            inside.folders.append(path)
        elif name.lower().endswith(SUFFIXES) or (_has_no_ending(path) and _is_broken(path)):
            inside.images.append(path)
        else:
            inside.others.append(path)
    return inside


def look_at_classes(folder: Path, left_out: LeftOut) -> Inside:
    """The same of a folder of class or split folders: a link to a folder that is not there is a missing class."""
    inside = look(folder, left_out)
    for path in inside.images:
        if _has_no_ending(path):
            raise DataError(
                f"{shown(str(path))} {leads_to_nothing(path)}",
                hint="bring back what it leads to, or remove the link",
            )
    return inside


def _is_folder(entry: os.DirEntry[str], path: Path) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        if entry.name.lower().endswith(SUFFIXES):  # links in a circle: a bad image, which may be skipped
            return False
        with readable(path):
            raise


def _has_no_ending(path: Path) -> bool:
    return not re.fullmatch(r"\.[A-Za-z0-9]{1,5}", path.suffix)


def _is_broken(path: Path) -> bool:
    return path.is_symlink() and not os.path.exists(path)


def image_files(folder: Path, left_out: LeftOut) -> list[Path]:
    """Image files at any depth below `folder`, in the order of their paths.

    Links to folders are followed, unless they lead to a folder above or to one that is read already.
    """
    found = [image for images in _walk(folder, left_out) for image in images]
    return sorted(found, key=Path.as_posix)


def has_images(folder: Path) -> bool:
    """Whether an image is at any depth below `folder`."""
    return any(_walk(folder, LeftOut()))


def _walk(folder: Path, left_out: LeftOut) -> Iterator[list[Path]]:
    """The images of every folder from `folder` down; real folders first, since a link may lead to one of them."""
    above = {*folder.absolute().parents, *Path(os.path.realpath(folder)).parents}
    seen = {os.path.realpath(parent) for parent in above}
    waiting, links = [folder], list[Path]()
    while waiting or links:
        current = waiting.pop() if waiting else links.pop(0)
        place = os.path.realpath(current)
        if place in seen:
            left_out.add(LINKED_AGAIN)
            continue
        seen.add(place)
        inside = look(current, left_out)
        left_out.no_images(inside.others)
        yield inside.images
        for path in inside.folders:
            (links if path.is_symlink() else waiting).append(path)


def subfolders(folder: Path) -> list[Path]:
    """Folders in `folder` that may be classes, by name."""
    return look(folder, LeftOut()).folders


def named(folders: Sequence[Path], most: int = 5) -> str:
    """`cat/, dog/ and 3 more`."""
    names = [f"{shown(folder.name)}/" for folder in folders[:most]]
    if len(folders) > most:
        return ", ".join(names) + f" and {len(folders) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
