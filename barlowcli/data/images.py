"""From the bytes of an image file to uint8 (3, H, W), and from any size to a square one."""

import io
import stat
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile
from torch import Tensor
from torch.nn import functional as F

from barlowcli.data.paths import why_unreadable
from barlowcli.errors import DataError

MAX_PIXELS = 2**26
"""Largest image that is decoded (8192 x 8192); below the size from which Pillow warns of a decompression bomb."""

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Pillow's readers of what `paths.SUFFIXES` name, and no other: it knows forty, and its EPS one starts Ghostscript."""

WEBP_PIXELS = MAX_PIXELS // 2
"""Largest WebP: its decoder keeps four copies of the image at once."""

MAX_BYTES = 4 * MAX_PIXELS
"""Largest file that is read: one with four bytes a pixel."""

MAX_SCANS = 64
"""Passes over the image in a progressive JPEG; encoders make about ten, and thousands fit in a megabyte."""

STRIP = 2**22
"""Pixels that are brought to RGB at once; a large image as a whole would be in memory several times."""

LARGE = 2**24
"""Pixels from which images are decoded one at a time, whatever the number of threads."""

BITS_PER_SAMPLE = 258
"""Tag of a TIFF (TIFF 6.0, section 8)."""

_ONE_LARGE = threading.Lock()

MIN_SIZE = 8
"""Least side in pixels, as for data.image_size."""

SKIP_HINT = "--on-bad-image skip leaves such images out, counts them, and names them in each cell's log.txt"


class Decoded(NamedTuple):
    """pixels: uint8 (3, H, W). peak: the largest value, of 65,535, in an image of 16 bits; None where it has 8.
    several: whether its file has more pages or frames."""

    pixels: Tensor
    peak: int | None = None
    several: bool = False


def decode(source: bytes | Path, name: str = "") -> Tensor:
    """The image in a file or in its bytes as RGB, uint8 (3, H, W); the rest is said at `decode_deep`."""
    return decode_deep(source, name).pixels


def decode_deep(source: bytes | Path, name: str = "") -> Decoded:
    """The image in a file or in its bytes as RGB, of several frames the first, and what it had beyond 8 bits.

    The EXIF orientation is applied, a colour profile is not. Greyscale becomes three equal channels; transparency is
    laid over white; 16-bit grey is scaled, 65535 to 255. Raises DataError, naming `name` or the path and the reason,
    where the file is missing, no regular file, truncated, no image of FORMATS, of a kind without a known scale, or
    above MAX_PIXELS, WEBP_PIXELS, MAX_BYTES or MAX_SCANS.
    """
    name = name or str(source if isinstance(source, Path) else "image")
    try:
        data = _bytes_of(source) if isinstance(source, Path) else source
        _check_bytes(len(data))
        return _decode(data)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        reason = _too_many(MAX_PIXELS)
    except UnidentifiedImageError:
        reason = "not an image, or of an unknown format"
    except Exception as error:  # Pillow raises a dozen kinds, by format and by how a file is damaged
        told = why_unreadable(source, error) if isinstance(error, OSError) and isinstance(source, Path) else ""
        reason = told or getattr(error, "strerror", None) or str(error) or type(error).__name__
    raise DataError(f"cannot read image {name}: {reason}", hint=SKIP_HINT)


def _bytes_of(path: Path) -> bytes:
    """The content of a regular file: a pipe or a device may never end."""
    info = path.stat()
    if not stat.S_ISREG(info.st_mode):
        raise ValueError("not a regular file")
    _check_bytes(info.st_size)
    return path.read_bytes()


def _check_bytes(count: int) -> None:
    if not count:
        raise ValueError("the file is empty")
    if count > MAX_BYTES:
        raise ValueError(f"{count:,} bytes, more than {MAX_BYTES:,}")


def _too_many(pixels: int) -> str:
    return f"more than {pixels:,} pixels"


def _decode(data: bytes) -> Decoded:
    _check_scans(data)
    shape = jpeg_shape(data)
    if shape is not None:
        with _turn(shape[1] * shape[2]):
            image = _plain_jpeg(data, shape)
            if image is not None:
                return Decoded(_to_tensor(image))
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    most = WEBP_PIXELS if image.format == "WEBP" else MAX_PIXELS
    if image.width * image.height > most:
        raise ValueError(_too_many(most))
    deep, several = is_deep(data, image), getattr(image, "is_animated", False)
    with _turn(image.width * image.height):
        pixels = _to_tensor(_upright(image))
        return Decoded(pixels, _peak(image, pixels) if deep else None, several)


def is_deep(data: bytes, image: Image.Image) -> bool:
    """Whether an opened image has more than 8 bits a value; `data` is its file."""
    if image.format == "PNG":
        return data[24] == 16  # bit depth in the header, which comes first; Pillow's mode tells it of grey alone
    bits = image.tag_v2.get(BITS_PER_SAMPLE, (8,)) if isinstance(image, TiffImageFile) else (8,)
    return image.mode.startswith("I") or max(bits) > 8


def _peak(image: Image.Image, pixels: Tensor) -> int:
    """The largest value of an image of 16 bits; of colours, of which Pillow keeps the upper 8 bits, the most it can
    be."""
    if image.mode.startswith("I"):
        return max(int(np.asarray(strip).max()) for _, strip in _strips(image))
    return (int(pixels.max()) << 8) + 255


