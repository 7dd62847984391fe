"""What the name of a Parquet file says: which split it is of, and which shard."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from barlowcli.data.paths import split_meant
from barlowcli.errors import DataError

ENDING = re.compile(r"(?:\.c\d+)?(?:\.(?:snappy|zstd|gzip|gz|brotli|lz4))?\.(?:parquet|parq|pq)$", re.IGNORECASE)
"""Of a file's name, with what Spark and pandas put before it."""

SHARD = re.compile(
    r"(?:^|[-_. ])(?:part|shard|chunk|batch|file)?[-_. ]?(?P<number>\d{1,9})"
    r"(?:[-_ ]?of[-_ ]?(?P<total>\d{1,9}))?"
    r"(?:-[0-9a-f]{16}|-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:-c\d+)?)?$",
    re.IGNORECASE,
)
"""At a name's end: `-00000-of-00002`, `_0`, `-part-3`; a digest or an id after it, as the Hub and Spark write."""


class Shard(NamedTuple):
    """A file and what its name says. stem: the name without its number; total: of how many it is one."""

    file: Path
    stem: str
    number: int | None
    total: int | None


@dataclass(frozen=True)
class Place:
    """Files of one split. folder: where they lie; alike: whether they must have one name but for their numbers."""

    folder: Path
    shards: list[Shard]
    alike: bool

    @property
    def files(self) -> list[Path]:
        """The files by name."""
        return [shard.file for shard in self.shards]

    @property
    def name(self) -> str:
        """What a message calls it: a file of it, or its folder."""
        return self.shards[0].file.name if self.alike else f"{self.folder.name}/"

    @property
    def more(self) -> str:
        """How many files are not in `name`, in words."""
        return f" and {len(self.shards) - 1} more of it" if self.alike and len(self.shards) > 1 else ""

    def without(self, file: Path) -> str:
        """What a message calls the rest; "" where there is none."""
        return next((self.name if file not in self.files else one.name for one in self.files if one != file), "")


def place_of(folder: Path, files: Sequence[Path], *, alike: bool) -> Place:
    """What the names of `files` say, in their order."""
    return Place(folder, [_shard(file) for file in files], alike)


def is_parquet(name: str) -> bool:
    """Whether a file that is not hidden is called as Parquet files are."""
    return name[0] not in "._" and ENDING.search(name) is not None


def _shard(file: Path) -> Shard:
    stem = ENDING.sub("", file.name).casefold()
    match = SHARD.search(stem)
    if match:
        total = match["total"]
        return Shard(file, stem[: match.start()], int(match["number"]), int(total) if total else None)
    bare = stem.rstrip("0123456789")
    if bare != stem and split_meant(bare):  # train0, val2017
        return Shard(file, bare, int(stem[len(bare) :][:9]), None)
    return Shard(file, stem, None, None)


def splits_of(names: Sequence[str]) -> dict[str, str | None]:
    """Name of a file -> the split that it is of, None where it is called otherwise.

    Where no name is that of a split, what all have in common is left out: mnist_train, mnist_test.
    """
    stems = {name: _shard(Path(name)).stem for name in names}
    found = {name: split_meant(stem) for name, stem in stems.items()}
    if any(found.values()):
        return found
    inner = _without_common(sorted({*stems.values()}))
    return {name: split_meant(inner[stem]) for name, stem in stems.items()}


def _without_common(stems: Sequence[str]) -> dict[str, str]:
    """Each stem less the words that all begin and end with."""
    words = {stem: re.split(r"[-_. ]+", stem) for stem in stems}
    first = _alike(words.values())
    last = _alike([one[first:][::-1] for one in words.values()])
    return {stem: "_".join(one[first : len(one) - last]) for stem, one in words.items()}


def _alike(lists: Iterable[Sequence[str]]) -> int:
    """How many words all begin with."""
    return sum(1 for _ in takewhile(lambda words: len({*words}) == 1, zip(*lists, strict=False)))


def check_places(what: str, folder: Path, places: Sequence[Place]) -> None:
    """Raise DataError where a split (`what`) is there twice, is mixed with another, or lacks shards."""
    if len(places) > 1:
        raise _twice(what, folder, [place.name for place in places])
    place = places[0]
    named = any(shard.total is not None for shard in place.shards)
    if place.alike or named:
        kinds = {(shard.stem, shard.total, shard.number is None): shard.file.name for shard in place.shards}
        if len(kinds) > 1:
            raise _twice(what, place.folder, list(kinds.values()))
        counts = Counter(shard.number for shard in place.shards)
        for number in [number for number, count in counts.items() if count > 1]:
            raise _twice(what, place.folder, [shard.file.name for shard in place.shards if shard.number == number])
    if not place.alike:
        _check_own(what, place)
    if named:
        _check_complete(what, place)


def _twice(what: str, folder: Path, names: Sequence[str]) -> DataError:
    return DataError(
        f"{what} is there more than once in {folder}: {' and '.join(names[:3])}",
        hint="leave one of them; the shards of one set are called alike: train-00000-of-00002.parquet",
    )


def _check_own(what: str, place: Place) -> None:
    """Refuse `train/test-00000.parquet`."""
    for shard in place.shards:
        if split_meant(shard.stem) not in (None, what):
            raise DataError(
                f"{shard.file} is called as the {split_meant(shard.stem)} split is, but lies in that of {what}",
                hint="move it, or rename it",
            )


def _check_complete(what: str, place: Place) -> None:
    """Refuse 4 files that are called `-of-00005`."""
    numbers, total = {shard.number or 0 for shard in place.shards}, place.shards[0].total or 0
    start = 1 if total in numbers and 0 not in numbers else 0  # some count from 1
    if max(numbers) >= start + total:
        raise DataError(
            f"{what} in {place.folder} has number {max(numbers)} of {total} shards",
            hint=f"files are called like {place.shards[0].file.name}: are they of two versions?",
        )
    lacking = total - len(numbers)
    if lacking:
        some = range(start, start + min(total, len(numbers) + 3))
        missing = [number for number in some if number not in numbers][:3]
        more = ", …" if lacking > len(missing) else ""
        raise DataError(
            f"{what} in {place.folder} lacks {lacking} of {total} shards: number {', '.join(map(str, missing))}{more}",
            hint=f"files are called like {place.shards[0].file.name}: was everything downloaded?",
        )
