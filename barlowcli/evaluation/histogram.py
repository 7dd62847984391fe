"""Colour histograms of images, and how well features tell them (ridge regression)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from barlowcli.evaluation.features import in_double
from barlowcli.evaluation.ridge import fit_ridge

PIXELS = 2**18
"""Pixels whose bins are counted at a time: the working set stays in a CPU's cache."""
RIDGE_PENALTIES = tuple(10.0**power for power in range(-6, 2))
LEAST_VARIANCE = 1e-12
"""Histograms whose summed variance is below this (of at most 1) are equal but for rounding."""


def joint_histogram(images: Tensor, bins: int = 8) -> Tensor:
    """Joint RGB histogram of each image: the share of its pixels in each of bins^3 equal boxes.

    images: uint8 (N, 3, H, W). Returns float32 (N, bins^3), rows sum to 1, blue varying fastest.
    """
    return torch.cat([_count(_joint_index(part, bins), bins**3) for part in _parts(images)])


def marginal_histograms(images: Tensor, bins: int = 32) -> Tensor:
    """The histograms of red, green and blue side by side.

    images: uint8 (N, 3, H, W). Returns float32 (N, 3 bins), rows sum to 1 (each channel to 1/3).
    """
    channel = bins * torch.arange(3, device=images.device)[:, None]
    return torch.cat([_count((_bin(part, bins) + channel).flatten(1), 3 * bins) for part in _parts(images)])


class Decodability(NamedTuple):
    """r2: variance-weighted R^2 on held-out images, at most 1, NaN where their histograms do not differ.

    penalty: the one chosen on the training images.
    """

    r2: float
    penalty: float


def histogram_decodability(
    features: Tensor,
    histograms: Tensor,
    test_features: Tensor,
    test_histograms: Tensor,
    *,
    penalties: Sequence[float] = RIDGE_PENALTIES,
) -> Decodability:
    """How well a ridge (`fit_ridge`) tells histograms (N, B) from features (N, F), judged on test (M, F), (M, B).

    R^2 = 1 - summed squared error / summed squared deviation from the test mean, over all bins together that vary on
    test (scikit-learn's "variance_weighted"). Computes in float64.
    """
    fitted = fit_ridge(features, histograms, penalties=penalties)
    target = in_double(test_histograms)
    deviation = (target - target.mean(0)).square().sum(0)  # (B,)
    if float(deviation.sum()) <= LEAST_VARIANCE * len(target):
        return Decodability(float("nan"), fitted.penalty)
    error = (target - fitted.predict(test_features)).square().sum(0)[deviation > 0]
    return Decodability(1 - float(error.sum()) / float(deviation.sum()), fitted.penalty)


def _parts(images: Tensor) -> tuple[Tensor, ...]:
    return torch.split(images, max(1, PIXELS // images[0, 0].numel()))


def _bin(images: Tensor, bins: int) -> Tensor:
    """Bin of every value, int32 (N, 3, P): the range 0 … 255 in equal parts."""
    return (images.to(torch.int32).flatten(2) * bins) >> 8


def _joint_index(images: Tensor, bins: int) -> Tensor:
    """Box of every pixel, int32 (N, P)."""
    red, green, blue = _bin(images, bins).unbind(1)
    return (red * bins + green) * bins + blue


def _count(index: Tensor, size: int) -> Tensor:
    """Share of each value 0 … size - 1 in the rows of index (N, P): float32 (N, size)."""
    offset = size * torch.arange(len(index), device=index.device)[:, None]
    counts = torch.bincount((index + offset).flatten(), minlength=len(index) * size)
    return counts.view(len(index), size).float() / index.shape[1]
