"""Which files stand behind `parquet:PATH`; plain paths, no torch and none is opened."""

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from barlowcli.data.parquet_features import named_otherwise
from barlowcli.data.parquet_names import ENDING, Place, check_places, is_parquet, place_of, splits_of
from barlowcli.data.paths import SPLITS, complete_splits, is_joined, leads_to_nothing, readable, shown, split_meant
from barlowcli.errors import DataError

MOST_DEPTH = 5
"""Folders below PATH that are looked into for what may be meant; the cache of the Hub lies three below."""
MOST_FOLDERS = 2000
"""That are looked into for that."""

NAMES_HINT = "names that are known: train.parquet, train-00000-of-00002.parquet, train/0000.parquet; test, validation"


@dataclass(frozen=True)
class Layout:
    """folder: where the splits lie, PATH or one below. splits: split -> its files, by name. unused: what else there is
    of Parquet, by name."""

    folder: Path
    splits: dict[str, list[Path]]
    unused: tuple[str, ...] = ()

    def origins(self, path: Path) -> dict[str, str]:
        """Split -> where its files lie below `path`, in words; of files that come in splits."""
        if "all" in self.splits:
            return {}
        names = {split: [str(file.relative_to(path)) for file in files] for split, files in self.splits.items()}
        return {split: name + (f" and {len(more)} more" if more else "") for split, (name, *more) in names.items()}

    def left_out(self) -> dict[str, int]:
        """What is there of Parquet and not read, as a reading counts it."""
        if not self.unused:
            return {}
        named = ", ".join(self.unused[:6]) + (", …" if len(self.unused) > 6 else "")
        return {f"other Parquet file{'s' * (len(self.unused) > 1)} ({named})": len(self.unused)}


@dataclass(frozen=True)
class Found:
    """What lies in a folder, not checked yet. places: split -> where files of it are; the right ones have one place.
    others: Parquet files, and folders of them, that are called as no split is."""

    folder: Path
    places: dict[str, list[Place]]
    others: tuple[str, ...]


def files(path: Path) -> Iterator[tuple[str, Path]]:
    """Every file that is read, and what it is there: its split, or the names of the classes.

    Also whether its labels were matched by name: versions that took them as they are had other numbers.
    """
    found = layout(path)
    otherwise = named_otherwise([table for tables in found.splits.values() for table in tables])
    for split, tables in found.splits.items():
        for table in tables:
            yield f"{split}\tlabels by name" if table in otherwise else split, table
    classes = class_file(path, found)
    if classes is not None:
        yield "classes", classes


def class_file(path: Path, found: Layout) -> Path | None:
    """classes.txt in PATH or beside the files, where there is one."""
    places = dict.fromkeys((path if path.is_dir() else path.parent, found.folder))
    return next((file for folder in places if (file := folder / "classes.txt").is_file()), None)


def layout(path: Path) -> Layout:
    """The files of each split ("train", "validation", "test", or "all" where a test split is to be drawn).

    One file is "all", and so is a folder of shards that are called as no split is, or as the folder is. Else the
    splits lie in PATH, or in the one folder of PATH that has any. train and validation alone: the latter is the test
    split. Raises DataError where it is not clear which files are meant, or a split or a shard is missing.
    """
    with readable(path):
        if path.is_file():
            return Layout(path.parent, {"all": [path]}, _splits_beside(path))
        here = _look(path)
        inner = [] if here.places else [found for found in map(_look, _folders(path)) if found.places]
        if len(inner) > 1:
            raise _several(path, [found.folder for found in inner])
        found = inner[0] if inner else here
        for split, places in found.places.items():
            check_places(split, found.folder, places)
        undivided = None if inner else _undivided(here)
        if undivided is not None:
            return Layout(path, {"all": undivided.files}, _splits_beside(path))
        splits = complete_splits({split: place.files for split, (place,) in found.places.items()})
        if "test" not in splits:
            raise _incomplete(path, found)
    others = [name for name in here.others if name != f"{found.folder.name}/"] if inner else []
    return Layout(found.folder, splits, (*found.others, *others))


def _look(folder: Path) -> Found:
    """What lies in one folder: files that are called as a split, and folders that are."""
    loose = _parquet_files(folder)
    split_of = splits_of([file.name for file in loose])
    places: dict[str, list[Place]] = {}
    for split in SPLITS:
        if mine := [file for file in loose if split_of[file.name] == split]:
            places[split] = [place_of(folder, mine, alike=True)]
    others = [file.name for file in loose if split_of[file.name] is None]
    for below in _folders(folder):
        name = split_meant(ENDING.sub("", below.name.removeprefix("split=")))  # Spark: train.parquet/part-00000-…
        inside = _parquet_files(below)
        if name is not None and inside:
            places.setdefault(name, []).append(place_of(below, inside, alike=False))
        elif inside or any(map(_parquet_files, _folders(below))):
            others.append(f"{below.name}/")
    joined = _take_joined(places)
    return Found(folder, {split: places[split] for split in SPLITS if split in places}, (*others, *joined))


