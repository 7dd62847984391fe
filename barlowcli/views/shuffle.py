"""The shuffle arms: which of a view's space and histogram is kept, each (images, draws) -> images.

Images are (B, 3, H, W) float in [0, 1], finished views before normalisation, and every arm returns the same shape.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from barlowcli.errors import ConfigError
from barlowcli.views.histogram import equalise
from barlowcli.views.random import Draws, Number, permutation_one

__all__ = [
    "before_augmentation",
    "channels",
    "check_arm",
    "equalise",
    "equalise_pixels",
    "fixed",
    "none",
    "patch_1",
    "patch_2",
    "patch_4",
    "patch_8",
    "patch_16",
    "permute_images",
    "pixels",
]

FIXED_SEED = 20210503  # of `fixed` and `pixels-image`: the same in every run, in training and in probing
FROZEN_EPOCH = -2


def check_arm(name: str, side: int) -> None:
    """Raise ConfigError where the arm `name` cannot be applied to square views of `side` pixels."""
    if name.startswith("patch-"):
        _check_block(int(name.removeprefix("patch-")), side, side)


def before_augmentation(name: str) -> Callable[[Tensor, Tensor], Tensor] | None:
    """What the arm `name` does to whole images ahead of crop and flip, (images, index) -> images; None: nothing.

    Only `pixels-image` acts here, and on the finished view it does nothing (`none`); all others act there alone.
    """
    return permute_images if name == "pixels-image" else None


def none(images: Tensor, draws: Draws) -> Tensor:
    """The views as they are."""
    return images


def pixels(images: Tensor, draws: Draws) -> Tensor:
    """A fresh permutation for every view, the same for all channels: the joint RGB histogram stays, exactly."""
    return _rearrange(images, draws.permutation(Number.PIXELS, images.shape[2] * images.shape[3]))


def fixed(images: Tensor, draws: Draws) -> Tensor:
    """One permutation for all views of all runs: position keeps its meaning, locality is gone."""
    order = permutation_one(FIXED_SEED, images.shape[2] * images.shape[3], device=images.device)
    return images.flatten(2).index_select(2, order).view_as(images)


def channels(images: Tensor, draws: Draws) -> Tensor:
    """An independent fresh permutation for each channel: only the three marginal histograms stay."""
    n = images.shape[2] * images.shape[3]
    return images.flatten(2).gather(2, draws.permutations(Number.CHANNELS, 3, n)).view_as(images)


def patch_1(images: Tensor, draws: Draws) -> Tensor:
    """A fresh permutation of 1 x 1 blocks for every view: as `pixels`, with other draws."""
    return _permute_blocks(images, draws, 1)


def patch_2(images: Tensor, draws: Draws) -> Tensor:
    """A fresh permutation of 2 x 2 blocks for every view."""
    return _permute_blocks(images, draws, 2)


def patch_4(images: Tensor, draws: Draws) -> Tensor:
    """A fresh permutation of 4 x 4 blocks for every view."""
    return _permute_blocks(images, draws, 4)


def patch_8(images: Tensor, draws: Draws) -> Tensor:
    """A fresh permutation of 8 x 8 blocks for every view."""
    return _permute_blocks(images, draws, 8)


def patch_16(images: Tensor, draws: Draws) -> Tensor:
    """A fresh permutation of 16 x 16 blocks for every view."""
    return _permute_blocks(images, draws, 16)


def equalise_pixels(images: Tensor, draws: Draws) -> Tensor:
    """`equalise`, then `pixels`: what is left is the same for every image up to a random order."""
    return pixels(equalise(images, draws), draws)


def permute_images(images: Tensor, index: Tensor) -> Tensor:
    """The arm `pixels-image`: one frozen permutation an image, before augmentation.

    images (B, 3, H, W) of any type; index (B,) int64: their numbers in the data set, on which the permutation
    depends, and on nothing else.
    """
    draws = Draws.of(FIXED_SEED, FROZEN_EPOCH, 0, index)
    return _rearrange(images, draws.permutation(Number.IMAGE_PIXELS, images.shape[2] * images.shape[3]))


def _rearrange(images: Tensor, order: Tensor) -> Tensor:
    """Pixel k of the result is pixel order[:, k], in every channel; order (B, H * W)."""
    flat = images.flatten(2)
    return flat.gather(2, order.unsqueeze(1).expand_as(flat)).view_as(images)


def _permute_blocks(images: Tensor, draws: Draws, block: int) -> Tensor:
    height, width = images.shape[2:]
    _check_block(block, height, width)
    down, across = height // block, width // block
    source = draws.permutation(Number.BLOCKS, down * across).view(-1, down, 1, across, 1)
    inside = torch.arange(block, device=images.device)
    y = source // across * block + inside.view(block, 1, 1)  # (B, down, block, across, 1)
    x = source % across * block + inside  # (B, down, 1, across, block)
    return _rearrange(images, (y * width + x).flatten(1))


def _check_block(block: int, height: int, width: int) -> None:
    if height % block or width % block:
        sizes = [k for k in (1, 2, 4, 8, 16) if height % k == 0 and width % k == 0]
        raise ConfigError(
            [f"views.shuffle: patch-{block} needs a side that {block} divides, and the views are {height} x {width}"],
            hint="choose " + " or ".join(f"patch-{k}" for k in sizes) + ", or another data.image_size",
        )
