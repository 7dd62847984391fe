"""The shuffle arms: which of a view's space and histogram is kept.

Nearly all act on finished views: images (B, 3, H, W) float in [0, 1], before normalisation, and every arm returns the
same shape. An arm is one function, told where it acts, and a line of the registry.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from barlowcli.errors import ConfigError
from barlowcli.registry import SHUFFLES
from barlowcli.settings.shuffles import block_of, tiles
from barlowcli.views import histogram
from barlowcli.views.random import Draws, Number, permutation_one

FIXED_SEED = 20210503  # of `fixed` and `pixels-image`: the same in every run, in training and in probing
FROZEN_EPOCH = -2


def _unchanged(images: Tensor, by: Draws | Tensor) -> Tensor:
    return images


@dataclass(frozen=True)
class ShuffleArm:
    """What a shuffle arm does, and when.

    before: (images, index) -> images, of whole images (B, 3, H, W) of any type ahead of crop and flip; index (B,)
    int64, their numbers in the data set. after: (views, draws) -> views, of finished views.
    """

    before: Callable[[Tensor, Tensor], Tensor] = _unchanged
    after: Callable[[Tensor, Draws], Tensor] = _unchanged


def on_views(function: Callable[[Tensor, Draws], Tensor]) -> ShuffleArm:
    """The arm that does this to finished views, and nothing before."""
    return ShuffleArm(after=function)


def on_images(function: Callable[[Tensor, Tensor], Tensor]) -> ShuffleArm:
    """The arm that does this to whole images ahead of augmentation, and nothing to the views."""
    return ShuffleArm(before=function)


def load_arm(name: str, side: int | None = None) -> ShuffleArm:
    """The arm of that name, for square views of `side` pixels.

    Raises ConfigError where no arm has the name, or its blocks do not tile such views; None: that is not checked.
    """
    arm: ShuffleArm = SHUFFLES.load(name)
    if side is not None:
        check_arm(name, side)
    return arm


def check_arm(name: str, side: int) -> None:
    """Raise ConfigError where the arm `name` cannot be applied to square views of `side` pixels."""
    if not tiles(name, side):
        raise _untiled(name, side, side)


none = ShuffleArm()
"""The views as they are."""


@on_views
def pixels(images: Tensor, draws: Draws) -> Tensor:
    """A fresh permutation for every view, the same for all channels: the joint RGB histogram stays, exactly."""
    return _rearrange(images, draws.permutation(Number.PIXELS, images.shape[2] * images.shape[3]))


@on_images
def pixels_image(images: Tensor, index: Tensor) -> Tensor:
    """One frozen permutation an image, before augmentation: it depends on the image's number, and on nothing else."""
    draws = Draws.of(FIXED_SEED, FROZEN_EPOCH, 0, index)
    return _rearrange(images, draws.permutation(Number.IMAGE_PIXELS, images.shape[2] * images.shape[3]))


@on_views
def fixed(images: Tensor, draws: Draws) -> Tensor:
    """One permutation for all views of all runs: position keeps its meaning, locality is gone."""
    order = permutation_one(FIXED_SEED, images.shape[2] * images.shape[3], device=images.device)
    return images.flatten(2).index_select(2, order).view_as(images)


@on_views
def channels(images: Tensor, draws: Draws) -> Tensor:
    """An independent fresh permutation for each channel: only the three marginal histograms stay."""
    n = images.shape[2] * images.shape[3]
    return images.flatten(2).gather(2, draws.permutations(Number.CHANNELS, 3, n)).view_as(images)


@functools.cache  # one function object a size, so that compiled views are not compiled anew
def patches(block: int) -> ShuffleArm:
    """A fresh permutation of blocks of `block` x `block` pixels for every view; 1: as `pixels`, with other draws."""
    return on_views(functools.partial(_permute_blocks, block=block))


equalise = on_views(histogram.equalise)
"""One and the same joint histogram for every view, which keeps its space."""


@on_views
def equalise_pixels(images: Tensor, draws: Draws) -> Tensor:
    """`equalise`, then `pixels`: what is left is the same for every image up to a random order."""
    return pixels.after(histogram.equalise(images, draws), draws)


def _rearrange(images: Tensor, order: Tensor) -> Tensor:
    """Pixel k of the result is pixel order[:, k], in every channel; order (B, H * W)."""
    flat = images.flatten(2)
    return flat.gather(2, order.unsqueeze(1).expand_as(flat)).view_as(images)


def _permute_blocks(images: Tensor, draws: Draws, *, block: int) -> Tensor:
    height, width = images.shape[2:]
    if height % block or width % block:
        raise _untiled(f"patch-{block}", height, width)
    down, across = height // block, width // block
    source = draws.permutation(Number.BLOCKS, down * across).view(-1, down, 1, across, 1)
    inside = torch.arange(block, device=images.device)
    y = source // across * block + inside.view(block, 1, 1)  # (B, down, block, across, 1)
    x = source % across * block + inside  # (B, down, 1, across, block)
    return _rearrange(images, (y * width + x).flatten(1))


def _untiled(name: str, height: int, width: int) -> ConfigError:
    block = block_of(name)
    others = [arm for arm in SHUFFLES.names() if block_of(arm) and tiles(arm, height) and tiles(arm, width)]
    return ConfigError(
        [f"views.shuffle: {name} needs a side that {block} divides, and the views are {height} x {width}"],
        hint="choose " + " or ".join(others) + ", or another data.image_size",
    )
