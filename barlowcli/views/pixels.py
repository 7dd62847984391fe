"""Images as bytes and as numbers, and whether what is given as images is that."""

from collections.abc import Sequence

import torch
from torch import Tensor

from barlowcli.errors import DataError


def to_float(images: Tensor) -> Tensor:
    """Uint8 images as float32 in [0, 1]."""
    return images.to(torch.float32).div_(255)


def normalise_(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """(x - mean) / std in each channel of float images (B, 3, H, W), in place."""
    # by channel, with plain numbers: a tensor of means would have to be copied to the device for every batch
    for channel, (centre, spread) in enumerate(zip(mean, std, strict=True)):
        images[:, channel].sub_(centre).div_(spread)
    return images


def check_images(images: Tensor) -> None:
    """Raise DataError unless images are uint8 (N, 3, H, W), N at least 1."""
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3 or not len(images):
        raise DataError(
            f"images must be uint8 of shape (N, 3, H, W), got {images.dtype} of {tuple(images.shape)}",
            hint="greyscale images are repeated to three channels by the data loaders",
        )


def check_index(index: Tensor, images: Tensor) -> None:
    """Raise DataError unless index is int64 (B,) on the device of the images."""
    if index.dtype != torch.int64 or index.ndim != 1 or index.device != images.device:
        raise DataError(
            f"index must be int64 of shape (B,) on {images.device}, "
            f"got {index.dtype} of {tuple(index.shape)} on {index.device}"
        )
