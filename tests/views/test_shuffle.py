"""Every shuffle arm: what it keeps, what it destroys, and what its permutation depends on."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from barlowcli.errors import ConfigError
from barlowcli.registry import SHUFFLES
from barlowcli.views import shuffle
from barlowcli.views.random import Draws

ARMS = SHUFFLES.names()


def draws(count: int, *, seed: int = 0, epoch: int = 0, view: int = 0) -> Draws:
    return Draws.of(seed, epoch, view, torch.arange(count))


def colours(images: Tensor) -> np.ndarray:
    """Each image's pixels as one integer each, sorted: its joint RGB histogram."""
    levels = (images * 255).round().long()
    return np.sort((levels[:, 0] * 65536 + levels[:, 1] * 256 + levels[:, 2]).flatten(1).numpy(), axis=1)


def apply(name: str, images: Tensor, chosen: Draws) -> Tensor:
    result: Tensor = SHUFFLES.load(name).after(images, chosen)
    return result


@pytest.fixture
def images(photos: Tensor) -> Tensor:
    return photos / 255


@pytest.mark.parametrize("name", [n for n in ARMS if n not in {"none", "pixels-image", "fixed"}])
def test_fresh_arms_draw_anew_for_every_view_epoch_and_seed(name: str, images: Tensor) -> None:
    count = len(images)
    first = apply(name, images, draws(count))
    others = (draws(count, view=1), draws(count, epoch=1), draws(count, seed=1))
    for other in others:
        different = (apply(name, images, other) != first).flatten(1).any(1)
        if name == "equalise":  # draws break ties alone
            assert different.float().mean() > 0.9
        elif name == "patch-16":  # one permutation in 24 is the same
            assert different.float().mean() > 0.8
        else:
            assert different.all()


@pytest.mark.parametrize("name", ["none", "pixels", "fixed", *(n for n in ARMS if n.startswith("patch"))])
def test_the_joint_histogram_stays(name: str, images: Tensor) -> None:
    assert np.array_equal(colours(apply(name, images, draws(len(images)))), colours(images))


def test_none_is_the_identity(images: Tensor) -> None:
    assert torch.equal(shuffle.none.after(images, draws(len(images))), images)


def test_pixels_permutes_all_channels_alike_and_every_image_differently() -> None:
    ramp = torch.arange(64.0).view(1, 1, 8, 8).expand(50, 3, 8, 8)
    shuffled = shuffle.pixels.after(ramp, draws(50))
    assert torch.equal(shuffled[:, 0], shuffled[:, 2])
    assert len(torch.unique(shuffled[:, 0].flatten(1), dim=0)) == 50


def test_pixels_leaves_no_trace_of_position() -> None:
    ramp = torch.arange(64.0).view(1, 1, 8, 8).expand(4000, 3, 8, 8)
    lands = shuffle.pixels.after(ramp, draws(4000))[:, 0].flatten(1).argmax(1)
    assert stats.chisquare(np.bincount(lands, minlength=64)).pvalue > 1e-3


def test_fixed_is_one_permutation_for_all(images: Tensor) -> None:
    ramp = torch.arange(1024.0).view(1, 1, 32, 32).expand(6, 3, 32, 32)
    orders = torch.cat(
        [shuffle.fixed.after(ramp, d)[:, 0] for d in (draws(6), draws(6, seed=3, epoch=9, view=1))]
    ).flatten(1)
    assert len(torch.unique(orders, dim=0)) == 1
    assert not torch.equal(orders[0], ramp[0, 0].flatten())
    expected = images.flatten(2)[:, :, orders[0].long()]
    assert torch.equal(shuffle.fixed.after(images, draws(len(images))).flatten(2), expected)


@pytest.mark.parametrize(("block", "side"), [(2, 32), (4, 32), (8, 32), (16, 32), (4, 12), (8, 40)])
def test_patches_move_whole(block: int, side: int, images: Tensor) -> None:
    def patches(batch: Tensor) -> list[set[bytes]]:
        cut = torch.nn.functional.unfold(batch, block, stride=block).mT  # (B, blocks, 3 * block * block)
        return [{patch.numpy().tobytes() for patch in image} for image in cut.contiguous()]

    noise = torch.rand((len(images), 3, side, side), generator=torch.Generator().manual_seed(0))
    assert patches(apply(f"patch-{block}", noise, draws(len(noise)))) == patches(noise)


