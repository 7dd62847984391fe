"""Random bits: constant over an image, its own whatever the view, the epoch and the batch, fair and independent."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from barlowcli.views.bits import append_bits
from barlowcli.views.pipeline import probe_images
from barlowcli.views.random import splitmix64_int
from tests.views.made import MEAN, STD, views_with

N = 20_000
ARMS: tuple[dict[str, Any], ...] = (
    {},
    {"shuffle": "pixels", "blur": (1.0, 1.0), "solarize": (0.5, 0.5)},
    {"shuffle": "pixels-image", "jitter": "histogram"},
)


def probe(photos: Tensor, index: Tensor, *, bits: int = 0, seed: int = 0) -> Tensor:
    return probe_images(photos, index, domain="pixels", seed=seed, mean=MEAN, std=STD, random_bits=bits)


def bits_of(index: Tensor, count: int, seed: int = 0) -> Tensor:
    """0 and 1, (B, count)."""
    planes = append_bits(torch.zeros(len(index), 3, 1, 1), index, seed=seed, count=count)[:, 3:, 0, 0]
    return planes.add(1).div(2).long()


@pytest.mark.parametrize("settings", ARMS, ids=["none", "pixels", "pixels-image"])
@pytest.mark.parametrize("bits", [1, 4, 32])
def test_bits_come_behind_the_colours_and_leave_them_alone(photos: Tensor, settings: dict[str, Any], bits: int) -> None:
    index = torch.arange(len(photos))
    for view in (0, 1):
        plain = views_with(random_bits=0, **settings)(photos, index, epoch=3, view=view)
        views = views_with(random_bits=bits, **settings)(photos, index, epoch=3, view=view)
        assert plain.shape == (len(photos), 3, 32, 32)
        assert views.shape == (len(photos), 3 + bits, 32, 32)
        assert views.dtype == torch.float32
        assert torch.equal(views[:, :3], plain)
        pixels = views_with(random_bits=bits, **settings).pixels(photos, index, epoch=3, view=view)
        assert torch.equal(pixels, views_with(random_bits=0, **settings).pixels(photos, index, epoch=3, view=view))


def test_a_bit_is_minus_or_plus_one_all_over_the_image(photos: Tensor) -> None:
    planes = views_with(random_bits=8)(photos, torch.arange(len(photos)), epoch=0, view=0)[:, 3:]
    assert torch.equal(planes, planes[:, :, :1, :1].expand_as(planes))
    assert planes.unique().tolist() == [-1, 1]


def test_an_image_keeps_its_bits(photos: Tensor) -> None:
    """In both views, all epochs and arms, whatever else is in the batch."""
    index = torch.arange(len(photos))
    bits = views_with(random_bits=16)(photos, index, epoch=0, view=0)[:, 3:]
    for settings in ARMS:
        for epoch, view in ((0, 1), (1, 0), (70, 1), (torch.tensor(5), 0)):
            made = views_with(random_bits=16, **settings)(photos, index, epoch=epoch, view=view)
            assert torch.equal(made[:, 3:], bits)
    for some in ([7], [30, 2, 2, 17, 45], list(range(47, 20, -1))):
        assert torch.equal(views_with(random_bits=16)(photos, torch.tensor(some), epoch=2, view=1)[:, 3:], bits[some])


def test_probe_images_are_those_without_bits_and_then_zeros(photos: Tensor) -> None:
    index = torch.arange(len(photos)) + 200_000_000
    images = probe(photos, index, bits=5)
    assert torch.equal(images[:, :3], probe(photos, index))
    assert torch.equal(images[:, 3:], torch.zeros(len(photos), 5, *photos.shape[2:]))


def test_a_bit_is_the_top_of_the_nested_hash_of_its_coordinates() -> None:
    for row, index in zip(bits_of(torch.tensor([40, 100_000_007]), 6, seed=12), (40, 100_000_007), strict=True):
        key = 12
        for coordinate in (0, 0, index, 23):  # view, epoch, image, draw number
            key = splitmix64_int(key, coordinate)
        assert row.tolist() == [splitmix64_int(key, bit) >> 63 for bit in range(6)]


def test_more_bits_begin_with_the_same() -> None:
    index = torch.arange(100)
    assert torch.equal(bits_of(index, 32)[:, :3], bits_of(index, 3))


def test_bits_are_fair() -> None:
    ones = bits_of(torch.arange(N), 32).sum(0).numpy()
    z = (ones - N / 2) / np.sqrt(N / 4)
    assert np.abs(z).max() < 4
    assert stats.kstest(z, "norm").pvalue > 1e-3


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_every_pattern_occurs_as_often(count: int) -> None:
    patterns = bits_of(torch.arange(N), count) @ (2 ** torch.arange(count))
    counts = np.bincount(patterns, minlength=2**count)
    assert counts.min() > 0
    assert stats.chisquare(counts).pvalue > 1e-3
    neighbours = np.histogram2d(patterns[:-1:2] % 8, patterns[1::2] % 8, bins=min(8, 2**count))[0]
    assert stats.chisquare(neighbours.flatten()).pvalue > 1e-3


def test_seeds_have_bits_of_their_own() -> None:
    agree = (bits_of(torch.arange(N), 1, seed=0) == bits_of(torch.arange(N), 1, seed=1)).sum()
    assert stats.binomtest(int(agree), N).pvalue > 1e-3


def test_no_host_sync_and_the_same_bits_traced(photos: Tensor) -> None:
    """Traced as one graph, as a CUDA graph needs it."""
    views, index, epoch = views_with(random_bits=4), torch.arange(len(photos)), torch.tensor(3)

    def traced(images: Tensor, index: Tensor, epoch: Tensor) -> Tensor:
        return views(images, index, epoch=epoch, view=1)

    compiled = torch.compile(traced, backend="eager", fullgraph=True, dynamic=False)
    assert torch.equal(compiled(photos, index, epoch), views(photos, index, epoch=3, view=1))


def test_no_gradient_and_float32_under_inference_mode_and_autocast(photos: Tensor) -> None:
    index = torch.arange(len(photos))
    expected = views_with(random_bits=4)(photos, index, epoch=0, view=0)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        made = views_with(random_bits=4)(photos, index, epoch=0, view=0)
    assert made.dtype == torch.float32
    assert torch.equal(made, expected)
    assert not expected.requires_grad
