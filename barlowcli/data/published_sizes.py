"""The sets that torchvision downloads: whether they are here already, and how large they are where they are not.

Nothing here downloads anything.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision import datasets
from torchvision.datasets.utils import check_integrity

from barlowcli.data.imageset import Images, Part, Source
from barlowcli.settings.data import DataSettings


@dataclass(frozen=True)
class KnownSize:
    """Numbers of images and classes as published; side in pixels."""

    build: Any
    side: int
    classes: int
    train: int
    test: int
    unlabelled: int = 0


PUBLISHED = {
    "cifar10": KnownSize(datasets.CIFAR10, side=32, classes=10, train=50_000, test=10_000),  # Krizhevsky 2009, ch. 3
    "cifar100": KnownSize(datasets.CIFAR100, side=32, classes=100, train=50_000, test=10_000),  # the same
    "stl10": KnownSize(datasets.STL10, side=96, classes=10, train=5_000, test=8_000, unlabelled=100_000),  # Coates 2011
    "svhn": KnownSize(datasets.SVHN, side=32, classes=10, train=73_257, test=26_032),  # Netzer et al. 2011
}
"""Data set -> its published size."""


def missing_files(name: str, root: Path) -> list[str]:
    """Files of a set of `PUBLISHED` that are not in `root`, or not whole: those for which it would be downloaded."""
    build = PUBLISHED[name].build
    if hasattr(build, "split_list"):
        wanted = [build.split_list[split][1:] for split in ("train", "test")]
    else:
        wanted = [(f"{build.base_folder}/{file}", md5) for file, md5 in build.train_list + build.test_list]
    return [file for file, md5 in wanted if not check_integrity(root / file, md5)]


def stand_in(settings: DataSettings) -> Source:
    """A source as large as the published set of `settings`, its images noise: good for measuring time, nothing else."""
    published = PUBLISHED[settings.name]
    side = settings.image_size or published.side

    def read(rows: Tensor) -> Images:
        generator = torch.Generator().manual_seed(0)
        return Images(torch.randint(256, (len(rows), 3, side, side), generator=generator, dtype=torch.uint8), rows)

    def part(count: int) -> Part:
        return Part(torch.arange(count) % published.classes, read)

    return Source(
        train=part(published.train),
        test=part(published.test),
        classes=tuple(map(str, range(published.classes))),
        unlabelled=part(published.unlabelled) if published.unlabelled else None,
    )
