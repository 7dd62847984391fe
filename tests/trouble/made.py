"""Small image files and data sets as people have them, for the situations of this folder."""

import io
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def photo(seed: int, width: int = 16, height: int = 16) -> Pixels:
    """Colours at random, (height, width, 3): another image for every seed."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def png(pixels: NDArray[Any]) -> bytes:
    """A PNG of uint8 or uint16, grey (H, W) or colours (H, W, 3); Pillow writes no colours of 16 bits."""
    if pixels.dtype == np.uint16 and pixels.ndim == 3:
        return _deep_colours(pixels)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _deep_colours(pixels: NDArray[np.uint16]) -> bytes:
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)  # each with no filter
    chunks = {b"IHDR": struct.pack(">2I5B", width, height, 16, 2, 0, 0, 0), b"IDAT": zlib.compress(rows), b"IEND": b""}
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def put(path: Path, content: bytes) -> Path:
    """Write a file, and the folders it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def class_folders(root: Path, counts: Mapping[str, int], start: int = 0) -> int:
    """A folder a class with so many photos, of the seeds from `start` on; the next seed."""
    for name, count in counts.items():
        for number in range(count):
            put(root / name / f"{number:03}.png", png(photo(start)))
            start += 1
    return start


def table(path: Path, images: Sequence[bytes], labels: Sequence[int]) -> Path:
    """A Parquet file of encoded images in the layout of Hugging Face."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = {"image": [{"bytes": image, "path": None} for image in images], "label": pa.array(labels, pa.int64())}
    pq.write_table(pa.table(rows), path)
    return path
