"""Exact histogram specification: the k-th smallest pixel of a view is given the k-th value of a target.

Exact means that the multiset of values afterwards is the target's, to the last pixel, which the usual mapping through
cumulative histograms is not, since equal pixels stay equal (Coltuc, Bolon & Chassery 2006, "Exact histogram
specification"). So ties must be broken: here by a random order, drawn for each view. Breaking them by position would
paint a vertical gradient over every plain area, the same one in both views.
"""

import torch
from torch import Tensor

from barlowcli.views.colour import luma
from barlowcli.views.random import Draws, Number, low_bits, sort_rows

LEVELS = (1 << 16) - 1
"""Values are ranked in steps of 1 / LEVELS: 257 times finer than a grey level, and far coarser than the rounding
error of resizing, which differs between equal pixels and would otherwise break their ties by their position."""
TIE_BITS = 63 - 16


def pixel_order(values: Tensor, bits: Tensor) -> Tensor:
    """Positions of the pixels from the lowest value to the highest, int64 (..., n).

    values (..., n) float in [0, 1]; bits (..., n) int64, random, which break ties.
    """
    n = values.shape[-1]
    mask = low_bits(n)
    level = values.mul(LEVELS).round_().clamp_(0, LEVELS).long().bitwise_left_shift_(TIE_BITS)
    ties = bits.bitwise_right_shift(64 - TIE_BITS).bitwise_and_(((1 << TIE_BITS) - 1) & ~mask)
    keys = level.bitwise_or_(ties).bitwise_or_(torch.arange(n, device=values.device))
    return sort_rows(keys).bitwise_and_(mask)


def equalise(images: Tensor, draws: Draws) -> Tensor:
    """Give every view one and the same joint RGB histogram, and keep which pixel is lighter than which.

    images (B, 3, H, W) in [0, 1] -> the same. Pixels are ranked by luma, and the k-th of n becomes the grey
    (k + 1/2) / n in all three channels. (To equalise each channel by itself would keep the dependence between the
    channels, and with it much of the joint histogram.)
    """
    n = images.shape[2] * images.shape[3]
    order = pixel_order(luma(images).flatten(1), draws.bits(Number.EQUALISE_TIES, n))  # (B, n)
    ramp = (torch.arange(n, device=images.device) + 0.5) / n
    grey = torch.empty_like(order, dtype=images.dtype).scatter_(1, order, ramp.expand_as(order))
    return grey.view_as(images[:, :1]).expand_as(images).contiguous()


def match(images: Tensor, others: Tensor, draws: Draws) -> Tensor:
    """Give each channel of each view exactly the histogram of that channel of another image.

    images (B, 3, H, W) in [0, 1], others (B, 3, G, V) in [0, 1] -> (B, 3, H, W). Where the other image has another
    number of pixels, its sorted values are taken at the nearest of the quantiles (k + 1/2) / n.
    """
    n = images.shape[2] * images.shape[3]
    bits = draws.bits(Number.PARTNER_TIES, 3 * n).view(-1, 3, n)
    order = pixel_order(images.flatten(2), bits)
    values = sort_rows(others.flatten(2))  # (B, 3, m)
    m = values.shape[2]
    if m != n:
        values = values[:, :, (2 * torch.arange(n, device=images.device) + 1) * m // (2 * n)]
    return torch.empty_like(values).scatter_(2, order, values).view_as(images)


def draw_partners(draws: Draws, count: int) -> Tensor:
    """For each sample another sample of the `count` in the data set, uniform, never itself, int64 (B,)."""
    return (draws.index + 1 + draws.below(Number.PARTNER, count - 1)) % count
