import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from barlowcli.data import encoded as module
from barlowcli.data.encoded import Encoded, encoded_part, read_encoded
from barlowcli.errors import DataError
from barlowcli.settings.data import DataSettings


def png(value: int, width: int = 10, height: int = 10) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), value % 256, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def fetch(rows: Tensor) -> Iterable[Encoded]:
    """Row r is of the grey r modulo 256."""
    return (Encoded(f"row {row}", png(row)) for row in rows.tolist())


@pytest.mark.parametrize("heavy", [0, 10**9])
@pytest.mark.parametrize("cores", [1, 3])
def test_images_come_in_the_order_of_their_rows(monkeypatch: pytest.MonkeyPatch, heavy: int, cores: int) -> None:
    monkeypatch.setattr(module, "HEAVY", heavy)
    monkeypatch.setattr(module, "cores", lambda: cores)
    monkeypatch.setattr(module, "BLOCK", 7)
    rows = torch.arange(3, 300, 2)
    images = read_encoded(fetch, rows, size=None, skip=False)
    assert images.pixels.shape == (149, 3, 10, 10)
    assert torch.equal(images.pixels[:, 1, 5, 5].long(), rows % 256)
    assert torch.equal(images.rows, rows)
    assert images.skipped == ()


def test_images_are_resized_as_they_are_read() -> None:
    assert read_encoded(fetch, torch.arange(3), size=8, skip=False).pixels.shape == (3, 3, 8, 8)


def with_bad_ones(rows: Tensor) -> Iterable[Encoded]:
    bad = {1: b"no image", 4: None}
    return (Encoded(f"row {row}", bad.get(row, png(row))) for row in rows.tolist())


def test_bad_images_are_left_out_and_named_when_asked_to() -> None:
    images = read_encoded(with_bad_ones, torch.arange(6), size=None, skip=True)
    assert images.rows.tolist() == [0, 2, 3, 5]
    assert images.pixels[:, 0, 0, 0].tolist() == [0, 2, 3, 5]
    assert images.skipped == (
        "cannot read image row 1: not an image, or of an unknown format",
        "cannot read image row 4: it is null",
    )


def test_the_first_bad_image_is_an_error_otherwise() -> None:
    with pytest.raises(DataError) as caught:
        read_encoded(with_bad_ones, torch.arange(6), size=None, skip=False)
    assert caught.value.message == "cannot read image row 1: not an image, or of an unknown format"
    assert "--on-bad-image skip" in caught.value.hint


def test_nothing_but_bad_images_is_an_empty_set() -> None:
    images = read_encoded(lambda rows: [Encoded("a", b"?"), Encoded("b", b"?")], torch.arange(2), size=8, skip=True)
    assert images.pixels.shape[:2] == (0, 3)
    assert images.rows.tolist() == []
    assert len(images.skipped) == 2


def test_sizes_that_differ_are_an_error_with_a_size_to_choose() -> None:
    def mixed(rows: Tensor) -> Iterable[Encoded]:
        return (Encoded(f"row {row}", png(row, 20 if row < 5 else 31, 16)) for row in rows.tolist())

    with pytest.raises(DataError) as caught:
        read_encoded(mixed, torch.arange(9), size=None, skip=True)
    assert caught.value.message == "images differ in size: row 0 is 20 x 16, row 5 is 31 x 16"
    assert caught.value.hint == "--set data.image_size=16 brings all to one size"
    assert read_encoded(mixed, torch.arange(9), size=12, skip=False).pixels.shape == (9, 3, 12, 12)


def test_an_elongated_image_is_a_bad_one() -> None:
    def strip(rows: Tensor) -> Iterable[Encoded]:
        return [Encoded("strip.png", png(0, 4000, 1))]

    with pytest.raises(DataError) as caught:
        read_encoded(strip, torch.arange(1), size=1024, skip=False)
    assert caught.value.message == "cannot use image strip.png: 4000 x 1 pixels are too elongated"
    assert read_encoded(strip, torch.arange(1), size=1024, skip=True).skipped == (caught.value.message,)


def test_a_part_follows_the_settings(tmp_path: Path) -> None:
    labels = torch.arange(6)
    settings = DataSettings(image_size=9, on_bad_image="skip")
    part = encoded_part(labels, with_bad_ones, settings)
    assert len(part) == 6
    images = part.read(torch.tensor([1, 2, 5]))
    assert images.pixels.shape == (2, 3, 9, 9)
    assert images.rows.tolist() == [2, 5]
    with pytest.raises(DataError):
        encoded_part(labels, with_bad_ones, DataSettings()).read(torch.tensor([1]))
