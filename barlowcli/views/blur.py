"""Gaussian blur with another standard deviation for every sample."""

import torch
import torch.nn.functional as F
from torch import Tensor


def kernel_size(side: int) -> int:
    """The odd kernel size nearest a tenth of the side, at least 3 (SimCLR, appendix A; 23 at 224 pixels as BYOL)."""
    return 2 * max(1, side // 20) + 1


def gaussian_blur(images: Tensor, sigma: Tensor, *, size: int | None = None) -> Tensor:
    """Blur (B, C, H, W) by `sigma` (B,), in pixels, with a kernel of `size` pixels; edges are reflected.

    Equals torchvision's `gaussian_blur`. size: odd, the default is `kernel_size` of the shorter side.
    """
    radius = (size or kernel_size(min(images.shape[2:]))) // 2
    offset = torch.arange(radius + 1, device=sigma.device)
    kernel = (-0.5 * (offset / sigma.unsqueeze(1)).square()).exp()  # (B, radius + 1), from the middle outwards
    kernel = kernel / (2 * kernel.sum(1, keepdim=True) - kernel[:, :1])
    padded = F.pad(images, (radius, radius, radius, radius), mode="reflect")
    return _along(_along(padded, kernel, 2), kernel, 3)


def _along(images: Tensor, kernel: Tensor, axis: int) -> Tensor:
    """Weighted sums of neighbours along an axis of (B, C, H, W), which loses a radius at both of its ends."""
    radius = kernel.shape[1] - 1
    length = images.shape[axis] - 2 * radius
    weights = kernel.view(len(kernel), -1, 1, 1, 1).unbind(1)  # each (B, 1, 1, 1)
    blurred = images.narrow(axis, radius, length) * weights[0]
    for reach, weight in enumerate(weights[1:], 1):
        pair = images.narrow(axis, radius - reach, length) + images.narrow(axis, radius + reach, length)
        blurred.addcmul_(pair, weight)
    return blurred
