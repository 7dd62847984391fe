"""Which files stand behind `folder:PATH` and `parquet:PATH`; plain paths, no torch and no image is opened."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from barlowcli.errors import DataError
from barlowcli.registry import DATASETS

T = TypeVar("T")

DATA_ROOT = Path("~/.cache/barlow")
"""Where data sets by name lie unless another place is named."""
PATH_KINDS = ("folder", "parquet")
SUFFIXES = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
SPLITS = {"train": ("train", "training"), "validation": ("val", "valid", "validation"), "test": ("test", "testing")}
"""Split -> the names it goes by."""


def split_name(name: str) -> tuple[str, Path | None]:
    """`folder:PATH` -> ("folder", PATH); `cifar10` -> ("cifar10", None).

    Raises ConfigError where the name is not known, DataError where a path is missing, is not there or has no place.
    """
    kind, colon, text = name.partition(":")
    DATASETS.check(kind)
    if kind not in PATH_KINDS:
        if colon:
            raise DataError(
                f"data set `{kind}` takes no path, got `{name}`",
                hint="--data-root names the folder of downloads; folder:PATH and parquet:PATH read files of your own",
            )
        return kind, None
    if not text:
        raise DataError(f"data set `{kind}` needs a path", hint=f"write {kind}:PATH")
    hint = f"check the path after `{kind}:`"
    try:
        text.encode()
        path = Path(text).expanduser()
        there = path.exists()
    except (OSError, ValueError, RuntimeError) as error:  # too long, not UTF-8, a home that nobody has
        raise DataError(f"{shown(text)}: {_reason(error)}", hint=hint) from error
    if not there:
        raise DataError(f"{shown(text)}: no such file or folder", hint=hint)
    return kind, path


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What the system says where files cannot be looked at, as a DataError that names `path`."""
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot read {shown(str(path))}: {_reason(error)}", hint="it must be readable") from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "the path is not valid UTF-8"
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")


def shown(text: str) -> str:
    """A name as it can be printed and written: bytes that are no UTF-8, and control characters, as escapes."""
    plain = text.encode("utf-8", "backslashreplace").decode()
    if plain.isprintable():
        return plain
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in plain)


def given_path(name: str) -> Path:
    """The path of `folder:PATH` or `parquet:PATH`; raises as `split_name` does."""
    kind, path = split_name(name)
    if path is None:
        raise DataError(f"data set `{kind}` has no path")
    return path


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


def complete_splits(named: dict[str, T]) -> dict[str, T]:
    """Train with validation alone: the validation split is the one to test on; a lone or missing train: {}."""
    if "train" not in named or len(named) < 2:
        return {}
    return named if "test" in named else {"train": named["train"], "test": named["validation"]}


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


def parquet_files(path: Path) -> dict[str, list[Path]]:
    """Split ("train", "validation", "test", or "all" for one file) -> its Parquet files, by name.

    train*.parquet with validation*.parquet alone: the latter is the test split. Raises DataError where a split is
    missing.
    """
    with readable(path):
        if path.is_file():
            return {"all": [path]}
        found = sorted(file for file in path.glob("*.parquet") if file.is_file())
    named = {
        split: files
        for split, names in SPLITS.items()
        if (files := [file for file in found if file.name.lower().startswith(names[0])])
    }
    splits = complete_splits(named)
    if "test" not in splits:
        listed = ", ".join(file.name for file in found[:5]) or "no Parquet file"
        raise DataError(
            f"{path} needs train*.parquet and test*.parquet (or validation*.parquet); it has {listed}",
            hint="name one file, parquet:FILE.parquet, to have a test split drawn from it",
        )
    return splits


def class_file(path: Path) -> Path:
    """Where the class names of `parquet:PATH` may stand: classes.txt beside the files."""
    return (path if path.is_dir() else path.parent) / "classes.txt"
