"""Exact histogram specification: the target is met to the last pixel, order is kept, ties fall at random."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from barlowcli.views.colour import luma
from barlowcli.views.histogram import LEVELS, draw_partners, equalise, match, pixel_order
from barlowcli.views.random import Draws


def draws(count: int, seed: int = 0) -> Draws:
    return Draws.of(seed, 0, 0, torch.arange(count))


def test_pixel_order_is_a_sort_of_the_rounded_values() -> None:
    torch.manual_seed(0)
    values = torch.rand(6, 500)
    order = pixel_order(values, draws(6).bits(0, 500))
    assert torch.equal(order.sort(1).values, torch.arange(500).expand(6, 500))
    assert (values.gather(1, order).diff(dim=1) > -1 / LEVELS).all()


def test_equalise_gives_every_view_the_same_joint_histogram(photos: Tensor) -> None:
    images = torch.cat([photos / 255, torch.zeros(1, 3, 32, 32), torch.ones(1, 3, 32, 32)])
    views = equalise(images, draws(len(images)))
    assert torch.equal(views[:, 0], views[:, 1])
    assert torch.equal(views[:, 0], views[:, 2])
    ramp = torch.from_numpy((np.arange(1024) + 0.5) / 1024).float()
    assert torch.equal(views[:, 0].flatten(1).sort(1).values, ramp.expand(len(images), 1024))


def test_equalise_keeps_which_pixel_is_lighter(photos: Tensor) -> None:
    images = photos[:8] / 255
    before, after = luma(images).flatten(1), equalise(images, draws(8))[:, 0].flatten(1)
    lighter = before[:, :, None] > before[:, None, :] + 1.001 / LEVELS
    assert (after[:, :, None] > after[:, None, :])[lighter].all()


def test_a_plain_image_has_its_ties_broken_without_regard_to_position() -> None:
    views = equalise(torch.full((400, 3, 8, 8), 0.3), draws(400))[:, 0].flatten(1)
    position = torch.arange(64).expand(400, 64)
    assert abs(stats.spearmanr(views.flatten(), position.flatten()).statistic) < 0.02
    brightest = np.bincount(views.argmax(1), minlength=64)
    assert stats.chisquare(brightest).pvalue > 1e-3
    other = equalise(torch.full((400, 3, 8, 8), 0.3), draws(400, seed=1))[:, 0].flatten(1)
    assert (views != other).any(1).all()


def test_rounding_error_is_a_tie() -> None:
    # two areas that differ by the rounding error of resizing, as plain areas do
    images = torch.full((200, 3, 8, 8), 0.3)
    images[:, :, :4] += 1e-7
    first_half = equalise(images, draws(200))[:, 0, :4].mean()
    assert abs(first_half - 0.5) < 0.02


def colours(images: Tensor) -> list[list[list[float]]]:
    """Each image's RGB triples in a fixed order: its joint histogram, with nothing of space."""
    return [sorted(image.flatten(1).T.tolist()) for image in images]


def test_match_gives_a_view_the_joint_histogram_of_the_other_image(photos: Tensor) -> None:
    others = photos.roll(7, 0) / 255
    grey = photos[:, :1].expand_as(photos) / 255  # every channel of such a source depends wholly on the others
    for views in (photos / 255, grey):
        assert colours(match(views, others, draws(len(photos)))) == colours(others)


def test_match_keeps_which_pixel_is_lighter(photos: Tensor) -> None:
    images, others = photos[:4] / 255, photos[4:8] / 255
    before, after = luma(images).flatten(1), luma(match(images, others, draws(4))).flatten(1)
    lighter = before[:, :, None] > before[:, None, :] + 1.001 / LEVELS
    assert (after[:, :, None] > after[:, None, :] - 1.001 / LEVELS)[lighter].all()


@pytest.mark.parametrize("side", [20, 32])
def test_match_resamples_an_image_of_another_size_by_its_luma(photos: Tensor, side: int) -> None:
    views = photos[:, :, :side, :side] / 255
    grey = photos.roll(7, 0)[:, :1].expand_as(photos)[:, :, : 52 - side] / 255  # of one luma, one colour
    n, m = views[0, 0].numel(), grey[0, 0].numel()
    target = np.sort(grey[:, 0].flatten(1).numpy(), axis=1)[:, [int((k + 0.5) * m / n) for k in range(n)]]
    matched = match(views, grey, draws(len(photos))).flatten(2).numpy()
    for channel in range(3):
        assert np.array_equal(np.sort(matched[:, channel], axis=1), target)
    colourful = photos.roll(7, 0)[:, :, : 52 - side] / 255
    for made, given in zip(colours(match(views, colourful, draws(len(photos)))), colours(colourful), strict=True):
        assert set(map(tuple, made)) <= set(map(tuple, given))


def test_match_breaks_the_ties_of_both_images_without_regard_to_position() -> None:
    plain = torch.full((400, 3, 8, 8), 0.3)
    tied = plain.clone()
    tied[:, 0, :4] += 1e-6  # colours that can be told apart, of one luma within rounding error
    views = match(plain, tied, draws(400))[:, 0] > 0.3000005
    assert (views.sum((1, 2)) == 32).all()
    assert stats.chisquare(views.sum(0).flatten().numpy()).pvalue > 1e-3
    fewer = match(plain[:, :, :2, :2], tied, draws(400))[:, 0] > 0.3000005  # 4 of the 64: which, is up to the ties
    assert abs(fewer.float().mean() - 0.5) < 0.05


def test_partners_are_uniform_over_the_others() -> None:
    found = torch.cat([draw_partners(Draws.of(seed, 0, 0, torch.arange(6)), 6) for seed in range(500)]).view(-1, 6)
    for index, column in enumerate(found.unbind(1)):
        counts = np.bincount(column, minlength=6)
        assert counts[index] == 0
        assert stats.chisquare(np.delete(counts, index)).pvalue > 1e-3
