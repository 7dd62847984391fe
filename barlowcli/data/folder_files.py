"""Which files stand behind `folder:PATH`; plain paths, no torch and no image is opened."""

import os
from collections.abc import Iterator
from pathlib import Path

from barlowcli.data.paths import SPLITS, complete_splits, readable
from barlowcli.errors import DataError

SUFFIXES = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")


def files(root: Path) -> Iterator[tuple[str, Path]]:
    """Every file that is read, and what it is there: its split and its path in that."""
    for split, tree in class_trees(root).items():
        for file in image_files(tree):
            yield f"{split}\t{file.relative_to(tree).as_posix()}", file


def class_trees(root: Path) -> dict[str, Path]:
    """Split ("train", "validation", "test", or "all" where there are none) -> its folder of class folders.

    train/ with val/ alone: val/ is the test split, as ImageNet's is. A split folder is one that has folders in it, so
    that a class may be called `train`. Raises DataError where `root` is no folder or a split has no counterpart.
    """
    with readable(root):
        if not root.is_dir():
            raise DataError(f"{root} is not a folder", hint="folder:PATH needs a folder that has one folder a class")
        named = {
            split: path
            for split, names in SPLITS.items()
            for path in (root / name for name in names)
            if path.is_dir() and subfolders(path)
        }
    if not named:
        return {"all": root}
    splits = complete_splits(named)
    if "test" not in splits:
        known = ", ".join(f"{path.name}/" for path in named.values())
        raise DataError(
            f"{root} has {known} but not both train/ and one of test/ and val/",
            hint=f"add the other split, or name {next(iter(named.values()))} to have a test split drawn from it",
        )
    return splits


def subfolders(folder: Path) -> list[Path]:
    """Folders in `folder` that are not hidden, by name."""
    with readable(folder):
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def image_files(folder: Path) -> list[Path]:
    """Image files at any depth below `folder`, in the order of their relative paths; hidden ones are left out."""
    return sorted(_walk(folder), key=lambda path: path.relative_to(folder).as_posix())


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(parent, name)
