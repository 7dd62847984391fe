"""What every source gives: parts that are read row by row, and the data set that is made of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from barlowcli.records.inventory import Inventory, Stored


class Images(NamedTuple):
    """What was read. pixels: uint8 (K, 3, H, W); rows: int64 (K,), less the skipped ones; skipped: name and reason;
    stored: what the files were, where there is one an image."""

    pixels: Tensor
    rows: Tensor
    skipped: tuple[str, ...] = ()
    stored: Stored | None = None


@dataclass(frozen=True)
class Part:
    """A split whose images are not read yet, so that rows can be chosen by their labels first.

    labels: int64 (N,). read: rows, int64 (K,), ascending -> Images. factors: name -> int64 (N,). name: row -> what a
    message calls its image, where images have names.
    """

    labels: Tensor
    read: Callable[[Tensor], Images]
    factors: dict[str, Tensor] = field(default_factory=dict)
    name: Callable[[int], str] | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Source:
    """What a loader returns. validation: None where it is to be carved from train; unlabelled: its labels mean nothing.

    classes: the names of labels 0, 1, …; factor_classes: the same for every factor; label_name: what a label is. For
    whoever wants to know what was read, and no part of any number: origins: split -> where its files lie below the
    path ("Train/", "val/"), where they come in splits; left_out: what is there and not read, reason -> how many, to be
    said as "3 hidden"; notes: what else is to be said of how it was read.
    """

    train: Part
    test: Part
    classes: tuple[str, ...]
    validation: Part | None = None
    unlabelled: Part | None = None
    factor_classes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    label_name: str = "label"
    origins: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageSet:
    """Images with what is known of each.

    images: uint8 (N, 3, H, W). labels: int64 (N,). factors: name -> int64 (N,), what an image varies in besides.
    Raises ValueError where shapes or types do not fit together.
    """

    images: Tensor
    labels: Tensor
    factors: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4 or self.images.shape[1] != 3:
            raise ValueError(f"images must be uint8 (N, 3, H, W), not {self.images.dtype} {tuple(self.images.shape)}")
        for name, values in {"labels": self.labels, **self.factors}.items():
            if values.dtype != torch.int64 or values.shape != (len(self.images),):
                raise ValueError(
                    f"{name} must be int64 ({len(self.images)},), not {values.dtype} {tuple(values.shape)}"
                )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def all_labels(self) -> dict[str, Tensor]:
        """Everything that is probed, int64 (N,) each: the label, then the factors."""
        return {"label": self.labels, **self.factors}

    def to(self, device: torch.device | str) -> "ImageSet":
        """The same set on `device`."""
        factors = {name: values.to(device) for name, values in self.factors.items()}
        return ImageSet(self.images.to(device), self.labels.to(device), factors)

    def take(self, index: Tensor) -> "ImageSet":
        """The images at `index`, int64 (K,), in its order."""
        factors = {name: values[index] for name, values in self.factors.items()}
        return ImageSet(self.images[index], self.labels[index], factors)


@dataclass(frozen=True)
class Dataset:
    """Disjoint splits of one source, all images of one size, and the names of what is in them.

    test: None where it must not be touched. unlabelled: uint8 (M, 3, H, W), the images for pretraining where the source
    has some without labels: those and train's. skipped: bad images that were left out, with the reason. digest: SHA-256
    of images and labels in use. inventory: what was read; None where that is a sample.
    """

    name: str
    train: ImageSet
    validation: ImageSet
    test: ImageSet | None
    unlabelled: Tensor | None
    classes: tuple[str, ...]
    factor_classes: dict[str, tuple[str, ...]]
    label_name: str
    skipped: tuple[str, ...]
    digest: str
    inventory: Inventory | None = None

    @classmethod
    def of(
        cls,
        source: Source,
        name: str,
        sets: Mapping[str, ImageSet],
        *,
        unlabelled: Tensor | None = None,
        skipped: tuple[str, ...] = (),
        digest: str = "",
        inventory: Inventory | None = None,
    ) -> "Dataset":
        """The data set `name`: what `source` says of its classes, and the images that were read, split -> `sets`."""
        return cls(
            name,
            **{split: sets[split] for split in ("train", "validation", "test")},
            unlabelled=unlabelled,
            classes=source.classes,
            factor_classes=source.factor_classes,
            label_name=source.label_name,
            skipped=skipped,
            digest=digest,
            inventory=inventory,
        )

    def to(self, device: torch.device | str) -> "Dataset":
        """The same with every tensor on `device`."""
        moved: dict[str, Any] = {name: part.to(device) for name, part in self.splits.items()}
        unlabelled = None if self.unlabelled is None else self.unlabelled.to(device)
        return replace(self, unlabelled=unlabelled, **moved)

    def without_test(self) -> "Dataset":
        """The same for who must not see a test image; its digest is still that of all images."""
        return replace(self, test=None)

    @property
    def splits(self) -> dict[str, ImageSet]:
        """The splits that there are, by name, test last."""
        found = {"train": self.train, "validation": self.validation}
        return found if self.test is None else {**found, "test": self.test}

    @property
    def judged(self) -> ImageSet:
        """The images that accuracies are of: test, or validation where there is no test."""
        return self.validation if self.test is None else self.test

    @property
    def class_counts(self) -> dict[str, int]:
        """How many classes the label and each factor have."""
        return {"label": len(self.classes), **{name: len(values) for name, values in self.factor_classes.items()}}

    @property
    def pretrain(self) -> Tensor:
        """Images to pretrain on, uint8 (M, 3, H, W): neither validation nor test images are among them."""
        return self.train.images if self.unlabelled is None else self.unlabelled

    @cached_property
    def statistics(self) -> tuple[Tensor, Tensor]:
        """Per-channel mean and standard deviation (3,), float32 in [0, 1], of the training images.

        Computed from exact counts. A standard deviation is at least 1/255, so that dividing by it is safe.
        """
        levels = torch.arange(256, dtype=torch.float64) / 255
        counts = torch.stack(
            [torch.bincount(channel.flatten(), minlength=256) for channel in self.train.images.unbind(1)]
        ).cpu()  # (3, 256); Apple's devices have no float64
        weights = counts.double() / counts.sum(1, keepdim=True)
        mean = weights @ levels  # (3,)
        variance = (weights * (levels - mean[:, None]) ** 2).sum(1)
        return mean.float(), variance.sqrt().clamp(min=1 / 255).float()
