"""parquet:PATH: images in the layout of Hugging Face data sets, column `img` or `image`, column `label`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor

from barlowcli.data.class_names import read_class_file
from barlowcli.data.encoded import Encoded, encoded_part
from barlowcli.data.images import MAX_BYTES
from barlowcli.data.imageset import Part, Source
from barlowcli.data.pages import DICTIONARY, Page, column_pages
from barlowcli.data.parquet_columns import check_inside, columns_of, is_text, is_view
from barlowcli.data.parquet_features import feature_names
from barlowcli.data.parquet_files import class_file, layout
from barlowcli.data.parquet_labels import Labels, check_type, matched, read_labels
from barlowcli.data.parquet_notes import notes
from barlowcli.data.paths import given_path, shown
from barlowcli.data.splits import split_source
from barlowcli.errors import DataError
from barlowcli.settings.data import DataSettings

AT_ONCE = 2**26
"""Bytes of encoded images that may be in memory at once, where more than one image is."""

FEWEST_BYTES = 8
"""Of a file, a row: no image is encoded in less, but a few bytes can claim billions of rows."""

MOST_LETTERS = 200
"""Of a path inside a file, in a message."""

UNPACKED = 4
"""How many times its size a large page may unpack to: encoded images hardly pack any further."""

NOT_PARQUET = {
    b"version https://git-lfs": "it is a pointer of Git LFS, not the file: `git lfs pull` fetches that",
    b"<": "it is a web page, not the file: download that again (on the Hub, the address has `resolve`, not `blob`)",
    b"\x1f\x8b": "it is packed by gzip: gunzip unpacks it",
    b"PK": "it is a ZIP archive: unpack it",
    b"ARROW1": "it is an Arrow file: in Python, `Dataset.to_parquet` or `pyarrow.parquet.write_table` writes Parquet",
}
"""How files begin that are often taken for Parquet, and what to do."""


@dataclass(frozen=True)
class Table:
    """One file, which is open only while it is read. metadata: its footer; image: the name of its image column."""

    path: Path
    metadata: Any
    image: str
    labels: Labels


def load(settings: DataSettings, root: Path) -> Source:
    """Images of `parquet:PATH`, one file, or a folder of files for each split. `root` is not used.

    The image column is a struct of `bytes` and `path`, or the bytes; the labels are integers, or text that names the
    class. The names of integers are those of each file's Hugging Face metadata, else of classes.txt, else the numbers;
    files are matched by name. Labels that no image has are no class. validation and one file alone are treated as
    folder:PATH's val/ and one tree. Labels are read at once, images only for the rows that are asked for. Raises
    DataError, naming file, column and row.
    """
    path = given_path(settings.name)
    found = layout(path)
    splits = {name: [open_table(file) for file in files] for name, files in found.splits.items()}
    listed = class_file(path, found)
    names = None if listed is None else (str(listed), read_class_file(listed))
    codes, classes = matched({name: [table.labels for table in tables] for name, tables in splits.items()}, names)
    labels = {name: torch.from_numpy(values) for name, values in codes.items()}

    def part(name: str, chosen: Tensor | None) -> Part:
        return table_part(splits[name], labels[name], settings, chosen)

    source = split_source(labels, part, classes, settings)
    beside = notes(path, found, [table.labels for tables in splits.values() for table in tables], listed, classes)
    origins = {**source.origins, **found.origins(path)}
    return replace(source, origins=origins, left_out=found.left_out(), notes=beside)


def open_table(path: Path) -> Table:
    """Read a file's footer and labels. Raises DataError where it is no Parquet file or its columns are not right."""
    with _reading(path):
        with _opened(path) as file:
            metadata, schema = file.metadata, file.schema_arrow
        if not metadata.num_rows:  # its columns may be of any type, as nothing tells one
            return Table(path, metadata, "", Labels(path, np.zeros(0, np.int64), None, ""))
        image, label = columns_of(path, schema)
        kind = schema.field(label).type
        check_type(path, label, kind)
        check_inside(path, image, metadata)
        _check_rows(path, metadata.num_rows)
        for group in range(metadata.num_row_groups):
            _check_pages(path, label, column_pages(path, metadata.row_group(group), label))
        values = kind.value_type if pa.types.is_dictionary(kind) else kind
        with _opened(path, metadata, [label] if is_text(values) else None) as file:
            column = file.read([label]).column(0)
        labels = read_labels(path, label, column, feature_names(schema.metadata, label))
    return Table(path, metadata, image, labels)


