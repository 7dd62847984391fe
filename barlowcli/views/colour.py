"""Colour distortion with parameters and an order of operations for every sample, equal to torchvision's float ops."""

from typing import NamedTuple

import torch
from torch import Tensor

from barlowcli.views.random import Draws, Number
from barlowcli.views.subset import where_drawn_

LUMA = (0.2989, 0.587, 0.114)  # torchvision's weights of red, green and blue; they sum to .9999
BRIGHTNESS, CONTRAST, SATURATION = range(3)
TINY = 1e-30  # keeps 0 / 0 out of the hue of a grey pixel, which has no effect there


class DrawnJitter(NamedTuple):
    """Parameters of `colour_jitter`.

    factors (B, 3): of brightness, contrast and saturation, 1 for no change. blends (B, 3) int64: which of the three
    comes first, second and third. hue (B,): turns of the colour circle. hue_slot (B,) int64: how many of the three
    come before hue, 0 to 3; -1: hue is left alone.
    """

    factors: Tensor
    blends: Tensor
    hue: Tensor
    hue_slot: Tensor


def draw_jitter(
    draws: Draws, *, probability: float, brightness: float, contrast: float, saturation: float, hue: float
) -> DrawnJitter:
    """Draw the parameters of torchvision's ColorJitter, applied with `probability`.

    Strengths s give factors uniform in [max(0, 1 - s), 1 + s); hue is uniform in [-hue, hue); all 24 orders are
    equally likely.
    """
    strengths = ((Number.BRIGHTNESS, brightness), (Number.CONTRAST, contrast), (Number.SATURATION, saturation))
    factors = torch.stack([draws.uniform(n, max(0.0, 1 - s), 1 + s) for n, s in strengths], 1)  # (B, 3)
    applied = draws.chance(Number.JITTER, probability)
    order = draws.below(Number.JITTER_ORDER, 24)
    first = order % 3
    second = (first + 1 + order // 3 % 2) % 3
    return DrawnJitter(
        torch.where(applied.unsqueeze(1), factors, 1.0),
        torch.stack((first, second, 3 - first - second), 1),
        draws.uniform(Number.HUE, -hue, hue),
        torch.where(applied & (hue > 0), order // 6, -1),
    )


def colour_jitter(images: Tensor, jitter: DrawnJitter) -> Tensor:
    """Brightness, contrast, saturation and hue, each sample in its own order.

    images (B, 3, H, W) in [0, 1] -> the same. Brightness, contrast and saturation are one and the same blend
    x f + (1 - f) y, clamped, with y black, the mean of the luma, or the luma; so a pass over the batch does whichever
    of them each sample's order asks for, and hue comes in between for those whose turn it is.
    """
    images = images.clone()
    factors = jitter.factors.gather(1, jitter.blends)  # (B, 3) in each sample's own order
    rest = 1 - factors
    of_mean, of_luma = rest * (jitter.blends == CONTRAST), rest * (jitter.blends == SATURATION)
    for turn in range(4):
        images = where_drawn_(images, jitter.hue_slot == turn, shift_hue, jitter.hue)
        if turn < 3:
            images = _blend(images, factors[:, turn], of_mean[:, turn], of_luma[:, turn])
    return images


def _blend(images: Tensor, factor: Tensor, of_mean: Tensor, of_luma: Tensor) -> Tensor:
    grey = luma(images)  # (B, H, W)
    mean = pixel_mean(grey) * of_mean  # (B,)
    other = grey.mul_(_column(of_luma)).add_(_column(mean))
    return torch.addcmul(other.unsqueeze(1), images, factor.view(-1, 1, 1, 1)).clamp_(0, 1)


def _column(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1)


def pixel_mean(planes: Tensor) -> Tensor:
    """Mean over the pixels of (B, H, W) -> (B,).

    Rows first: a sum over all pixels at once would be split among threads when there is but one sample, and its bits
    would hang on the size of the batch.
    """
    return planes.sum(2).sum(1).div_(planes.shape[1] * planes.shape[2])


def luma(images: Tensor) -> Tensor:
    """Weighted sum of the channels as in torchvision, (B, 3, H, W) -> (B, H, W)."""
    red, green, blue = images.unbind(1)
    # minus a negative, in one rounding: torch 2.11 traces add_ with an alpha as two operations, in other bits
    return (red * LUMA[0]).sub_(green, alpha=-LUMA[1]).sub_(blue, alpha=-LUMA[2])


def greyscale(images: Tensor) -> Tensor:
    """The luma in all three channels, (B, 3, H, W) -> the same."""
    return luma(images).unsqueeze(1).expand_as(images)


def solarise(images: Tensor) -> Tensor:
    """Invert what is at least 1/2 (as uint8: at least 128), (B, 3, H, W) in [0, 1] -> the same."""
    return torch.where(images >= 0.5, 1 - images, images)


def shift_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Turn the hue of (B, 3, H, W) in [0, 1] by `turns` (B,) of the HSV colour circle; saturation and value stay.

    The way to HSV and back (Smith 1978) without its case tables, which cost twice the time. There: with channels
    scaled to [0, 1] by minimum and chroma, the hue in sixths of a turn from red is 1 - r + g + b, negative where
    g < b (in each sixth of the circle one channel is 1, one 0, and the third linear in the hue). Back: a channel is
    the minimum plus chroma times clamp(2 - distance of the hue to the channel's own, 0, 1), with distances in sixths.
    """
    red, green, blue = images.unbind(1)  # (B, H, W)
    low = torch.minimum(torch.minimum(red, green), blue)
    high = torch.maximum(torch.maximum(red, green), blue)
    chroma = high - low
    hue = high.sub_(red).add_(green).add_(blue).sub_(low, alpha=2).div_(chroma.clamp_min(TINY))  # [0, 3]
    hue.copysign_(green - blue).add_(_column(turns * 6))  # [-6, 6]
    hue.sub_(torch.floor(hue * (1 / 6)), alpha=6)  # [0, 6]
    to_red = 3 - (hue - 3).abs_()  # red lies at 0 and at 6
    distance = torch.stack((to_red, hue - 2, hue.sub_(4)), 1).abs_()
    return torch.sub(2, distance).clamp_(0, 1).mul_(chroma.unsqueeze(1)).add_(low.unsqueeze(1))
