"""What is to be said of files beside Parquet files: lists of classes that are not read, and a README that names splits
otherwise."""

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from barlowcli.data.class_names import read_class_file, unread_lists
from barlowcli.data.parquet_files import Layout
from barlowcli.data.parquet_labels import Labels

README = "README.md"
MOST_README_BYTES = 2**18
"""Of a README, that are looked at for what it says of splits."""
FRONT = re.compile(r"\A\ufeff?---\r?\n(.*?)^---\s*$", re.DOTALL | re.MULTILINE)
"""The YAML at the beginning of a README of the Hub."""
CONFIGS = re.compile(r"^configs:[^\n]*\n((?:[ \t-][^\n]*\n|\n)*)", re.MULTILINE)
SPLIT = re.compile(r"\bsplit:\s*[\"']?([\w.-]+)[\"']?\s*\n((?:(?![^\n]*\b(?:split|config_name):)[^\n]*\n)*)")
"""A split in it, and the lines to the next, which have its paths."""
PATTERN = re.compile(r"^\s*(?:-?\s*path:\s*|-\s+)[\"']?([^\s\"':][^\s\"']*)[\"']?\s*$", re.MULTILINE)


def notes(
    path: Path, found: Layout, tables: Iterable[Labels], listed: Path | None, classes: Sequence[str]
) -> tuple[str, ...]:
    """What is to be said; listed: the classes.txt that there is; tables: the labels of every file."""
    folders = list(dict.fromkeys((path if path.is_dir() else path.parent, found.folder)))
    full = [one for one in tables if len(one.codes)]
    return (*_of_lists(folders, full, listed, classes), *_of_readme(folders, found))


def _of_lists(
    folders: Iterable[Path], full: Sequence[Labels], listed: Path | None, classes: Sequence[str]
) -> tuple[str, ...]:
    own = next((one.names for one in full if one.names is not None and not one.text), None)
    used = listed is not None and any(one.names is None or one.text for one in full)
    bare = all(one.names is None for one in full)
    by = "names of classes are read from classes.txt" if bare else "the files name the classes themselves"
    said = unread_lists(folders, own or classes, by=by, but=listed if used else None)
    if said or used or listed is None or own is None:
        return said
    for label, (name, other) in enumerate(zip(own, read_class_file(listed), strict=False)):
        if name != other:
            return (f"{listed.name} is not read: {by}, and label {label} is `{name}` there, not `{other}`",)
    return ()


def _of_readme(folders: Iterable[Path], found: Layout) -> tuple[str, ...]:
    for folder in folders:
        configs = _configs(folder / README)
        if configs is not None and not _agrees(folder, [*_patterns(configs)], found):
            return (f"the splits that {README} names under `configs:` are not read: files are told by their names",)
    return ()


def _configs(readme: Path) -> str | None:
    """The text of `configs:` in a README; None where there is none."""
    try:
        with readme.open("rb") as file:
            text = file.read(MOST_README_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    front = FRONT.match(text)
    configs = CONFIGS.search(front[1]) if front else None
    return configs[1] if configs else None


def _patterns(configs: str) -> Iterator[tuple[str, str]]:
    """Each split with each pattern of its files, as far as they are written the usual way."""
    for split in SPLIT.finditer(configs):
        for pattern in PATTERN.finditer(split[2]):
            yield split[1], pattern[1]


def _agrees(folder: Path, patterns: Sequence[tuple[str, str]], found: Layout) -> bool:
    """Whether all files of a split are of one split there, and those of two splits are of two."""
    theirs: list[str] = []
    for files in found.splits.values():
        names = [file.relative_to(folder).as_posix() for file in files if file.is_relative_to(folder)]
        splits = {split for split, pattern in patterns for name in names if fnmatch(name, pattern.removeprefix("./"))}
        named = [name for name in names if any(fnmatch(name, pattern.removeprefix("./")) for _, pattern in patterns)]
        if len(splits) != 1 or len(named) != len(names):
            return False
        theirs += splits
    return len(theirs) == len({*theirs})
