"""The labels of Parquet files: numbers or text in each, and the classes that all of them mean, matched by name."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from barlowcli.data.lookalikes import difference, letters, same_to_the_eye
from barlowcli.data.parquet_columns import is_text
from barlowcli.data.paths import shown
from barlowcli.data.splits import class_list
from barlowcli.errors import DataError

Codes = NDArray[np.int64]

MOST_LETTERS = 200
"""Of the name of a class."""

WHOLE = "labels are whole numbers, 0, 1, 2, …, or the names of the classes"


@dataclass(frozen=True)
class Labels:
    """The labels of one file.

    codes: (N,), from 0. names: of codes 0, 1, …, None where labels are numbers without names. origin: where the names
    are from, for messages. text: whether labels are text, so that `names` are those that occur; else they are a list.
    """

    path: Path
    codes: Codes
    names: tuple[str, ...] | None
    origin: str
    text: bool = False


def check_type(path: Path, name: str, kind: Any) -> None:
    """Raise DataError where a column of this type cannot hold labels."""
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    types = pa.types
    whole = types.is_integer(values) or types.is_floating(values) or types.is_decimal(values)
    if whole or types.is_boolean(values) or types.is_null(values) or is_text(values):
        return
    several = types.is_list(values) or types.is_large_list(values) or types.is_fixed_size_list(values)
    hint = "one label an image: keep one, or make a column of it" if several else "number the classes 0, 1, 2, …"
    raise DataError(f"{path}: column `{shown(name)}` is {shown(str(kind))}, not integer or text", hint=hint)


def read_labels(path: Path, name: str, column: Any, names: Sequence[str] | None) -> Labels:
    """The labels of a file from its column (a ChunkedArray; text as dictionaries), with the names of its metadata.

    Raises DataError where a label is lacking, negative, or no whole number.
    """
    where = f"{path}: column `{shown(name)}`"
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy())[0])
        raise DataError(f"{where} is null in row {row}", hint="every image needs a label: leave out rows without one")
    values = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if is_text(values):
        return _of_text(path, where, column)
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, values)
    if pa.types.is_boolean(values) and names is None:
        names = ("false", "true")
    codes = _whole_numbers(where, column)
    if len(codes) and codes.min() < 0:
        row = int(np.flatnonzero(codes < 0)[0])
        hint = "labels count from 0; -1 often means unlabelled: move such a file away"
        raise DataError(f"{where} is {codes[row]} in row {row}", hint=hint)
    return Labels(path, codes, None if names is None else tuple(names), f"the metadata of {path}")


def _whole_numbers(where: str, column: Any) -> Codes:
    if pa.types.is_floating(column.type):
        numbers = pc.cast(column, pa.float64()).to_numpy()
        wrong = np.flatnonzero(numbers != np.floor(np.where(abs(numbers) < 2**53, numbers, np.nan)))
        if len(wrong):
            row = int(wrong[0])
            raise DataError(f"{where} is {numbers[row]:g} in row {row}", hint=WHOLE)
        return np.asarray(numbers, np.int64)
    try:
        codes: Codes = pc.cast(column, pa.int64()).to_numpy()
    except pa.ArrowInvalid as error:
        raise DataError(f"{where} has a label that is no whole number below 2^63", hint=WHOLE) from error
    return codes


def _of_text(path: Path, where: str, column: Any) -> Labels:
    """The names that occur, sorted, and which of them each row has."""
    numbers: dict[str, int] = {}
    parts = [np.zeros(0, np.int64)]
    for chunk in column.chunks:
        values = chunk.dictionary.to_pylist()
        own = np.array([numbers.setdefault(value or "", len(numbers)) for value in values] or [0], np.int64)
        parts.append(own[chunk.indices.to_numpy()])
    codes = np.concatenate(parts)
    used = np.zeros(len(numbers), bool)
    used[codes] = True
    texts = list(numbers)
    if "" in numbers and used[numbers[""]]:
        row = int(np.flatnonzero(codes == numbers[""])[0])
        raise DataError(f"{where} is empty in row {row}", hint="every image needs a label: leave out rows without one")
    order = sorted(np.flatnonzero(used).tolist(), key=texts.__getitem__)
    place = np.zeros(len(numbers), np.int64)
    place[order] = np.arange(len(order))
    return Labels(path, place[codes], tuple(texts[at] for at in order), str(path), text=True)


def matched(
    splits: Mapping[str, Sequence[Labels]], listed: tuple[str, Sequence[str]] | None
) -> tuple[dict[str, Codes], tuple[str, ...]]:
    """The labels of each split as places in the classes, and the names of these; labels that no image has are none.

    listed: the names in classes.txt, and which file that is: of files that have no names of their own. Files are
    matched by name, and numbered as the first list of names is, else as sorted text, else as they are. Raises
    DataError where the files do not fit together.
    """
    tables = {split: [_with_list(one, listed) for one in files] for split, files in splits.items()}
    full = [one for files in tables.values() for one in files if len(one.codes)]
    reference = _reference(full, listed)
    values = {split: np.concatenate([_in(reference, one) for one in files]) for split, files in tables.items()}
    present = np.unique(np.concatenate(list(values.values())))
    classes = tuple(str(value) if reference is None else _short(reference[value]) for value in present)
    _check_distinct(classes, present, full[0].origin if full else "")
    _check_spelling(full)
    return {split: np.searchsorted(present, value) for split, value in values.items()}, classes


def _with_list(labels: Labels, listed: tuple[str, Sequence[str]] | None) -> Labels:
    """Numbers without names, with those of classes.txt. Raises DataError where a label is beyond the names."""
    if labels.names is None and listed is not None:
        labels = replace(labels, names=tuple(listed[1]), origin=listed[0])
    if labels.names is not None and len(labels.codes) and labels.codes.max() >= len(labels.names):
        raise DataError(
            f"label {labels.codes.max()} is out of range: {labels.origin} names {len(labels.names)} classes",
            hint="labels count from 0",
        )
    return labels


def _reference(full: Sequence[Labels], listed: tuple[str, Sequence[str]] | None) -> tuple[str, ...] | None:
    """The names that number the classes of all files that have rows; None where labels are numbers alone."""
    bare = [one for one in full if one.names is None]
    named = [one for one in full if one.names is not None]
    if not named:
        return None
    if bare:
        raise DataError(
            f"{named[0].path} names its classes and {bare[0].path} has only numbers",
            hint="write the names in the order of these numbers, one a line, to classes.txt beside the files",
        )
    texts = [one for one in named if one.text]
    lists = [(one.origin, one.names or ()) for one in named if not one.text]
    if texts and listed is not None and not lists:
        lists = [(listed[0], tuple(listed[1]))]
    if not lists:
        return tuple(sorted({name for one in texts for name in one.names or ()}))
    (origin, reference), *others = lists
    for other, names in others:
        _check_same(origin, reference, other, names)
    for one in texts:
        if unknown := [name for name in one.names or () if name not in reference]:
            raise DataError(
                f"{one.path} has images of {_quoted(unknown)}, and {origin} does not name {_such(unknown)}",
                hint=f"it names {_quoted(reference)}",
            )
    return reference


def _check_same(origin: str, names: Sequence[str], other: str, others: Sequence[str]) -> None:
    """Raise DataError where two lists of names are not the same names in some order."""
    if tuple(names) == tuple(others):
        return
    sides = ((origin, names, others), (other, others, names))
    lacking = [(where, [name for name in dict.fromkeys(has) if name not in lacks]) for where, has, lacks in sides]
    differ = [f"only {where} names {_quoted(more)}" for where, more in lacking if more]
    if differ:
        seen = {same_to_the_eye(name): name for name in lacking[1][1]}
        alike = next((name for name in lacking[0][1] if same_to_the_eye(name) in seen), None)
        why = "" if alike is None else f": {difference(alike, seen[same_to_the_eye(alike)])}"
        raise DataError(
            "the files do not name the same classes: " + "; ".join(differ) + why,
            hint="files of one data set have the same names; leave out those of another, or write the names again",
        )
    doubled = next((name for name in others if list(others).count(name) > 1), None)
    if doubled is not None or len(names) != len(others):
        raise DataError(f"{other} names a class twice: {_quoted([doubled or ''])}", hint="name them apart")


def _in(reference: tuple[str, ...] | None, labels: Labels) -> Codes:
    """The codes of a file as places in `reference`."""
    if reference is None or labels.names is None or labels.names == reference or not len(labels.codes):
        return labels.codes
    place = {name: at for at, name in enumerate(reference)}
    return np.array([place[name] for name in labels.names], np.int64)[labels.codes]


def _check_distinct(classes: Sequence[str], present: Codes, origin: str) -> None:
    """Raise DataError where two labels that images have go by one name."""
    first: dict[str, int] = {}
    for label, name in zip(present.tolist(), classes, strict=True):
        if name in first:
            raise DataError(
                f"{origin} names labels {first[name]} and {label} alike: `{name}`",
                hint="name them apart, for example `crane (bird)` and `crane (machine)`",
            )
        first[name] = label


def _check_spelling(files: Iterable[Labels]) -> None:
    """Raise DataError where labels that are text look the same and are not; `a` and `A` may be two letters."""
    alike = defaultdict(list)
    for name in sorted({name for one in files if one.text for name in one.names or ()}):
        alike[same_to_the_eye(name)].append(name)
    for same in alike.values():
        if len(same) > 1 and not letters(same):
            raise DataError(
                f"labels `{_short(same[0])}` and `{_short(same[1])}` would be two classes: {difference(*same[:2])}",
                hint="write one name for one class in all files",
            )


def _short(name: str) -> str:
    return shown(name[:MOST_LETTERS])


def _quoted(names: Sequence[str]) -> str:
    return class_list([f"`{_short(name)}`" for name in names])


def _such(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"
