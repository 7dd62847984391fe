"""What stands behind a data set's name: a set known by name, or files at a path; plain paths, no torch."""

import os
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from barlowcli.errors import ConfigError, DataError
from barlowcli.machine.places import expanded
from barlowcli.registry import DATASETS

T = TypeVar("T")

DATA_ROOT = Path("~/.cache/barlow")
"""Where data sets by name lie unless another place is named."""
SUFFIXES = (".bmp", ".gif", ".jfif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp")
"""Endings of the image files that are read."""
SPLITS = {
    "train": ("train", "training", "trainval", "trn"),
    "validation": ("val", "valid", "validation", "validate", "dev", "devel", "development"),
    "test": ("test", "tests", "testing", "tst", "eval", "evaluation", "holdout"),
}
"""Split -> the words it goes by."""
SPLIT_OF = {word: split for split, words in SPLITS.items() for word in words}
FILLERS = {"set", "sets", "data", "dataset", "split", "subset", "folder", "dir", "samples", "examples", "seg"} | {
    *("img", "imgs", "image", "images", "pictures", "photos")
}
"""Words beside that of the split which say nothing more: training_set, seg_train, testImages."""
JOINED = "trainval"
BEGIN, END = r"(?<![^\W_])", r"(?![^\W\d_])"
"""Of a word among others, `_` between them or not; a number may follow."""


class SplitName(NamedTuple):
    """What a name says of a split. split: "train", "validation", "test", or None; rest: its other words, less fillers.

    `Training_Set` -> ("train", ()); `flowers-test` -> ("test", ("flowers",)); `trainer` -> (None, ("trainer",)).
    """

    split: str | None
    rest: tuple[str, ...]


def split_meant(name: str) -> str | None:
    """The split that a name means as a whole, in any case: `TRAIN`, `training_set`, `seg_test`; else None."""
    split, rest = split_name_of(name)
    return None if rest else split


def split_name_of(name: str) -> SplitName:
    """The split among the words of a name, if it is exactly one, and the words beside it; no suffix is taken off."""
    words = _words(name)
    splits = [SPLIT_OF[word] for word in words if word in SPLIT_OF]
    rest = tuple(word for word in words if word not in SPLIT_OF and word not in FILLERS)
    if len(splits) != 1:
        return SplitName(None, tuple(words))
    return SplitName(splits[0], rest)


def is_joined(name: str) -> bool:
    """Whether a name is that of train and validation put together: `trainval`, `train+val`, `voc_train_val`."""
    return JOINED in _words(name)


def _words(name: str) -> list[str]:
    """The words of a name, and its numbers; `TrainVal` and `train-val` are one word."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name)).casefold()
    spaced = re.sub(rf"{BEGIN}h[eo]ld[\W_]+out{END}", "holdout", spaced)
    spaced = re.sub(rf"{BEGIN}train[\W_]*val(?:id(?:ation)?)?{END}", JOINED, spaced)
    return [part for word in re.findall(r"[^\W\d_]+|\d+", spaced) for part in _parted(word)]


def _parted(word: str) -> tuple[str, ...]:
    """`trainset` -> train, set; other words as they are."""
    for name in SPLIT_OF:
        if word.startswith(name) and word[len(name) :] in FILLERS:
            return name, word[len(name) :]
    return (word,)


def split_name(name: str) -> tuple[str, Path | None]:
    """`folder:PATH` -> ("folder", PATH); `cifar10` -> ("cifar10", None).

    Raises ConfigError where the name is not known, DataError where a path is missing, is not there or has no place.
    """
    kind, colon, text = name.partition(":")
    DATASETS.check(kind)
    if not DATASETS.lists_files(kind):
        if colon:
            raise DataError(
                f"data set `{kind}` takes no path, got `{name}`",
                hint="--data-root names the folder of downloads; "
                f"{' and '.join(DATASETS.at_path('PATH'))} read files of your own",
            )
        return kind, None
    if not text:
        raise DataError(f"data set `{kind}` needs a path", hint=f"write {kind}:PATH")
    hint = f"check the path after `{kind}:`"
    try:
        text.encode()
        path = expanded(text)
        there = path.exists()
    except ConfigError as error:  # a home or a variable that is not known
        raise DataError(error.message, hint=error.hint) from error
    except (OSError, ValueError, RuntimeError) as error:  # too long, not UTF-8
        raise DataError(f"{shown(text)}: {_reason(error)}", hint=hint) from error
    if not there:
        gone = leads_to_nothing(path) if path.is_symlink() else ""
        raise DataError(f"{shown(text)} {gone}" if gone else f"{shown(text)}: no such file or folder", hint=hint)
    return kind, path


def located(name: str) -> str:
    """`folder:~/PATH` with what `~` and variables stand for; other names, and what stands for nothing, as they are."""
    kind, colon, path = name.partition(":")
    if not colon or not DATASETS.lists_files(kind):
        return name
    try:
        return f"{kind}:{expanded(path)}"
    except (ConfigError, ValueError):
        return name  # `split_name` says what is wrong with it


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


def leads_to_nothing(link: Path) -> str:
    """Where a broken link leads, as what is said of it."""
    target = os.readlink(link)
    end = os.path.realpath(link)
    by = f" and by that to {shown(end)}" if os.path.lexists(link.parent / target) else ""
    return f"is a link to {shown(target)}{by}, which is not there"


def why_unreadable(path: Path, error: OSError) -> str:
    """Why a file cannot be read: what the system says, or that it is a link to nothing."""
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return f"it {leads_to_nothing(path)}"
    return _reason(error)


def given_path(name: str) -> Path:
    """The path of `folder:PATH` or `parquet:PATH`; raises as `split_name` does."""
    kind, path = split_name(name)
    if path is None:
        raise DataError(f"data set `{kind}` has no path")
    return path


def complete_splits(named: dict[str, T]) -> dict[str, T]:
    """Train with validation alone: the validation split is the one to test on; a lone or missing train: {}."""
    if "train" not in named or len(named) < 2:
        return {}
    return named if "test" in named else {"train": named["train"], "test": named["validation"]}