def test_patch_permutations_are_uniform() -> None:
    ramp = torch.arange(256.0).view(1, 1, 16, 16).expand(3000, 3, 16, 16)
    first = shuffle.patches(8).after(ramp, draws(3000))[:, 0, ::8, ::8].flatten(1)
    _, counts = torch.unique(first, dim=0, return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-3


def test_channels_keeps_the_marginals_and_breaks_the_joint_histogram(images: Tensor) -> None:
    shuffled = shuffle.channels.after(images, draws(len(images)))
    assert torch.equal(shuffled.flatten(2).sort(2).values, images.flatten(2).sort(2).values)
    assert (colours(shuffled) != colours(images)).any(axis=1).mean() > 0.9
    ramp = torch.arange(1024.0).view(1, 1, 32, 32).expand(20, 3, 32, 32)
    red, green, blue = shuffle.channels.after(ramp, draws(20)).flatten(2).unbind(1)
    for a, b in ((red, green), (green, blue), (red, blue)):
        assert abs(stats.pearsonr(a.flatten(), b.flatten()).statistic) < 0.03


def test_equalise_pixels_is_equalise_then_pixels(images: Tensor) -> None:
    chosen = draws(len(images))
    assert torch.equal(
        shuffle.equalise_pixels.after(images, chosen),
        shuffle.pixels.after(shuffle.equalise.after(images, chosen), chosen),
    )


def test_nothing_is_left_after_equalise_and_pixels() -> None:
    """A light and a dark half: every view has the same histogram, and its lightest pixel lies anywhere."""
    images = torch.zeros(3000, 3, 8, 8)
    images[:1500, :, :4] = 1
    images[1500:, 0, :, 4:] = 1
    views = shuffle.equalise_pixels.after(images, draws(3000))
    assert (colours(views) == colours(views)[0]).all()
    lands = views[:, 0].flatten(1).argmax(1)
    for half in (lands[:1500], lands[1500:]):
        assert stats.chisquare(np.bincount(half, minlength=64)).pvalue > 1e-3


def test_pixels_image_is_frozen(photos: Tensor) -> None:
    index = torch.arange(len(photos))
    whole = shuffle.pixels_image.before(photos, index)
    assert whole.dtype == torch.uint8
    assert torch.equal(whole[[5, 9]], shuffle.pixels_image.before(photos[[5, 9]], torch.tensor([5, 9])))
    assert np.array_equal(colours(whole / 255), colours(photos / 255))
    ramp = torch.arange(64).view(1, 1, 8, 8).expand(48, 3, 8, 8)
    orders = shuffle.pixels_image.before(ramp, index)
    assert torch.equal(orders[:, 0], orders[:, 1])
    assert len(torch.unique(orders[:, 0].flatten(1), dim=0)) == 48


def test_only_pixels_image_acts_before_augmentation() -> None:
    batch, index = torch.rand(2, 3, 16, 16), torch.arange(2)
    assert [name for name in ARMS if not torch.equal(shuffle.load_arm(name).before(batch, index), batch)] == [
        "pixels-image"
    ]
    assert torch.equal(shuffle.load_arm("pixels-image").after(batch, draws(2)), batch)


def test_a_block_that_does_not_divide_the_side_is_a_config_error() -> None:
    for attempt in (
        lambda: shuffle.check_arm("patch-8", 28),
        lambda: shuffle.patches(8).after(torch.zeros(2, 3, 28, 28), draws(2)),
    ):
        with pytest.raises(ConfigError) as caught:
            attempt()
        message = "views.shuffle: patch-8 needs a side that 8 divides, and the views are 28 x 28"
        assert caught.value.message == message
        assert caught.value.hint == "choose patch-1 or patch-2 or patch-4, or another data.image_size"
    for name in ARMS:
        shuffle.check_arm(name, 32)
    with pytest.raises(ConfigError, match="patch-8 needs a side that 8 divides, and the views are 12 x 12"):
        shuffle.load_arm("patch-8", 12)


@pytest.mark.parametrize(
    "name",
    ["patch-", "patch-0", "patch-3", "patch-44", "patch-03", "patch--1", "patch-K", "patch-²", "patch-" + "9" * 5000],
)
def test_a_patch_of_no_size_is_no_arm(name: str) -> None:
    with pytest.raises(ConfigError, match="no shuffle arm named") as caught:
        SHUFFLES.load(name)
    assert "patch-" in caught.value.hint
