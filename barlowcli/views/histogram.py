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
    """Give every view the joint RGB histogram of another image, and keep which pixel is lighter than which.

    images (B, 3, H, W) in [0, 1], others (B, 3, G, V) in [0, 1] -> (B, 3, H, W). Both are ranked by luma, and the k-th
    pixel of n becomes the k-th colour of the other image, as a whole: to match each channel by itself would keep the
    dependence between the channels, and with it much of the view's own histogram. Where the other image has another
    number m of pixels, its colours are taken at the nearest of the quantiles (k + 1/2) / n of their luma.
    """
    n, m = images.shape[2] * images.shape[3], others.shape[2] * others.shape[3]
    ties = draws.bits(Number.PARTNER_TIES, n + m)
    order = pixel_order(luma(images).flatten(1), ties[:, :n])  # (B, n)
    source = pixel_order(luma(others).flatten(1), ties[:, n:])  # (B, m)
    if m != n:
        source = source[:, (2 * torch.arange(n, device=images.device) + 1) * m // (2 * n)]
    partner = torch.empty_like(order).scatter_(1, order, source)  # which pixel of the other image goes where
    return others.flatten(2).gather(2, partner.unsqueeze(1).expand(-1, 3, -1)).view_as(images)


def draw_partners(draws: Draws, count: int) -> Tensor:
    """For each sample another sample of the `count` in the data set, uniform, never itself, int64 (B,)."""
    return (draws.index + 1 + draws.below(Number.PARTNER, count - 1)) % count
