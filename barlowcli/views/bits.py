"""RandBit: channels that hold a random number of the image, easy to match and of no use for anything else.

Chen, Luo & Li 2021, "Intriguing Properties of Contrastive Losses", where they compete with the image's content.
"""

import torch
from torch import Tensor

from barlowcli.views.random import Draws, Number


def append_bits(images: Tensor, index: Tensor, *, seed: int | Tensor, count: int) -> Tensor:
    """Normalised images (B, C, H, W) and then their bits, each a channel of -1 or 1 alone: (B, C + count, H, W).

    A bit is a pure function of (seed, index, its number): index (B,) int64, the images' numbers. Both views and every
    epoch have the same. At even odds -1 and 1 have mean 0 and deviation 1, as the channels beside them.
    """
    if count == 0:
        return images
    draws = Draws.of(seed, 0, 0, index)  # epoch 0, view 0, whatever the view's own: nothing else draws RANDOM_BITS
    bits = torch.where(draws.bits(Number.RANDOM_BITS, count) < 0, 1.0, -1.0)  # (B, count), the sign is the top bit
    return torch.cat([images, bits[:, :, None, None].expand(-1, -1, *images.shape[2:])], dim=1)


def append_zeros(images: Tensor, *, count: int) -> Tensor:
    """Normalised images (B, C, H, W) and then `count` channels of 0, the middle of a bit's two values: for probes, to
    which bits would be noise."""
    return torch.cat([images, images.new_zeros(len(images), count, *images.shape[2:])], dim=1) if count else images
