"""Gaussian blur with another standard deviation for every sample."""

import torch
from torch import Tensor

from barlowcli.views.separable import separable


def kernel_size(side: int) -> int:
    """The odd kernel size nearest a tenth of the side, at least 3 (SimCLR, appendix A; 23 at 224 pixels as BYOL)."""
    return 2 * max(1, side // 20) + 1


def gaussian_blur(images: Tensor, sigma: Tensor, *, size: int | None = None) -> Tensor:
    """Blur (B, C, H, W) by `sigma` (B,), in pixels, with a kernel of `size` pixels; edges are reflected.

    Equals torchvision's `gaussian_blur`. size: odd, the default is `kernel_size` of the shorter side.
    """
    height, width = images.shape[2:]
    size = size or kernel_size(min(height, width))
    rows, columns = _blur_weights(sigma, size, height), _blur_weights(sigma, size, width)
    return separable(images, rows, columns)


def _blur_weights(sigma: Tensor, size: int, side: int) -> Tensor:
    """Weight of every pixel in every blurred pixel along an axis of `side` pixels, (B, side, side)."""
    radius = size // 2
    offset = torch.arange(-radius, radius + 1, device=sigma.device)
    kernel = torch.softmax(-0.5 * (offset / sigma.unsqueeze(1)).square(), 1)  # (B, size)
    source = torch.arange(side, device=sigma.device).unsqueeze(1) + offset  # (side, size)
    source = (side - 1) - ((side - 1) - source.abs()).abs()  # reflected at both edges, which are not repeated
    taps = (source.unsqueeze(2) == torch.arange(side, device=sigma.device)).to(kernel.dtype)  # (side, size, side)
    return torch.einsum("bk,ykx->byx", kernel, taps)
