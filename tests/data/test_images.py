import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as tv

from barlowcli.data import images as module
from barlowcli.data.images import decode, decode_deep, jpeg_shape, resize_square, size_hint, take_resized
from barlowcli.errors import DataError


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def photo(height: int = 30, width: int = 44) -> Image.Image:
    """Smooth colours, as JPEG likes them."""
    return Image.fromarray(noise(5, 6, 3)).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def channels_last(image: Tensor) -> NDArray[np.uint8]:
    assert image.dtype == torch.uint8
    assert image.is_contiguous()
    array: NDArray[np.uint8] = image.permute(1, 2, 0).numpy()
    return array


def reason(source: bytes | Path, name: str = "x.png") -> str:
    with pytest.raises(DataError) as caught:
        decode(source, name)
    assert caught.value.hint.startswith("--on-bad-image skip leaves such images out")
    return caught.value.message


def test_rgb_comes_back_bit_for_bit(tmp_path: Path) -> None:
    pixels = noise(7, 9, 3)
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    assert np.array_equal(channels_last(decode(path)), pixels)
    assert np.array_equal(channels_last(decode(path.read_bytes())), pixels)


def test_greyscale_and_bilevel_become_three_equal_channels() -> None:
    grey = noise(6, 5)
    assert np.array_equal(decode(encoded(Image.fromarray(grey), "PNG")).numpy(), np.stack([grey] * 3))
    bits = grey > 127
    assert np.array_equal(decode(encoded(Image.fromarray(bits), "PNG")).numpy(), np.stack([bits * np.uint8(255)] * 3))


def test_palette_colours_are_looked_up() -> None:
    image = Image.fromarray(noise(8, 8, 3)).quantize(16)
    palette = np.array(image.getpalette(), dtype=np.uint8).reshape(-1, 3)
    for kind in ("PNG", "GIF"):
        assert np.array_equal(channels_last(decode(encoded(image, kind))), palette[np.asarray(image)])


def test_cmyk_becomes_rgb() -> None:
    rgb = np.zeros((16, 16, 3), np.uint8) + np.array([200, 80, 30], np.uint8)
    data = encoded(Image.fromarray(rgb).convert("CMYK"), "JPEG", quality=100)
    assert np.abs(channels_last(decode(data)).astype(int) - rgb).max() <= 3


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_over_white(mode: str) -> None:
    pixels = noise(9, 9, len(mode))
    colour, alpha = pixels[..., :-1].astype(float), pixels[..., -1:] / 255
    expected = np.broadcast_to(alpha * colour + (1 - alpha) * 255, (9, 9, 3))
    data = encoded(Image.fromarray(pixels, mode) if mode == "RGBA" else Image.merge(mode, _layers(pixels)), "PNG")
    assert np.abs(channels_last(decode(data)) - expected).max() <= 1


def _layers(pixels: NDArray[np.uint8]) -> list[Image.Image]:
    return [Image.fromarray(np.ascontiguousarray(pixels[..., layer])) for layer in range(pixels.shape[-1])]


def test_a_transparent_palette_entry_or_colour_key_is_white() -> None:
    index = noise(8, 8) % 4
    image = Image.fromarray(index, "P")
    colours = np.array([[10, 20, 30], [200, 0, 0], [0, 200, 0], [0, 0, 200]], np.uint8)
    image.putpalette(colours.tobytes())
    shown = colours.copy()
    shown[2] = 255
    assert np.array_equal(channels_last(decode(encoded(image, "PNG", transparency=2))), shown[index])
    keyed = encoded(Image.fromarray(colours[index]), "PNG", transparency=(0, 200, 0))
    assert np.array_equal(channels_last(decode(keyed)), shown[index])


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_the_largest_value_of_16_bits_is_known_as_it_was(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(90, dtype=dtype).reshape(9, 10) * 50
    for kind in ("PNG", "TIFF") if dtype == "<u2" else ("TIFF",):
        data = encoded(Image.fromarray(values), kind)
        whole = decode_deep(data)
        assert whole.peak == 4450
        with monkeypatch.context() as patch:
            patch.setattr(module, "STRIP", 20)
            again = decode_deep(data)
        assert (again.peak, torch.equal(again.pixels, whole.pixels)) == (4450, True)


def test_images_of_8_bits_have_no_such_value() -> None:
    for kind in ("PNG", "JPEG", "TIFF", "GIF", "PPM"):
        assert decode_deep(encoded(photo(), kind)).peak is None
    assert decode_deep(encoded(photo().convert("L"), "PNG")).peak is None


def test_16_bit_grey_is_scaled_to_the_nearest_level_not_clipped() -> None:
    values = np.array([[0, 128, 129, 257, 30000, 65278, 65407, 65535]], np.uint16)
    expected = np.rint(values / 257).astype(np.uint8)
    for kind in ("PNG", "TIFF"):
        assert np.array_equal(decode(encoded(Image.fromarray(values), kind)).numpy(), np.stack([expected] * 3))


def test_pixels_without_a_known_scale_are_refused() -> None:
    floats = Image.fromarray(np.ones((4, 4), np.float32))
    assert "floating-point pixels have no known scale; scale them" in reason(encoded(floats, "TIFF"))
    large = Image.fromarray(np.full((4, 4), 70_000, np.int32))
    assert reason(encoded(large, "TIFF")) == "cannot read image x.png: 32-bit pixels have no known scale"


UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}
"""EXIF 2.3, tag 274: what brings a stored image to how it is shown."""


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    pixels = noise(5, 8, 3)
    png = encoded(Image.fromarray(pixels), "PNG", exif=exif)
    assert np.array_equal(channels_last(decode(png)), UPRIGHT[orientation](pixels))
    plain = channels_last(decode(encoded(photo(), "JPEG")))
    turned = channels_last(decode(encoded(photo(), "JPEG", exif=exif)))
    assert np.array_equal(turned, UPRIGHT[orientation](plain))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"subsampling": 0, "quality": 95}, {"icc_profile": b"x" * 300}, {"comment": "hi"}],
)
def test_the_quick_way_through_a_jpeg_gives_the_pixels_of_the_long_way(mode: str, options: dict[str, Any]) -> None:
    data = encoded(photo().convert(mode), "JPEG", **options)
    assert jpeg_shape(data) == (len(mode), 30, 44)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(channels_last(decode(data)), expected)


