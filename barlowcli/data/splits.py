"""Class-balanced choices of rows by label: limits, validation, test. Pure functions of (labels, seed)."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from barlowcli.data.draws import Stream, raw
from barlowcli.data.imageset import Part, Source
from barlowcli.errors import DataError
from barlowcli.settings.data import DataSettings


def class_ranks(labels: Tensor, seed: int, stream: Stream) -> NDArray[np.int64]:
    """Place of every row in a seeded shuffle of its own class, (N,), from 0. labels: int64 (N,), not negative."""
    values = labels.numpy()
    order = np.lexsort((raw(seed, stream, len(values)), values))  # by class, shuffled within
    starts = np.cumsum(np.bincount(values)) - np.bincount(values)
    ranks = np.empty(len(values), dtype=np.int64)
    ranks[order] = np.arange(len(values)) - starts[values[order]]
    return ranks


def balanced_subset(
    labels: Tensor, count: int | None, seed: int, stream: Stream, *, setting: str, least: int = 1
) -> Tensor:
    """Rows (K,), ascending: `count` of them, as evenly over the classes as these allow; None: all.

    A smaller count gives a subset of a larger one's rows. A class with too few images gives all it has. Raises
    DataError, naming `setting`, where `count` is less than the number of classes; its hint asks for `least` images of
    each.
    """
    if count is None or count >= len(labels):
        return torch.arange(len(labels))
    present = len(torch.unique(labels))
    if count < present:
        raise DataError(
            f"{setting} = {count} is less than the {present} classes", hint=f"--set {setting}={least * present} or more"
        )
    ranks = class_ranks(labels, seed, stream)
    rows = np.lexsort((labels.numpy(), ranks))[:count]  # the first of every class, the second of every class, …
    return torch.from_numpy(np.sort(rows))


def carve(
    labels: Tensor, fraction: float, seed: int, stream: Stream, *, classes: Sequence[str], what: str
) -> tuple[Tensor, Tensor]:
    """Rows that stay and rows carved off, both ascending: the fraction of every class, at least one image.

    Raises DataError, naming the class and `what` is carved off, where a class has fewer than two images.
    """
    sizes = np.bincount(labels.numpy(), minlength=len(classes))
    poor = [f"`{classes[index]}`" for index in np.flatnonzero(sizes == 1).tolist()]
    if poor:
        raise DataError(
            f"too few images for a {what} split: only one of {class_list(poor)}",
            hint="every class needs an image to train on and another to judge by: add images or raise data.limit",
        )
    quotas = np.clip(np.rint(fraction * sizes).astype(np.int64), 1, np.maximum(sizes - 1, 1))
    carved = class_ranks(labels, seed, stream) < quotas[labels.numpy()]  # (N,)
    return torch.from_numpy(np.flatnonzero(~carved)), torch.from_numpy(np.flatnonzero(carved))


def check_labels(labels: Tensor, classes: Sequence[str], where: str) -> None:
    """Raise DataError where `labels` (N,) are empty, out of range, or do not have every one of two or more classes.

    where: "the train split", for the message.
    """
    if not len(labels):
        raise DataError(f"{where} has no images", hint="every split needs images of every class")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= len(classes):
        wrong = low if low < 0 else high
        raise DataError(
            f"label {wrong} in {where} is out of range: there are {len(classes)} classes, 0 to {len(classes) - 1}",
            hint="labels count from 0; a classes.txt must name every class",
        )
    if len(classes) < 2:
        raise DataError(
            f"there is only one class, `{classes[0]}`",
            hint="the probes need two classes or more: sort the images into a folder each",
        )
    missing = np.flatnonzero(np.bincount(labels.numpy(), minlength=len(classes)) == 0)
    if len(missing):
        names = class_list([f"`{classes[index]}`" for index in missing.tolist()])
        raise DataError(
            f"{where} has no image of {names}",
            hint="every split needs every class: add images, or remove the class from all splits",
        )


def class_list(names: Sequence[str], most: int = 5) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def split_source(
    labels: Mapping[str, Tensor],
    part: Callable[[str, Tensor | None], Part],
    classes: tuple[str, ...],
    settings: DataSettings,
) -> Source:
    """The source of files that bring their splits, or of "all" in one, from which data.test_fraction is carved.

    labels: split -> int64 (N,). part: a split and its rows (all where None) -> those rows. Raises DataError.
    """
    if "all" in labels:
        train, test = carve(
            labels["all"], settings.test_fraction, settings.seed, Stream.TEST, classes=classes, what="test"
        )
        origins = {"test": f"{100 * settings.test_fraction:g} % of each class"}
        return Source(part("all", train), part("all", test), classes, origins=origins)
    validation = part("validation", None) if "validation" in labels else None
    return Source(part("train", None), part("test", None), classes, validation=validation)