def _turn(pixels: int) -> AbstractContextManager[object]:
    """Wait for one's turn where the image is large."""
    return _ONE_LARGE if pixels > LARGE else nullcontext()


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    return image


def _check_scans(data: bytes) -> None:
    """Refuse a JPEG that takes minutes to decode (libjpeg-turbo's own programs have the option -maxscans)."""
    if data[:2] == b"\xff\xd8" and data.count(b"\xff\xda") > MAX_SCANS:
        raise ValueError(f"more than {MAX_SCANS} scans")


def _to_tensor(image: Image.Image) -> Tensor:
    """RGB values of a decoded image, uint8 (3, H, W)."""
    width, height = image.size
    if STRIP // width >= height:
        return torch.from_numpy(_rgb(image).transpose(2, 0, 1).copy())
    pixels = torch.empty(3, height, width, dtype=torch.uint8)
    for top, strip in _strips(image):
        pixels[:, top : top + strip.height] = torch.from_numpy(_rgb(strip).transpose(2, 0, 1).copy())
    return pixels


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """An image a few rows at a time, and where these begin."""
    width, height = image.size
    rows = max(1, STRIP // width)
    for top in range(0, height, rows):
        yield top, image.crop((0, top, width, min(top + rows, height)))


def _plain_jpeg(data: bytes, shape: tuple[int, int, int]) -> Image.Image | None:
    """A greyscale or three-channel JPEG without EXIF, None for all else, damaged files among it.

    Pillow's own decoder without its parsing of the header in Python, which takes four fifths of a small image's time.
    """
    channels, height, width = shape
    mode = {1: "L", 3: "RGB"}.get(channels)
    if mode is None or not 0 < height * width <= MAX_PIXELS:
        return None
    try:
        return Image.frombytes(mode, (width, height), data, "jpeg", mode, "")
    except (ValueError, OSError):
        return None  # the long way round knows the reason


def jpeg_shape(data: bytes) -> tuple[int, int, int] | None:
    """(channels, height, width) from a JPEG's frame header (ITU-T T.81, B.2.2); None without one, or after EXIF."""
    if data[:2] != b"\xff\xd8":
        return None
    position = 2
    while position + 10 <= len(data) and data[position] == 0xFF:
        marker, length = data[position + 1], int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == 0xE1 and data[position + 4 : position + 8] == b"Exif":
            return None
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # SOF, not DHT, JPG or DAC
            height = int.from_bytes(data[position + 5 : position + 7], "big")
            width = int.from_bytes(data[position + 7 : position + 9], "big")
            return data[position + 9], height, width
        position += 2 + length
    return None


def _rgb(image: Image.Image) -> NDArray[np.uint8]:
    """RGB values of a decoded image, (H, W, 3)."""
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known scale; scale them and save them with 8 or 16 bits")
    if image.mode.startswith("I"):
        return _from_16_bit(np.asarray(image))
    if image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        paper = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _from_16_bit(grey: NDArray[np.generic]) -> NDArray[np.uint8]:
    """16-bit grey (H, W) as RGB (H, W, 3): 257 levels become one, to the nearest."""
    values = grey.astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("32-bit pixels have no known scale")
    return np.repeat(((values + 128) // 257).astype(np.uint8)[..., None], 3, axis=2)


def size_hint(*sides: int) -> str:
    """A hint to bring images of these sides to the shortest of them; to ImageNet's 224 where all are longer."""
    return f"--set data.image_size={max(MIN_SIZE, min(224, *sides))} brings all to one size"


def resize_square(images: Tensor, size: int) -> Tensor:
    """The shorter side to `size`, then the centre: uint8 (..., C, H, W) -> (..., C, size, size).

    Bilinear with antialiasing, which unlike bicubic makes no colour that the image does not have; sizes and offsets
    are rounded as torchvision's Resize and CenterCrop do. Raises DataError where an image is too elongated.
    """
    height, width = images.shape[-2:]
    if height == width == size:
        return images
    shorter, longer = min(height, width), max(height, width)
    length = size * longer // shorter
    if size * length > MAX_PIXELS:
        raise DataError(f"{width} x {height} pixels are too elongated", hint=SKIP_HINT)
    target = (length, size) if height > width else (size, length)
    batch = images.reshape(-1, images.shape[-3], height, width)
    if target != (height, width):
        batch = F.interpolate(batch, target, mode="bilinear", antialias=True)
    top, left = (round((side - size) / 2) for side in target)
    square = batch[..., top : top + size, left : left + size]
    return square.reshape(*images.shape[:-2], size, size)


def take_resized(images: Tensor, rows: Tensor, size: int | None, *, block: int = 1024) -> Tensor:
    """`resize_square` of the images at `rows` (K,), uint8 (N, C, H, W) -> (K, C, size, size); None: as they are.

    A block at a time, so that a large set is not in memory twice at its own size.
    """
    if size is None or images.shape[-2:] == (size, size):
        return images[rows].contiguous()
    starts = range(0, max(1, len(rows)), block)
    return torch.cat([resize_square(images[rows[start : start + block]], size) for start in starts])