def test_a_frame_header_is_found_only_in_a_jpeg() -> None:
    assert jpeg_shape(encoded(photo(), "PNG")) is None
    assert jpeg_shape(b"\xff\xd8\xff") is None
    assert jpeg_shape(b"") is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_truncated_files_are_refused(kind: str, part: float) -> None:
    data = encoded(photo(), kind)
    message = reason(data[: int(part * len(data))], "train/cat/7.img")
    assert message.startswith("cannot read image train/cat/7.img: ")
    assert "truncated" in message.lower()


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    assert reason(b"plain text") == "cannot read image x.png: not an image, or of an unknown format"
    assert reason(b"") == "cannot read image x.png: the file is empty"
    missing = tmp_path / "none.png"
    assert reason(missing, "") == f"cannot read image {missing}: No such file or directory"


def header_only_png(side: int) -> bytes:
    """A PNG that claims `side` x `side` pixels and has none."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + struct.pack(">I", 9) + b"IDAT"
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize("side", [8_500, 10_000, 60_000])
def test_decompression_bombs_are_refused_unopened(side: int) -> None:
    assert reason(header_only_png(side)) == "cannot read image x.png: more than 67,108,864 pixels"


def test_the_bound_holds_for_every_way_of_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PIXELS", 30 * 44 - 1)
    for kind in ("JPEG", "PNG"):
        assert reason(encoded(photo(), kind)) == "cannot read image x.png: more than 1,319 pixels"


@pytest.mark.parametrize(("height", "width"), [(64, 64), (50, 75), (75, 50), (101, 64), (13, 20), (32, 47), (33, 32)])
def test_resizing_is_that_of_torchvision(height: int, width: int) -> None:
    image = Image.fromarray(noise(height, width, 3))
    resized = tv.resize(image, [32], InterpolationMode.BILINEAR, antialias=True)
    expected = np.asarray(tv.center_crop(resized, [32]))
    ours = channels_last(resize_square(torch.from_numpy(np.array(image)).permute(2, 0, 1), 32).contiguous())
    assert ours.shape == (32, 32, 3)
    assert np.abs(ours.astype(int) - expected).max() <= 1


def test_resizing_a_batch_is_resizing_each() -> None:
    batch = torch.from_numpy(noise(5, 3, 40, 28))
    together = resize_square(batch, 16)
    assert torch.equal(together, torch.stack([resize_square(image, 16) for image in batch]))
    rows = torch.tensor([0, 2, 3])
    assert torch.equal(take_resized(batch, rows, 16, block=2), together[rows])
    assert torch.equal(take_resized(batch, rows, None), batch[rows])
    assert take_resized(batch, rows[:0], 16).shape == (0, 3, 16, 16)


def test_resizing_makes_no_new_extremes() -> None:
    image = torch.from_numpy(100 + noise(3, 60, 60) % 50)
    small = resize_square(image, 16)
    assert small.min() >= image.min()
    assert small.max() <= image.max()


def test_an_image_of_the_right_size_is_left_alone() -> None:
    image = torch.from_numpy(noise(3, 16, 16))
    assert resize_square(image, 16) is image


def test_an_elongated_image_is_refused() -> None:
    with pytest.raises(DataError, match="20000 x 1 pixels are too elongated"):
        resize_square(torch.zeros(3, 1, 20_000, dtype=torch.uint8), 512)


@pytest.mark.parametrize(("sides", "size"), [((40, 60, 33), 33), ((5, 60), 8), ((4000, 3000), 224)])
def test_the_size_of_a_hint_can_be_used(sides: tuple[int, ...], size: int) -> None:
    assert size_hint(*sides) == f"--set data.image_size={size} brings all to one size"
