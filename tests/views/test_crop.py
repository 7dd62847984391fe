"""Crops against torchvision: the pixels given a box, and the distribution of the boxes."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from barlowcli.views.crop import Boxes, Interpolation, draw_boxes, resized_crop
from barlowcli.views.random import Draws

SCALE, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)


def draws(count: int, seed: int = 0) -> Draws:
    return Draws.of(seed, 0, 0, torch.arange(count))


def torchvisions(images: Tensor, boxes: Boxes, size: int, flip: Tensor, interpolation: Interpolation) -> Tensor:
    mode = v2.InterpolationMode(interpolation)
    out = []
    for image, top, left, height, width, mirrored in zip(images, *(b.tolist() for b in boxes), flip, strict=True):
        view = functional.resized_crop(image, top, left, height, width, [size, size], mode, antialias=True)
        out.append(functional.horizontal_flip(view) if mirrored else view)
    return torch.stack(out)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(
    ("height", "width", "size"),
    [(32, 32, 32), (32, 32, 16), (32, 24, 28), (20, 32, 48), (32, 31, 9)],
    ids=["same", "smaller", "oblong", "larger", "tiny"],
)
def test_equals_torchvision(photos: Tensor, height: int, width: int, size: int, interpolation: Interpolation) -> None:
    images = photos[:, :, :height, :width] / 255
    boxes = draw_boxes(draws(len(images)), height, width, (0.05, 1.0), (1 / 2, 2))
    flip = torch.arange(len(images)) % 2 == 0
    mine = resized_crop(images, boxes, size, flip=flip, interpolation=interpolation)
    theirs = torchvisions(images, boxes, size, flip, interpolation)
    assert mine.shape == (len(images), 3, size, size)
    assert (theirs.clamp(0, 1) - mine).abs().max() < 2e-5
    if interpolation == "bicubic":
        assert theirs.max() > 1  # so that the clamp was put to the test


def test_boxes_of_one_pixel(photos: Tensor) -> None:
    images = photos / 255
    one = torch.ones(len(images), dtype=torch.int64)
    corner = torch.arange(len(images)) % 2 * 31
    view = resized_crop(images, Boxes(corner, 31 - corner, one, one), 8)
    expected = images[torch.arange(len(images)), :, corner, 31 - corner]
    torch.testing.assert_close(view, expected[:, :, None, None].expand(-1, -1, 8, 8), rtol=0, atol=1e-6)


def test_the_whole_image_at_its_own_size_is_untouched(photos: Tensor) -> None:
    images = photos / 255
    boxes = draw_boxes(draws(len(images)), 32, 32, (1, 1), (1, 1))
    for interpolation in ("bilinear", "bicubic"):
        assert torch.equal(resized_crop(images, boxes, 32, interpolation=interpolation), images)
    everyone = torch.ones(len(images), dtype=torch.bool)
    assert torch.equal(resized_crop(images, boxes, 32, flip=everyone), images.flip(3))


def torchvisions_boxes(height: int, width: int, count: int) -> np.ndarray:
    torch.manual_seed(0)
    crop = v2.RandomResizedCrop(32, scale=SCALE, ratio=RATIO)
    image = torch.zeros(3, height, width)
    drawn = [crop.make_params([image]) for _ in range(count)]
    return np.array([[d["top"], d["left"], d["height"], d["width"]] for d in drawn])


@pytest.mark.parametrize(("height", "width"), [(32, 32), (30, 48), (96, 60)])
def test_distribution_of_boxes_is_torchvisions(height: int, width: int) -> None:
    theirs = torchvisions_boxes(height, width, 3000)
    mine = torch.stack(draw_boxes(draws(6000), height, width, SCALE, RATIO), 1).numpy()
    assert (mine[:, :2] >= 0).all()
    assert (mine[:, 2:] >= 1).all()
    assert (mine[:, 0] + mine[:, 2] <= height).all()
    assert (mine[:, 1] + mine[:, 3] <= width).all()
    for name, (a, b) in {
        "area": (mine[:, 2] * mine[:, 3], theirs[:, 2] * theirs[:, 3]),
        "ratio": (mine[:, 3] / mine[:, 2], theirs[:, 3] / theirs[:, 2]),
        "top": (mine[:, 0], theirs[:, 0]),
        "left": (mine[:, 1], theirs[:, 1]),
        "bottom": (mine[:, 0] + mine[:, 2], theirs[:, 0] + theirs[:, 2]),
        "right": (mine[:, 1] + mine[:, 3], theirs[:, 1] + theirs[:, 3]),
    }.items():
        assert stats.ks_2samp(a, b).pvalue > 1e-3, name


@pytest.mark.parametrize(
    ("height", "width", "ratio", "box"),
    [
        (16, 48, (1 / 2, 1), (0, 16, 16, 16)),
        (48, 16, (2, 3), (20, 0, 8, 16)),
        (32, 32, (1 / 5, 1 / 4), (0, 12, 32, 8)),
    ],
)
def test_fallback_is_torchvisions(
    height: int, width: int, ratio: tuple[float, float], box: tuple[int, int, int, int]
) -> None:
    crop = v2.RandomResizedCrop(32, scale=(1, 1), ratio=ratio)
    assert tuple(crop.make_params([torch.zeros(3, height, width)]).values()) == box
    boxes = torch.stack(draw_boxes(draws(100), height, width, (1, 1), ratio), 1)
    assert (boxes == torch.tensor(box)).all()


def test_fallback_is_the_whole_image_where_its_ratio_is_allowed() -> None:
    # only candidates within rounding error of 20 x 30 fit, and few samples have one among their ten
    boxes = torch.stack(draw_boxes(draws(100), 20, 30, (1, 1), (1, 2)), 1)
    assert (boxes == torch.tensor([0, 0, 20, 30])).all(1).float().mean() > 0.5


@pytest.mark.parametrize(
    ("scale", "ratio"),
    [
        ((0, 0), (3 / 4, 4 / 3)),
        ((0, 0.001), (3 / 4, 4 / 3)),
        ((0, 1), (3 / 4, 4 / 3)),
        ((0, 1), (1e-12, 1e12)),
        ((0.2, 1), (100, 200)),
        ((0.2, 1), (0.001, 0.01)),
    ],
)
def test_no_box_is_empty(photos: Tensor, scale: tuple[float, float], ratio: tuple[float, float]) -> None:
    images = photos / 255
    boxes = draw_boxes(draws(len(images)), 32, 32, scale, ratio)
    assert all(bool((side >= 1).all()) for side in (boxes.height, boxes.width))
    assert bool((boxes.top + boxes.height <= 32).all())
    assert bool((boxes.left + boxes.width <= 32).all())
    for interpolation in ("bilinear", "bicubic"):
        assert resized_crop(images, boxes, 32, interpolation=interpolation).isfinite().all()


def test_a_crop_of_no_area_is_one_pixel_anywhere() -> None:
    boxes = draw_boxes(draws(4000), 8, 8, (0, 0), (3 / 4, 4 / 3))
    assert torch.equal(boxes.height, torch.ones(4000, dtype=torch.int64))
    assert torch.equal(boxes.width, boxes.height)
    assert stats.chisquare(np.bincount(boxes.top * 8 + boxes.left, minlength=64)).pvalue > 1e-3


@pytest.mark.parametrize(("side", "size"), [(16, 16), (32, 32), (28, 32), (3, 64)])
def test_no_pixel_is_read_beyond_the_image(side: int, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a device that pads with zeros alone makes the same views, to rounding."""
    images = torch.ones(4000, 1, side, side)  # what is read beyond is darker
    boxes = draw_boxes(draws(len(images)), side, side, (0.01, 1.0), (1 / 2, 2))
    flip = torch.arange(len(images)) % 2 == 0
    sample, zeros = F.grid_sample, {"padding_mode": "zeros"}
    monkeypatch.setattr(F, "grid_sample", lambda *given, **others: sample(*given, **others | zeros))
    assert resized_crop(images, boxes, size, flip=flip).min() > 1 - 1e-5
