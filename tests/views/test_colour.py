"""Colour operations against torchvision's, in every order, with every sample's own factors."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torchvision.transforms.v2 import functional

from barlowcli.views import colour
from barlowcli.views.colour import DrawnJitter, colour_jitter, draw_jitter, greyscale, shift_hue, solarise
from barlowcli.views.random import Draws

CLOSE = 1e-5
STRENGTHS = {"brightness": 0.8, "contrast": 0.7, "saturation": 1.3, "hue": 0.5}
BLENDS = (functional.adjust_brightness, functional.adjust_contrast, functional.adjust_saturation)


@pytest.fixture
def images(photos: Tensor) -> Tensor:
    return photos / 255


def draws(count: int) -> Draws:
    return Draws.of(0, 0, 0, torch.arange(count))


def torchvisions(image: Tensor, factors: list[float], blends: list[int], hue: float, slot: int) -> Tensor:
    for turn in range(4):
        if turn == slot:
            image = functional.adjust_hue(image, hue)
        if turn < 3:
            image = BLENDS[blends[turn]](image, factors[blends[turn]])
    return image


def reference(images: Tensor, jitter: DrawnJitter) -> Tensor:
    return torch.stack([torchvisions(i, *p) for i, *p in zip(images, *(v.tolist() for v in jitter), strict=True)])


def test_all_24_orders_equal_torchvision(images: Tensor) -> None:
    orders = list(itertools.product(itertools.permutations(range(3)), range(4)))
    batch = images.repeat(2, 1, 1, 1)[:96]
    chosen = [orders[k % 24] for k in range(len(batch))]
    torch.manual_seed(0)
    jitter = DrawnJitter(
        factors=torch.rand(len(batch), 3) * 1.8,
        blends=torch.tensor([blends for blends, _ in chosen]),
        hue=torch.rand(len(batch)) - 0.5,
        hue_slot=torch.tensor([slot for _, slot in chosen]),
    )
    before = batch.clone()
    assert (colour_jitter(batch, jitter) - reference(batch, jitter)).abs().max() < CLOSE
    assert torch.equal(batch, before)


def test_drawn_jitter_equals_torchvision(images: Tensor) -> None:
    jitter = draw_jitter(draws(len(images)), probability=1, **STRENGTHS)
    assert (colour_jitter(images, jitter) - reference(images, jitter)).abs().max() < CLOSE


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.7, 5.0])
def test_one_blend_equals_torchvision(images: Tensor, name: str, factor: float) -> None:
    kind = getattr(colour, name.upper())
    factors = torch.ones(len(images), 3)
    factors[:, kind] = factor
    rest = torch.tensor([0, 1, 2]).expand(len(images), 3)
    jitter = DrawnJitter(factors, rest, torch.zeros(len(images)), torch.full((len(images),), -1))
    expected = getattr(functional, f"adjust_{name}")(images, factor)
    assert (colour_jitter(images, jitter) - expected).abs().max() < CLOSE


def test_hue_equals_torchvision(images: Tensor) -> None:
    turns = torch.linspace(-0.5, 0.5, len(images))
    expected = torch.stack([functional.adjust_hue(i, float(t)) for i, t in zip(images, turns, strict=True)])
    assert (shift_hue(images, turns) - expected).abs().max() < CLOSE


def test_hue_at_the_corners_and_edges_of_the_colour_cube() -> None:
    levels = torch.tensor([0.0, 1e-30, 1 / 255, 0.5, 254 / 255, 1.0])
    cube = torch.cartesian_prod(levels, levels, levels).T.reshape(1, 3, 18, 12)
    for turn in np.linspace(-0.5, 0.5, 25):
        mine = shift_hue(cube, torch.tensor([turn], dtype=torch.float32))
        assert (mine - functional.adjust_hue(cube, float(turn))).abs().max() < CLOSE


def test_greyscale_and_solarise_equal_torchvision(photos: Tensor) -> None:
    images = photos / 255
    assert (greyscale(images) - functional.rgb_to_grayscale(images, 3)).abs().max() < CLOSE
    assert torch.equal(solarise(images), functional.solarize(images, 0.5))
    assert torch.equal((solarise(images) * 255).round().byte(), functional.solarize(photos, 128))


def test_unchosen_samples_keep_their_bits(images: Tensor) -> None:
    batch = images.repeat(5, 1, 1, 1)
    jitter = draw_jitter(draws(len(batch)), probability=0.5, **STRENGTHS)
    chosen = draws(len(batch)).units[:, 5] < 0.5
    changed = (colour_jitter(batch, jitter) != batch).flatten(1).any(1)
    assert torch.equal(changed, chosen)


def test_a_strength_of_zero_is_no_change(images: Tensor) -> None:
    jitter = draw_jitter(draws(len(images)), probability=1, brightness=0, contrast=0, saturation=0, hue=0)
    assert torch.equal(colour_jitter(images, jitter), images)


def test_jitter_is_drawn_as_torchvision_does() -> None:
    jitter = draw_jitter(draws(24_000), probability=1, **STRENGTHS)
    codes = jitter.blends[:, 0] * 100 + jitter.blends[:, 1] * 10 + jitter.hue_slot
    counts = torch.unique(codes, return_counts=True)[1]
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-3
    assert torch.equal(jitter.blends.sort(1).values, torch.arange(3).expand(24_000, 3))
    for column, low, high in zip(range(3), (0.2, 0.3, 0.0), (1.8, 1.7, 2.3), strict=True):
        assert stats.kstest(jitter.factors[:, column], "uniform", (low, high - low)).pvalue > 1e-3
    assert stats.kstest(jitter.hue, "uniform", (-0.5, 1)).pvalue > 1e-3
    applied = draw_jitter(draws(24_000), probability=0.8, **STRENGTHS).hue_slot >= 0
    assert stats.binomtest(int(applied.sum()), 24_000, 0.8).pvalue > 1e-3
