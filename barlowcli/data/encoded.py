"""Read many encoded images: decode and resize in threads, into one tensor."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from barlowcli.data.images import SKIP_HINT, decode_deep, resize_square, size_hint
from barlowcli.data.imageset import Images, Part
from barlowcli.errors import DataError
from barlowcli.machine.facts import cores, gib
from barlowcli.records.inventory import Stored
from barlowcli.settings.data import DataSettings

BLOCK = 128
"""Images a task of the pool takes at once: a small image is decoded faster than a task is handed over."""

MOST_THREADS = 16
"""Of the pool, however many cores there are."""

WINDOW_BYTES = 2**26
"""Encoded images that wait to be decoded."""

HEAVY = 8192
"""Bytes of an encoded image from which decoding is worth a thread (32 x 32 JPEGs took half as much CPU time again)."""


class Encoded(NamedTuple):
    """An image that is not decoded. source: its bytes, its path, or None where there are none; name: for messages."""

    name: str
    source: bytes | Path | None


class Read(NamedTuple):
    """An image at the size in use, uint8 (3, H, W); size: (width, height) in its file; the rest as of `Decoded`."""

    image: Tensor
    size: tuple[int, int]
    peak: int | None
    several: bool


Fetch = Callable[[Tensor], Iterable[Encoded]]
"""Rows (K,) -> what is encoded there, in that order."""


def encoded_part(labels: Tensor, fetch: Fetch, settings: DataSettings) -> Part:
    """A part of encoded images, int64 `labels` (N,), decoded and brought to data.image_size when read.

    Reading raises DataError on a bad image unless data.on_bad_image = skip, and where sizes differ and no image_size
    is set.
    """
    skip = settings.on_bad_image == "skip"
    return Part(
        labels,
        lambda rows: read_encoded(fetch, rows, size=settings.image_size, skip=skip),
        name=lambda row: next(iter(fetch(torch.tensor([row])))).name,
    )


def read_encoded(fetch: Fetch, rows: Tensor, *, size: int | None, skip: bool) -> Images:
    """Decode the images at `rows` (K,), ascending; the rest is said at `encoded_part`."""
    pixels = torch.empty(0, 3, 0, 0, dtype=torch.uint8)
    first = ""
    kept: list[int] = []
    skipped: list[str] = []
    sizes: set[tuple[int, int]] = set()
    peaks: list[int] = []
    several = 0
    for place, (encoded, found) in enumerate(_decoded(fetch(rows), size, skip)):
        if isinstance(found, str):
            skipped.append(found)
            continue
        image = found.image
        if not kept:
            pixels, first = _room(len(rows), image, encoded.name), encoded.name
        if image.shape != pixels.shape[1:]:
            raise _sizes_differ(first, pixels, encoded.name, image)
        pixels[len(kept)] = image
        kept.append(place)
        sizes.add(found.size)
        peaks += [] if found.peak is None else [found.peak]
        several += found.several
    # a copy only where images were skipped, so that their memory does not stay
    pixels = pixels if len(kept) == len(rows) else pixels[: len(kept)].clone()
    stored = Stored.of(sizes, peaks, several)
    return Images(pixels, rows[torch.tensor(kept, dtype=torch.int64)], tuple(skipped), stored)


def _room(count: int, image: Tensor, name: str) -> Tensor:
    """Memory for `count` images like this one, which `room` found to be free. Raises DataError where it is refused."""
    try:
        return image.new_empty(count, *image.shape)
    except RuntimeError as error:  # torch's word for an allocation that failed, as under a limit of address space
        height, width = image.shape[-2:]
        need = gib(count * image.numel())
        raise DataError(
            f"{count:,} images of {width} x {height} pixels, the size of {name}, need {need} of memory",
            hint=size_hint(height, width) + "; data.limit keeps a part of the images",
        ) from error


def _decoded(items: Iterable[Encoded], size: int | None, skip: bool) -> Iterator[tuple[Encoded, Read | str]]:
    """Every item with its image, or with the reason why it is skipped, in order."""

    def work(block: list[Encoded]) -> list[Read | str]:
        return [_image_or_reason(item, size, skip) for item in block]

    stream, threads = iter(items), min(MOST_THREADS, cores())
    with ThreadPoolExecutor(threads) as pool:
        # a window at a time: encoded images must not pile up in memory
        while window := _take_blocks(stream, 4 * threads):
            results = pool.map(work, window) if _threads_pay(window[0]) else map(work, window)
            for block, images in zip(window, results, strict=True):
                yield from zip(block, images, strict=True)


def _take_blocks(stream: Iterator[Encoded], most: int) -> list[list[Encoded]]:
    """The next blocks, at most that many; fewer and shorter ones where images are large, at least one image."""
    blocks: list[list[Encoded]] = []
    total = 0
    while len(blocks) < most and total < WINDOW_BYTES:
        block: list[Encoded] = []
        size = 0
        while len(block) < BLOCK and size < WINDOW_BYTES // most and (item := next(stream, None)) is not None:
            block.append(item)
            size += len(item.source) if isinstance(item.source, bytes) else 0
        if not block:
            break
        blocks.append(block)
        total += size
    return blocks


def _threads_pay(block: list[Encoded]) -> bool:
    """Whether reading and decoding outweigh the Python around them, which only one thread at a time can do."""
    return any(not isinstance(item.source, bytes) or len(item.source) >= HEAVY for item in block)


def _image_or_reason(item: Encoded, size: int | None, skip: bool) -> Read | str:
    try:
        if item.source is None:
            raise DataError(f"cannot read image {item.name}: it is null", hint=SKIP_HINT)
        image, peak, several = decode_deep(item.source, item.name)
        height, width = image.shape[-2:]
        try:
            return Read(image if size is None else resize_square(image, size), (width, height), peak, several)
        except DataError as error:
            raise DataError(f"cannot use image {item.name}: {error.message}", hint=error.hint) from error
    except DataError as error:
        if not skip:
            raise
        return error.message


def _sizes_differ(first: str, pixels: Tensor, other: str, image: Tensor) -> DataError:
    (height, width), (other_height, other_width) = pixels.shape[-2:], image.shape[-2:]
    return DataError(
        f"images differ in size: {first} is {width} x {height}, {other} is {other_width} x {other_height}",
        hint=size_hint(height, width, other_height, other_width),
    )
