"""Real data that scikit-learn carries: handwritten digits (some pixels never vary) and two photographs."""

from typing import NamedTuple

import pytest
import torch
from sklearn.datasets import load_digits, load_sample_images
from torch import Tensor


class Digits(NamedTuple):
    """8 x 8 digits: features float64 (N, 64), labels int64 (N,); 900, 300 and 597 of them."""

    train: Tensor
    labels: Tensor
    validation: Tensor
    validation_labels: Tensor
    test: Tensor
    test_labels: Tensor


@pytest.fixture(scope="session")
def digits() -> Digits:
    pixels, labels = load_digits(return_X_y=True)
    x, y = torch.from_numpy(pixels), torch.from_numpy(labels).long()
    return Digits(x[:900], y[:900], x[900:1200], y[900:1200], x[1200:], y[1200:])


@pytest.fixture(scope="session")
def patches() -> tuple[Tensor, Tensor]:
    """32 x 32 patches of two photographs, uint8 (520, 3, 32, 32), and which photograph, int64 (520,)."""
    photographs = torch.stack([torch.from_numpy(image.copy()) for image in load_sample_images().images])
    tiles = photographs[:, : 13 * 32].permute(0, 3, 1, 2).unfold(2, 32, 32).unfold(3, 32, 32)  # (2, 3, 13, 20, 32, 32)
    images = tiles.permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, 32, 32)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return images[order].contiguous(), (torch.arange(len(images)) // 260)[order]
