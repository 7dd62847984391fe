"""parquet:PATH: images in the layout of Hugging Face data sets, column `img` or `image`, column `label`."""

import json
from collections.abc import Iterator, Sequence
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
from barlowcli.data.imageset import Part, Source
from barlowcli.data.paths import class_file, given_path, parquet_files
from barlowcli.data.splits import split_source
from barlowcli.errors import DataError
from barlowcli.settings import DataSettings

IMAGE_COLUMNS = ("img", "image")
LABEL_COLUMN = "label"


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
    try:
        file = pq.ParquetFile(path, memory_map=True)
        names = file.schema_arrow.names
        image = next((name for name in IMAGE_COLUMNS if name in names), None)
        if image is None or LABEL_COLUMN not in names:
            lacking = f"`{LABEL_COLUMN}`" if image else "`img` or `image`"
            raise DataError(
                f"{path} has no column {lacking}; it has {', '.join(f'`{name}`' for name in names)}",
                hint="the image column must be called `img` or `image`, the column of integer labels `label`",
            )
        _check_image_type(path, image, file.schema_arrow.field(image).type)
        labels = _labels(path, file.read([LABEL_COLUMN]).column(LABEL_COLUMN).combine_chunks())
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path} cannot be read as Parquet: {reason}", hint="is the file whole?") from error
    return Table(path, file, image, labels)


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
    """The images at `rows`, ascending, of one file; one row group in memory at a time."""
    start = 0
    for group in range(table.file.num_row_groups):
        count = table.file.metadata.row_group(group).num_rows
        local = rows[(rows >= start) & (rows < start + count)] - start
        if len(local):
            column = table.file.read_row_group(group, columns=[table.image]).column(0).take(pa.array(local))
            for row, data, inner in zip(local.tolist(), *_bytes_and_paths(column), strict=True):
                name = f"{table.path.name} row {start + row}"
                yield Encoded(f"{name} ({inner})" if inner else name, data)
        start += count


def _bytes_and_paths(column: Any) -> tuple[list[bytes | None], list[str | None]]:
    """What an image column holds, row by row; None where it is null."""
    if not pa.types.is_struct(column.type):
        return column.to_pylist(), [None] * len(column)
    named = column.type.get_field_index("path") >= 0
    paths = pc.struct_field(column, "path").to_pylist() if named else [None] * len(column)
    return pc.struct_field(column, "bytes").to_pylist(), paths


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
    except (ValueError, KeyError, TypeError):
        return None
    return [str(name) for name in names] if isinstance(names, list) else None


def read_class_file(path: Path) -> list[str]:
    """One class a line, in order of label; with tabs, the first field must be the label and the last is the name."""
    names = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        label, *fields = line.split("\t")
        if fields and label.strip() != str(number):
            raise DataError(
                f"{path} line {number + 1} starts with `{label}`, not with label {number}",
                hint="write one class name a line, in order of label, or label, tab, name",
            )
        names.append((fields[-1] if fields else label).strip())
    return names