def _take_joined(places: dict[str, list[Place]]) -> list[str]:
    """Take trainval out, where train is there; the names of what was taken."""
    found = places.get("train", [])
    split = [(place, [is_joined(_bare(place, file)) for file in place.files]) for place in found]
    if not any(any(joined) for _, joined in split) or all(all(joined) for _, joined in split):
        return []
    parts = [(place, [f for f, out in zip(place.files, joined, strict=True) if not out]) for place, joined in split]
    places["train"] = [place_of(place.folder, files, alike=place.alike) for place, files in parts if files]
    kept = {file for _, files in parts for file in files}
    return [
        file.name if place.alike else f"{place.folder.name}/{file.name}"
        for place in found
        for file in place.files
        if file not in kept
    ]


def _bare(place: Place, file: Path) -> str:
    """What names the split of a file: itself, or its folder."""
    return file.name if place.alike else place.folder.name


def _undivided(found: Found) -> Place | None:
    """The one set of shards that a folder is, without splits."""
    if found.places:
        ((split, (place,)), *more) = found.places.items()
        own = not more and not found.others and split_meant(found.folder.name) == split
        return place if own and place.folder == found.folder else None
    place = place_of(found.folder, _parquet_files(found.folder), alike=True)
    shards = place.shards
    if not shards or len(shards) < len(found.others) or any(shard.number is None for shard in shards):
        return None
    if len({shard.stem for shard in shards}) > 1:
        return None
    check_places("the set", found.folder, [place])
    return place


def _splits_beside(path: Path) -> tuple[str, ...]:
    """What lies beside a file or folder that is called as a split and was named alone."""
    own = splits_of([path.name])[path.name] if path.is_file() else split_meant(path.name)
    if own is None or not os.access(path.parent, os.R_OK | os.X_OK):
        return ()
    places = [place for found in _look(path.parent).places.values() for place in found if place.folder != path]
    names = {place.without(path) for place in places}
    return tuple(sorted(name for name in names if name))


def _parquet_files(folder: Path) -> list[Path]:
    """Parquet files in `folder` by their names, hidden ones left out."""
    with os.scandir(folder) as entries:
        called = [entry for entry in entries if is_parquet(entry.name)]
        files = sorted(folder / entry.name for entry in called if entry.is_file())
        broken = min(
            (entry.path for entry in called if entry.is_symlink() and not os.path.exists(entry.path)), default=""
        )
    if broken:
        raise DataError(f"{shown(broken)} {leads_to_nothing(Path(broken))}", hint="was everything downloaded?")
    return files


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted(folder / entry.name for entry in entries if entry.name[0] not in "._" and entry.is_dir())


def _several(path: Path, folders: list[Path]) -> DataError:
    names = ", ".join(f"{folder.name}/" for folder in folders[:10]) + (", …" if len(folders) > 10 else "")
    return DataError(
        f"{path} has several data sets, each with splits of its own: {names}",
        hint=f"name the one that is meant: parquet:{folders[0]}",
    )


def _incomplete(path: Path, found: Found) -> DataError:
    """Why these files are not enough, and what may be meant instead."""
    if not found.places and (below := _folders_with_splits(path)):
        listed = ", ".join(map(str, below[:5])) + (", …" if len(below) > 5 else "")
        return DataError(
            f"{path} itself has no Parquet files of a train and a test split; they lie deeper: {listed}",
            hint=f"name the folder that is meant: parquet:{below[0]}",
        )
    names = [f"{place.name}{place.more}" for (place,) in found.places.values()] + list(found.others)
    there = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return DataError(
        f"{found.folder} needs Parquet files of train and of test (or validation); it has {there or 'no Parquet file'}",
        hint=_way_out(found),
    )


def _way_out(found: Found) -> str:
    loose = _parquet_files(found.folder)
    if len(loose) == 1:
        return f"name the file, parquet:{loose[0]}, to have a test split drawn from it; {NAMES_HINT}"
    if [*found.places] == ["train"] and not found.others:
        (place,) = found.places["train"]
        if place.folder != found.folder:
            return f"name {place.folder}, parquet:{place.folder}, to have a test split drawn from it"
        folder = found.folder / "train"
        return f"move its files to a folder and name that, parquet:{folder}, to have a test split drawn from them"
    if not loose and any(found.folder.glob("**/*.arrow")):
        return "there are Arrow files: in Python, `Dataset.to_parquet` makes train.parquet and test.parquet of them"
    return NAMES_HINT


def _folders_with_splits(path: Path) -> list[Path]:
    """Folders below `path` that could be named, the highest first."""
    found: list[Path] = []
    waiting = deque((folder, 1) for folder in _folders(path))
    for _ in range(MOST_FOLDERS):
        if not waiting:
            break
        folder, depth = waiting.popleft()
        if _look(folder).places:
            found.append(folder)
        elif depth < MOST_DEPTH:
            waiting.extend((below, depth + 1) for below in _folders(folder))
    return found