def _opened(path: Path, metadata: Any = None, text: list[str] | None = None) -> Any:
    """A file to read from, for `with`; text: columns whose text is read as dictionaries."""
    return pq.ParquetFile(
        path, metadata=metadata, memory_map=True, read_dictionary=text, page_checksum_verification=True
    )


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Words for the user where Arrow cannot read on; it raises half a dozen kinds."""
    try:
        yield
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, LookupError, MemoryError) as error:
        reason = shown(" ".join(str(error).split()))[:300] or type(error).__name__
        raise DataError(f"{path} cannot be read as Parquet: {reason}", hint=_what_it_is(path)) from error


def _what_it_is(path: Path) -> str:
    """What may be wrong with a file, by how it begins."""
    try:
        with path.open("rb") as file:
            start = file.read(200).lstrip()
    except OSError:
        return "is the file whole?"
    return next((hint for begin, hint in NOT_PARQUET.items() if start.startswith(begin)), "is the file whole?")


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


def table_part(tables: Sequence[Table], labels: Tensor, settings: DataSettings, chosen: Tensor | None) -> Part:
    """The rows `chosen` (None: all) of several files, one after the other; row groups without any are not read."""
    rows = torch.arange(len(labels)) if chosen is None else chosen

    def fetch(wanted: Tensor) -> Iterator[Encoded]:
        start = 0
        for table in tables:
            count = len(table.labels.codes)
            local = rows[wanted].numpy() - start
            yield from _fetch(table, local[(local >= 0) & (local < count)])
            start += count

    return encoded_part(labels[rows], fetch, settings)


def _fetch(table: Table, rows: NDArray[np.int64]) -> Iterator[Encoded]:
    """The images at `rows`, ascending, of one file; one row group in memory at a time, or a part of a large one."""
    if not len(rows):
        return
    with _reading(table.path):
        file = _opened(table.path, table.metadata)
    with file:
        start = 0
        for group in range(table.metadata.num_row_groups):
            count = table.metadata.row_group(group).num_rows
            if ((rows >= start) & (rows < start + count)).any():
                yield from _fetch_group(table, file, group, rows, start)
            start += count


def _fetch_group(table: Table, file: Any, group: int, rows: NDArray[np.int64], start: int) -> Iterator[Encoded]:
    """The images at `rows` of a file that are in a row group; start: the group's first row."""
    for column in _columns(table, file, group):
        local = rows[(rows >= start) & (rows < start + len(column))] - start
        with _reading(table.path):
            found = _bytes_and_paths(column, pa.array(local))
        for row, data, inner in zip(local.tolist(), *found, strict=True):
            name = f"{table.path.name} row {start + row}"
            yield Encoded(f"{name} ({inner})" if inner else name, data)
        start += len(column)


def _columns(table: Table, file: Any, group: int) -> Iterator[Any]:
    """The image column of a row group: whole, or where that is too much for the memory, a part at a time.

    What it takes is what the pages unpack to, and for every row that is a reference to it a value of the dictionary.
    """
    metadata = table.metadata.row_group(group)
    with _reading(table.path):
        pages = column_pages(table.path, metadata, table.image)
    _check_pages(table.path, table.image, pages)
    shared = max((page.unpacked for page in pages if page.kind == DICTIONARY), default=0)
    if sum(page.unpacked for page in pages) + metadata.num_rows * shared <= AT_ONCE:
        with _reading(table.path):
            column = file.read_row_group(group, columns=[table.image]).column(0)
        yield column
        return
    rows = max(1, AT_ONCE // max(1, *(page.unpacked for page in pages)))
    batches = file.iter_batches(rows, row_groups=[group], columns=[table.image])
    while True:
        with _reading(table.path):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch.column(0)


def _bytes_and_paths(column: Any, rows: Any) -> tuple[list[bytes | None], list[str]]:
    """What an image column holds at `rows`: None where it is null, and the path, "" where it has none."""
    if not pa.types.is_struct(column.type):
        return _taken(column, rows).to_pylist(), [""] * len(rows)
    data = _taken(pc.struct_field(column, "bytes"), rows).to_pylist()
    if column.type.get_field_index("path") < 0:
        return data, [""] * len(rows)
    paths = _taken(pc.struct_field(column, "path"), rows)
    if pa.types.is_string(paths.type):
        paths = pc.cast(paths, pa.binary())  # Arrow does not check that they are UTF-8
    return data, [_path_text(value) for value in paths.to_pylist()]


def _taken(column: Any, rows: Any) -> Any:
    """The values at `rows`; Arrow takes none out of views, and dictionaries are looked up for these rows alone."""
    if is_view(column.type) or str(column.type) == "string_view":
        column = pc.cast(column, pa.large_binary())
    return column.take(rows)


def _path_text(value: Any) -> str:
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value or "")
    return shown(text[:MOST_LETTERS])
