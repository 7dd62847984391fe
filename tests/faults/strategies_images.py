"""Image files: damaged, mislabelled, and far larger than they look."""

import functools
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis.strategies import DrawFn
from PIL import Image

from tests.faults.strategies import Case, damage


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """An image file."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@functools.cache
def photo(height: int = 20, width: int = 24, mode: str = "RGB") -> Image.Image:
    """Smooth colours in any mode."""
    noise = np.random.default_rng(0).integers(0, 256, (5, 6, 4), dtype=np.uint8)
    smooth = Image.fromarray(noise, "RGBA").resize((width, height), Image.Resampling.BICUBIC)
    if mode.startswith("I"):
        return Image.fromarray(np.asarray(smooth.convert("L")).astype(np.uint16) * 257)
    return smooth.convert("RGB").convert(mode) if mode in ("1", "L", "P", "CMYK") else smooth.convert(mode)


@functools.cache
def image_files() -> tuple[bytes, ...]:
    """Small images of every format that is read, in all modes and with what each can carry; and other files."""
    exif = Image.Exif()
    exif[274] = 6
    pages = {"save_all": True, "append_images": [photo(), photo()]}
    found = [encode(photo(mode=mode), "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I")]
    found += [encode(photo(mode="P"), "PNG", transparency=3)]
    found += [encode(photo(), "PNG", exif=exif, icc_profile=b"x" * 200)]
    found += [encode(photo(mode=mode), "JPEG", quality=40) for mode in ("L", "RGB", "CMYK")]
    found += [
        encode(photo(), "JPEG", **options) for options in ({"progressive": True}, {"exif": exif}, {"comment": "c"})
    ]
    found += [
        encode(photo(), "JPEG", restart_marker_blocks=1),
        encode(photo(mode="P"), "GIF"),
        encode(photo(), "GIF", **pages),
    ]
    found += [encode(photo(mode=mode), "BMP") for mode in ("1", "L", "P", "RGB")]
    packed = ("raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg", "tiff_adobe_deflate")
    found += [encode(photo(), "TIFF", compression=name) for name in packed]
    found += [encode(photo(mode=mode), "TIFF") for mode in ("1", "P", "RGBA", "CMYK", "I")]
    found += [encode(photo(), "TIFF", **pages), encode(photo(mode="1"), "TIFF", compression="group4")]
    found += [
        encode(photo(), "WEBP"),
        encode(photo(mode="RGBA"), "WEBP", lossless=True),
        encode(photo(), "WEBP", **pages),
    ]
    found += [encode(photo(mode=mode), "PPM") for mode in ("1", "L", "RGB", "I")]
    found += [
        b"P3 2 2 255 1 2 3 4 5 6 7 8 9 10 11 12",
        b"P7\nWIDTH 2\nHEIGHT 2\nDEPTH 3\nMAXVAL 255\nENDHDR\n" + bytes(12),
    ]
    others = [encode(photo(), kind) for kind in ("ICO", "TGA", "EPS", "PCX", "SGI", "JPEG2000", "PDF")]
    return (*found, *others, b"plain text", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"PK\x03\x04" + bytes(40))


def with_checksums(png: bytes) -> bytes:
    """A PNG with the checksum of every chunk made right, so that damage inside reaches the decoder."""
    parts, at = [png[:8]], 8
    while at + 8 <= len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        body = png[at + 4 : at + 8 + length]
        parts += [png[at : at + 4], body, struct.pack(">I", zlib.crc32(body))]
        at += 12 + length
    return b"".join(parts)


def png_header(width: int, height: int, *, depth: int = 8, colour: int = 2) -> bytes:
    """A PNG that claims a size and has no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 9) + b"IDAT"
    return b"\x89PNG\r\n\x1a\n" + chunks


def black_png(side: int, *, depth: int = 8, colour: int = 2) -> bytes:
    """A whole PNG of zeros: a thousandth of what it unpacks to. colour: 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA."""
    row = bytes(1 + side * {0: 1, 2: 3, 4: 2, 6: 4}[colour] * depth // 8)
    packer = zlib.compressobj(9)
    packed = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    body = png_header(side, side, depth=depth, colour=colour)[:33]
    for name, content in ((b"IDAT", packed), (b"IEND", b"")):
        body += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return body


def many_scans(side: int, count: int) -> bytes:
    """A progressive JPEG whose last scan is there `count` times."""
    data = encode(Image.new("RGB", (side, side)), "JPEG", progressive=True, subsampling=0)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * count + b"\xff\xd9"


@st.composite
def damaged_image(draw: DrawFn) -> bytes:
    """An image file with some damage, or two of them one after another."""
    data = damage(draw, draw(st.sampled_from(image_files())))
    if draw(st.integers(0, 9)) == 0:
        data += draw(st.sampled_from(image_files()))
    return with_checksums(data) if data[:4] == b"\x89PNG" and draw(st.booleans()) else data


@st.composite
def images(draw: DrawFn) -> Case:
    """One image under any name, or a folder of two classes with a bad one among them."""
    suffix = draw(st.sampled_from((".png", ".jpg", ".gif", ".tiff", ".webp", ".bmp", ".ppm")))
    settings = {
        "image_size": draw(st.sampled_from((None, 8, 16))),
        "on_bad_image": draw(st.sampled_from(("fail", "skip"))),
    }
    if draw(st.integers(0, 4)):
        return Case({f"x{suffix}": draw(damaged_image())}, settings=settings)
    good = encode(photo(16, 16), "PNG")
    files = {f"{label}/{number}.png": good for label in "ab" for number in range(4)}
    files[f"{draw(st.sampled_from('ab'))}/5{suffix}"] = draw(damaged_image())
    return Case(files, settings=settings)


def text_bomb() -> bytes:
    """A PNG with a remark that unpacks to 64 MB."""
    text, png = b"zTXt" + b"k\0\0" + zlib.compress(bytes(2**26)), encode(photo(), "PNG")
    return png[:33] + struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text)) + png[33:]


def image_bombs() -> list[Callable[[], bytes]]:
    """What claims to be, or is, far larger than its file; each made when asked for."""
    exif = Image.Exif()
    exif[274] = 6
    side = 8192
    claims = [(60_000, 60_000), (2**31 - 1, 1), (1, 2**31 - 1), (0, 0)]
    return [
        *(functools.partial(png_header, *claim) for claim in claims),
        *(functools.partial(black_png, side, colour=colour) for colour in (2, 4, 6)),
        functools.partial(black_png, side, depth=16, colour=0),
        functools.partial(black_png, 9000),
        lambda: encode(Image.new("RGBA", (side, side)), "WEBP", lossless=True),
        lambda: encode(Image.new("RGB", (side // 2, side)), "WEBP", lossless=True, exif=exif),
        lambda: encode(Image.new("RGB", (side, side)), "TIFF", compression="tiff_deflate"),
        lambda: encode(Image.new("CMYK", (side, side)), "JPEG", progressive=True, subsampling=0),
        functools.partial(many_scans, 512, 5000),
        functools.partial(many_scans, side // 2, 50),
        text_bomb,
    ]
