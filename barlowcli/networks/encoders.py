"""Encoders: images (N, C, H, W) -> features h (N, F).

Drawn from torch's global generator: the same seed gives the same encoder, so build it first after seeding.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import nn

from barlowcli.registry import ENCODERS
from barlowcli.settings.networks import EncoderSettings

Stem = Literal["small", "imagenet"]

SMALL_IMAGE = 64
"""Largest side in pixels that gets the small stem under `auto`; ImageNet's first layers divide the side by 4."""
COLOURS = 3
"""Input channels of an encoder as its factory makes it."""


def build_encoder(settings: EncoderSettings, *, image_size: int, channels: int = 3) -> tuple[nn.Module, int]:
    """An encoder for images of `image_size` pixels a side, and its number F of features.

    channels: C, at least 3. All weights but those of the channels beyond the third are the same whatever C.
    Raises ConfigError where the name is not known.
    """
    factory: Callable[[Stem], tuple[nn.Module, int]] = ENCODERS.load(settings.name)
    auto: Stem = "small" if image_size <= SMALL_IMAGE else "imagenet"
    encoder, features = factory(auto if settings.stem == "auto" else settings.stem)
    if channels > COLOURS:
        _widen(encoder, channels - COLOURS)
    return encoder, features


def small(stem: Stem) -> tuple[nn.Module, int]:
    """Five 3x3 convolutions, each with BatchNorm and ReLU, and a global average: F = 64, 3.65 MMAC at 32 x 32.

    The first has stride 2. ImageNet's stem makes it 7x7 and puts the max-pool behind it.
    """
    first = 3 if stem == "small" else 7
    pool = [] if stem == "small" else [nn.MaxPool2d(3, stride=2, padding=1)]
    module = nn.Sequential(
        *_convolution(3, 16, kernel=first, stride=2),
        *pool,
        *_convolution(16, 32, kernel=3, stride=1),
        *_convolution(32, 32, kernel=3, stride=2),
        *_convolution(32, 64, kernel=3, stride=1),
        *_convolution(64, 64, kernel=3, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    return module, 64


def resnet18(stem: Stem) -> tuple[nn.Module, int]:
    """torchvision's ResNet-18 without its classifier: F = 512, 555 MMAC at 32 x 32 with the small stem."""
    from torchvision.models import resnet18 as build  # an import that takes as long as torch's, for `small` in vain

    return _with_stem(build(weights=None), stem), 512


def resnet50(stem: Stem) -> tuple[nn.Module, int]:
    """torchvision's ResNet-50 without its classifier: F = 2048, 1.3 GMAC at 32 x 32 with the small stem."""
    from torchvision.models import resnet50 as build

    return _with_stem(build(weights=None), stem), 2048


def _with_stem(resnet: nn.Module, stem: Stem) -> nn.Module:
    """Take the classifier off; the small stem is 3x3, stride 1, without max-pool (Chen et al. 2020, appendix B.9)."""
    resnet.fc = nn.Identity()
    if stem == "small":
        resnet.conv1 = _he_convolution(3, 64, kernel=3, stride=1)
        resnet.maxpool = nn.Identity()
    return resnet


def _widen(encoder: nn.Module, extra: int) -> None:
    """Give the first convolution `extra` more input channels, initialised as the others: the fan-out stays the same."""
    first = next(module for module in encoder.modules() if isinstance(module, nn.Conv2d))
    weight = first.weight.new_empty(first.out_channels, extra, *first.kernel_size)
    nn.init.kaiming_normal_(weight, mode="fan_out", nonlinearity="relu")
    first.weight = nn.Parameter(torch.cat([first.weight.detach(), weight], dim=1))
    first.in_channels += extra


def _convolution(inputs: int, outputs: int, *, kernel: int, stride: int) -> tuple[nn.Module, ...]:
    convolution = _he_convolution(inputs, outputs, kernel=kernel, stride=stride)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def _he_convolution(inputs: int, outputs: int, *, kernel: int, stride: int) -> nn.Conv2d:
    """Without bias; He initialisation over the fan-out, as in torchvision's ResNet."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return convolution
