"""What makes views: the one interface between them and training."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Views(ABC):
    """Makes views, each a pure function of its image and of (seed, epoch, view), whatever the batch."""

    @abstractmethod
    def __call__(self, images: Tensor, index: Tensor, *, epoch: int | Tensor, view: int) -> Tensor:
        """Normalised views (B, C, S, S) of `images[index]`, uint8 (N, 3, H, W) and int64 (B,); view: 0 or 1."""

    def both(self, images: Tensor, index: Tensor, *, epoch: int | Tensor) -> tuple[Tensor, Tensor]:
        """Both views of `images[index]`, their channels last in memory."""
        view_a, view_b = (
            self(images, index, epoch=epoch, view=view).contiguous(memory_format=torch.channels_last) for view in (0, 1)
        )
        return view_a, view_b
