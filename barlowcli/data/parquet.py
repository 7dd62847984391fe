"""parquet:PATH: images in the layout of Hugging Face data sets, column `img` or `image`, column `label`."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor

from barlowcli.data.encoded import Encoded, encoded_part
from barlowcli.data.images import MAX_BYTES
from barlowcli.data.imageset import Part, Source
from barlowcli.data.pages import DICTIONARY, Page, column_pages
from barlowcli.data.parquet_files import class_file, parquet_files
from barlowcli.data.paths import given_path, shown
from barlowcli.data.splits import class_list, split_source
from barlowcli.errors import DataError
from barlowcli.settings.data import DataSettings

IMAGE_COLUMNS = ("img", "image")
LABEL_COLUMN = "label"

MOST_CLASS_BYTES = 2**24
"""Of classes.txt: a hundred times what the 21,841 classes of ImageNet need."""

AT_ONCE = 2**26
"""Bytes of encoded images that may be in memory at once, where more than one image is."""

FEWEST_BYTES = 8
"""Of a file, a row: no image is encoded in less, but a few bytes can claim billions of rows."""

MOST_LETTERS = 200
"""Of a path inside a file, in a message."""

UNPACKED = 4
"""How many times its size a large page may unpack to: encoded images hardly pack any further."""


@dataclass(frozen=True)
class Table:
    """One file, opened. image: the name of its image column; labels: int64 (N,)."""

    path: Path
    file: Any
    image: str
    labels: NDArray[np.int64]


def load(settings: DataSettings, root: Path) -> Source:
    """Images of `parquet:PATH`, one file, or a folder of train*.parquet and test*.parquet. `root` is not used.

    The image column is a struct of `bytes` and `path`, or the bytes; the labels are integers. Class names are those
    of the Hugging Face metadata, else of classes.txt beside the files, else the labels; labels that no image has are
    no class. validation*.parquet and one file alone are treated as folder:PATH's val/ and one tree. Labels are read
    at once, images only for the rows that are asked for. Raises DataError, naming file, column and row.
    """
    path = given_path(settings.name)
    splits = {name: [open_table(file) for file in files] for name, files in parquet_files(path).items()}
    values = {name: np.concatenate([table.labels for table in tables]) for name, tables in splits.items()}
    present = np.unique(np.concatenate(list(values.values())))
    classes = class_names(path, next(iter(splits.values()))[0], present)
    labels = {name: torch.from_numpy(np.searchsorted(present, value)) for name, value in values.items()}

    def part(name: str, chosen: Tensor | None) -> Part:
        return table_part(splits[name], labels[name], settings, chosen)

    return split_source(labels, part, classes, settings)


def open_table(path: Path) -> Table:
    """Open a file and read its labels. Raises DataError where it is no Parquet file or its columns are not right."""
    with _reading(path):
        file = pq.ParquetFile(path, memory_map=True)
        names = file.schema_arrow.names
        image = next((name for name in IMAGE_COLUMNS if name in names), None)
        if image is None or LABEL_COLUMN not in names:
            lacking = f"`{LABEL_COLUMN}`" if image else "`img` or `image`"
            raise DataError(
                f"{path} has no column {lacking}; it has {class_list([f'`{shown(name)}`' for name in names], 20)}",
                hint="the image column must be called `img` or `image`, the column of integer labels `label`",
            )
        for name in (image, LABEL_COLUMN):
            if names.count(name) > 1:
                raise DataError(f"{path} has {names.count(name)} columns `{name}`", hint="leave one of them")
        _check_image_type(path, image, file.schema_arrow.field(image).type)
        _check_rows(path, file.metadata.num_rows)
        for group in range(file.num_row_groups):
            _check_pages(path, LABEL_COLUMN, column_pages(path, file.metadata.row_group(group), LABEL_COLUMN))
        labels = _labels(path, file.read([LABEL_COLUMN]).column(LABEL_COLUMN).combine_chunks())
    return Table(path, file, image, labels)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Words for the user where Arrow cannot read on; it raises half a dozen kinds."""
    try:
        yield
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, LookupError, MemoryError) as error:
        reason = shown(" ".join(str(error).split()))[:300] or type(error).__name__
        raise DataError(f"{path} cannot be read as Parquet: {reason}", hint="is the file whole?") from error


