"""What makes views: the one interface between them and training."""

from typing import Protocol

from torch import Tensor


class Views(Protocol):
    """Makes views, each a pure function of its image and of (seed, epoch, view), whatever the batch."""

    def __call__(self, images: Tensor, index: Tensor, *, epoch: int | Tensor, view: int) -> Tensor:
        """Normalised views (B, C, S, S) of `images[index]`, uint8 (N, 3, H, W) and int64 (B,); view: 0 or 1."""
        ...
