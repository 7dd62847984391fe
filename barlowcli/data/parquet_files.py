"""Which files stand behind `parquet:PATH`; plain paths, no torch and none is opened."""

from collections.abc import Iterator
from pathlib import Path

from barlowcli.data.paths import SPLITS, complete_splits, readable
from barlowcli.errors import DataError


def files(path: Path) -> Iterator[tuple[str, Path]]:
    """Every file that is read, and what it is there: its split, or the names of the classes."""
    for split, tables in parquet_files(path).items():
        for table in tables:
            yield split, table
    if class_file(path).is_file():
        yield "classes", class_file(path)


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
