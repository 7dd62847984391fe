"""Gaussian blur against torchvision's, with a standard deviation for every sample."""

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from barlowcli.views.blur import gaussian_blur, kernel_size


@pytest.mark.parametrize(("height", "width", "size"), [(32, 32, None), (32, 20, 3), (24, 32, 7), (12, 12, 23)])
def test_equals_torchvision(photos: Tensor, height: int, width: int, size: int | None) -> None:
    images = photos[:, :, :height, :width] / 255
    sigma = torch.linspace(0.1, 2, len(images))
    expected = [
        functional.gaussian_blur(image, [size or 3, size or 3], [float(s), float(s)])
        for image, s in zip(images, sigma, strict=True)
    ]
    assert (gaussian_blur(images, sigma, size=size) - torch.stack(expected)).abs().max() < 1e-5


def test_kernel_is_a_tenth_of_the_side_and_odd() -> None:
    assert {side: kernel_size(side) for side in (8, 16, 32, 64, 96, 224)} == {8: 3, 16: 3, 32: 3, 64: 7, 96: 9, 224: 23}