def _check_rows(path: Path, rows: int) -> None:
    size = path.stat().st_size
    if rows > max(size // FEWEST_BYTES, 10_000):
        raise DataError(f"{path} claims {rows:,} rows in {size:,} bytes", hint="no images are in so little: damaged?")


def _check_pages(path: Path, column: str, pages: Sequence[Page]) -> None:
    """Refuse what unpacks to far more than the file holds."""
    worst = max(pages, key=lambda page: page.unpacked, default=None)
    if worst is not None and worst.unpacked > max(MAX_BYTES, UNPACKED * worst.packed):
        raise DataError(
            f"{path}: column `{column}` unpacks {worst.packed:,} bytes to {worst.unpacked:,}",
            hint="encoded images hardly pack: a decompression bomb? else write the file without compression",
        )


def _check_image_type(path: Path, name: str, kind: Any) -> None:
    inner = kind.field("bytes").type if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0 else kind
    if not (pa.types.is_binary(inner) or pa.types.is_large_binary(inner)):
        raise DataError(
            f"{path}: column `{name}` is {kind}, not encoded images",
            hint="it must be a struct of `bytes` and `path`, or binary: the bytes of PNG, JPEG, … files",
        )


def _labels(path: Path, column: Any) -> NDArray[np.int64]:
    where = f"{path}: column `{LABEL_COLUMN}`"
    if not pa.types.is_integer(column.type):
        raise DataError(f"{where} is {column.type}, not integer", hint="number the classes 0, 1, 2, …")
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise DataError(f"{where} is null in row {row}", hint="every image needs a label")
    labels: NDArray[np.int64] = pc.cast(column, pa.int64()).to_numpy()
    if len(labels) and labels.min() < 0:
        row = int(np.flatnonzero(labels < 0)[0])
        raise DataError(f"{where} is {labels[row]} in row {row}", hint="labels count from 0; -1 often means unlabelled")
    return labels


def table_part(tables: Sequence[Table], labels: Tensor, settings: DataSettings, chosen: Tensor | None) -> Part:
    """The rows `chosen` (None: all) of several files, one after the other; row groups without any are not read."""
    rows = torch.arange(len(labels)) if chosen is None else chosen

    def fetch(wanted: Tensor) -> Iterator[Encoded]:
        start = 0
        for table in tables:
            local = rows[wanted].numpy() - start
            yield from _fetch(table, local[(local >= 0) & (local < len(table.labels))])
            start += len(table.labels)

    return encoded_part(labels[rows], fetch, settings)


def _fetch(table: Table, rows: NDArray[np.int64]) -> Iterator[Encoded]:
    """The images at `rows`, ascending, of one file; one row group in memory at a time, or a part of a large one."""
    start = 0
    for group in range(table.file.num_row_groups):
        count = table.file.metadata.row_group(group).num_rows
        if ((rows >= start) & (rows < start + count)).any():
            at = start
            for column in _columns(table, group):
                local = rows[(rows >= at) & (rows < at + len(column))] - at
                with _reading(table.path):
                    found = _bytes_and_paths(column.take(pa.array(local)))
                for row, data, inner in zip(local.tolist(), *found, strict=True):
                    name = f"{table.path.name} row {at + row}"
                    yield Encoded(f"{name} ({inner})" if inner else name, data)
                at += len(column)
        start += count


def _columns(table: Table, group: int) -> Iterator[Any]:
    """The image column of a row group: whole, or where that is too much for the memory, a part at a time.

    What it takes is what the pages unpack to, and for every row that is a reference to it a value of the dictionary.
    """
    metadata = table.file.metadata.row_group(group)
    with _reading(table.path):
        pages = column_pages(table.path, metadata, table.image)
    _check_pages(table.path, table.image, pages)
    shared = max((page.unpacked for page in pages if page.kind == DICTIONARY), default=0)
    if sum(page.unpacked for page in pages) + metadata.num_rows * shared <= AT_ONCE:
        with _reading(table.path):
            column = table.file.read_row_group(group, columns=[table.image]).column(0)
        yield column
        return
    rows = max(1, AT_ONCE // max(1, *(page.unpacked for page in pages)))
    batches = table.file.iter_batches(rows, row_groups=[group], columns=[table.image])
    while True:
        with _reading(table.path):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch.column(0)


def _bytes_and_paths(column: Any) -> tuple[list[bytes | None], list[str]]:
    """What an image column holds, row by row: None where it is null, and the path, "" where it has none."""
    if not pa.types.is_struct(column.type):
        return column.to_pylist(), [""] * len(column)
    named = column.type.get_field_index("path") >= 0
    paths = pc.struct_field(column, "path") if named else pa.nulls(len(column), pa.string())
    if pa.types.is_string(paths.type):
        paths = pc.cast(paths, pa.binary())  # Arrow does not check that they are UTF-8
    return pc.struct_field(column, "bytes").to_pylist(), [_path_text(value) for value in paths.to_pylist()]


def _path_text(value: Any) -> str:
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value or "")
    return shown(text[:MOST_LETTERS])


def class_names(path: Path, table: Table, present: NDArray[np.int64]) -> tuple[str, ...]:
    """The names of the labels that are `present`. Raises DataError where a label is beyond the names."""
    names, origin = _metadata_names(table), f"the metadata of {table.path}"
    if names is None and class_file(path).is_file():
        names, origin = read_class_file(class_file(path)), str(class_file(path))
    if names is None:
        return tuple(str(value) for value in present)
    if len(present) and present[-1] >= len(names):
        raise DataError(
            f"label {present[-1]} is out of range: {origin} names {len(names)} classes", hint="labels count from 0"
        )
    return tuple(names[value] for value in present)


def _metadata_names(table: Table) -> list[str] | None:
    """Names of a ClassLabel feature in the schema's `huggingface` entry."""
    text = (table.file.schema_arrow.metadata or {}).get(b"huggingface")
    try:
        names = json.loads(text)["info"]["features"][LABEL_COLUMN]["names"] if text else None
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    return [shown(str(name)) for name in names] if isinstance(names, list) else None


def read_class_file(path: Path) -> list[str]:
    """One class a line, in order of label; with tabs, the first field must be the label and the last is the name."""
    names = []
    try:
        with path.open("rb") as file:
            content = file.read(MOST_CLASS_BYTES + 1)
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise DataError(f"cannot read {path}: {reason}", hint="write one class name a line") from error
    if len(content) > MOST_CLASS_BYTES:
        raise DataError(f"{path} is longer than {MOST_CLASS_BYTES:,} bytes", hint="write one class name a line")
    for number, line in enumerate(text.splitlines()):
        label, *fields = line.split("\t")
        if fields and label.strip() != str(number):
            raise DataError(
                f"{path} line {number + 1} starts with `{label}`, not with label {number}",
                hint="write one class name a line, in order of label, or label, tab, name",
            )
        names.append((fields[-1] if fields else label).strip())
    return names
