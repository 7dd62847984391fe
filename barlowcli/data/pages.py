"""How large the pages of a Parquet column are when unpacked, by their own headers, before Arrow unpacks any.

A page of a few kilobytes may unpack to gigabytes, and neither Arrow nor the file's metadata says so beforehand.
"""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

DICTIONARY = 2
"""Kind of the page that holds the distinct values of a column (PageType of parquet.thrift)."""


class Page(NamedTuple):
    """kind: PageType of parquet.thrift; packed and unpacked: bytes without the header."""

    kind: int
    packed: int
    unpacked: int


def column_pages(path: Path, group: Any, column: str) -> list[Page]:
    """Pages of all leaves of `column` in a row group's metadata, as far as their headers can be read.

    Where one cannot, Arrow can go no further either. Raises OSError where the file cannot be read.
    """
    found: list[Page] = []
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for leaf in map(group.column, range(group.num_columns)):
            if leaf.path_in_schema.partition(".")[0] == column:
                offsets = [leaf.data_page_offset, leaf.dictionary_page_offset or 0]
                start = min(offset for offset in offsets if offset > 0)
                found += _pages(data, start, min(start + leaf.total_compressed_size, len(data)))
    return found


def _pages(data: mmap.mmap, at: int, end: int) -> Iterator[Page]:
    while at < end:
        try:
            numbers, at = _numbers(data, at)
            page = Page(numbers[1], packed=numbers[3], unpacked=numbers[2])
        except (ValueError, IndexError, KeyError):
            return
        if page.packed < 0 or page.unpacked < 0:
            return
        yield page
        at += page.packed


# Thrift's compact protocol, as far as a page's header needs it:
# https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
BYTE, DOUBLE, BINARY, STRUCT = 3, 7, 8, 12
INTEGERS = (4, 5, 6)
BOOLEANS = (1, 2)
MOST_DEPTH = 8


def _numbers(data: mmap.mmap, at: int, depth: int = 0) -> tuple[dict[int, int], int]:
    """The integer fields of a struct, field number -> value, and where it ends."""
    if depth > MOST_DEPTH:
        raise ValueError
    numbers: dict[int, int] = {}
    field = 0
    while head := data[at]:
        at += 1
        kind, step = head & 15, head >> 4
        if step:
            field += step
        else:
            field, at = _integer(data, at)
        if kind in INTEGERS:
            numbers[field], at = _integer(data, at)
        else:
            at = _skip(data, at, kind, depth)
    return numbers, at + 1


def _skip(data: mmap.mmap, at: int, kind: int, depth: int) -> int:
    """Where a value that is no integer ends."""
    if kind in BOOLEANS:  # the value is in the kind
        return at
    if kind in (BYTE, DOUBLE):
        return at + (1 if kind == BYTE else 8)
    if kind == BINARY:
        length, at = _varint(data, at)
        return at + length
    if kind == STRUCT:
        return _numbers(data, at, depth + 1)[1]
    raise ValueError  # lists, sets and maps: no page header has any


def _integer(data: mmap.mmap, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError
