"""Take the inventory of a data set that was just read: counts, copies, and signs of what may be wrong with it."""

import hashlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from barlowcli.data.imageset import ImageSet, Source
from barlowcli.records.inventory import Class, Copies, Inventory, SplitInventory, Stored
from barlowcli.settings.data import DataSettings

FLAT = 4
"""Levels, of 255, that the pixels of an image of a single colour may differ by: JPEG adds as many."""
BLOCK_BYTES = 2**24
"""Of pixels that are looked at together."""
MOST_NAMES = 5
"""Of classes whose images are all alike."""

MOST_PAIRS = 2
"""Of copies that are named."""

Hashes = NDArray[np.uint64]
Names = Callable[[int], str]
"""Index of an image of a split -> what it is called, or ""."""


class Look(NamedTuple):
    """What one look at images (N, 3, H, W) told. hashes: of each, (N,); flat: images of a single colour; brightest:
    the largest value, 0 of none; grey: whether the three channels are the same in all."""

    hashes: Hashes
    flat: int
    brightest: int
    grey: bool


def take_inventory(
    source: Source,
    settings: DataSettings,
    sets: Mapping[str, ImageSet],
    skipped: int = 0,
    stored: Stored | None = None,
    names: Mapping[str, Names] | None = None,
) -> Inventory:
    """What was read of the data set of `settings`: split -> `sets`, on the CPU; how many bad images were skipped, what
    the files were, and how each image of a split is called."""
    looks = {split: look_at(part.images) for split, part in sets.items()}
    known = [split for split in ("train", "validation") if split in sets]
    labels = torch.cat([sets[split].labels for split in known]).numpy()
    hashes = np.concatenate([looks[split].hashes for split in known])
    alike = classes_alike(hashes, labels)
    return Inventory(
        name=settings.model_dump(include={"name"})["name"],
        classes=len(source.classes),
        side=sets["train"].images.shape[-1],
        splits={split: split_of(split, images, source, settings) for split, images in sets.items()},
        stored=stored,
        distinct=len(np.unique(hashes)),
        copies=copies_of(hashes, labels, looks, sets).model_copy(update={"leaked_names": leaks(looks, names or {})}),
        alike=len(alike),
        alike_names=tuple(source.classes[index] for index in alike[:MOST_NAMES]),
        flat=sum(look.flat for look in looks.values()),
        brightest=max(look.brightest for look in looks.values()),
        grey=all(look.grey for look in looks.values()),
        skipped=skipped,
        left_out=dict(sorted(source.left_out.items())),
        notes=source.notes,
    )


def look_at(images: Tensor) -> Look:
    """Look at images, uint8 (N, 3, H, W), once, a block of them at a time."""
    count = len(images)
    found = np.empty(count, np.uint64)
    flat, brightest, grey = 0, 0, True
    step = max(1, BLOCK_BYTES // max(1, images[:1].numel()))
    for start in range(0, count, step):
        block = images[start : start + step].contiguous().numpy()
        planes = block.reshape(len(block), 3, -1)  # (B, 3, H * W)
        found[start : start + len(block)] = hashes_of(planes)
        high, low = planes.max(2), planes.min(2)
        flat += int(((high - low).max(1) <= FLAT).sum())
        brightest = max(brightest, int(high.max()))
        grey = grey and bool((planes[:, :1] == planes[:, 1:]).all())
    return Look(found, flat, brightest, grey)


def hashes_of(images: NDArray[np.uint8]) -> Hashes:
    """A number for each image (N, …), of 64 bits, that by all chances no other pixels have."""
    digests = (hashlib.blake2b(image, digest_size=8).digest() for image in images)  # 60,000 of CIFAR take .25 s
    return np.frombuffer(b"".join(digests), np.uint64)


def split_of(split: str, images: ImageSet, source: Source, settings: DataSettings) -> SplitInventory:
    """What a split has."""
    if split == "unlabelled":
        return SplitInventory(images=len(images), origin=source.origins.get(split, ""))
    counts = np.bincount(images.labels.numpy(), minlength=len(source.classes))
    smallest, largest = (_class(source, counts, int(at)) for at in (counts.argmin(), counts.argmax()))
    origin = source.origins.get(split, "")
    if split == "validation" and source.validation is None:
        origin = f"{100 * settings.validation:g} % of train"
    return SplitInventory(images=len(images), origin=origin, smallest=smallest, largest=largest)


def _class(source: Source, counts: NDArray[np.int64], index: int) -> Class:
    return source.classes[index], int(counts[index])


def copies_of(
    hashes: Hashes, labels: NDArray[np.int64], looks: Mapping[str, Look], sets: Mapping[str, ImageSet]
) -> Copies:
    """How many images are there more than once. hashes, labels: of train and validation, (N,) each."""
    pairs = np.unique(np.stack([hashes, labels.astype(np.uint64)], 1), axis=0)  # content with each of its labels
    contents, first, count = np.unique(pairs[:, 0], return_index=True, return_counts=True)
    several = contents[count > 1]
    tested, of_test = looks["test"].hashes, sets["test"].labels.numpy().astype(np.uint64)
    trained = np.concatenate([contents, *(looks[split].hashes for split in looks if split == "unlabelled")])
    at = np.searchsorted(contents, tested).clip(max=len(contents) - 1)
    labelled = contents[at] == tested
    same = (count[at] == 1) & (pairs[first[at], 1] == of_test)
    return Copies(
        train=len(hashes) - len(contents),
        test=len(tested) - len(np.unique(tested)),
        leaked=int(np.isin(tested, trained).sum()),
        train_contradicted=int(np.isin(hashes, several).sum()),
        test_contradicted=int((labelled & ~same).sum()),
    )


def leaks(looks: Mapping[str, Look], names: Mapping[str, Names]) -> tuple[tuple[str, str], ...]:
    """The first test images that were trained on or validated by, each with one of the images it is a copy of."""
    others = [split for split in looks if split != "test"]
    trained = np.concatenate([looks[split].hashes for split in others])
    tested = looks["test"].hashes
    found = []
    for index in np.flatnonzero(np.isin(tested, trained))[:MOST_PAIRS].tolist():
        split, at = next((s, at[0]) for s in others if len(at := np.flatnonzero(looks[s].hashes == tested[index])))
        if "test" in names and split in names and (one := names["test"](index)):
            found.append((one, names[split](int(at))))
    return tuple(found)


def classes_alike(hashes: Hashes, labels: NDArray[np.int64]) -> list[int]:
    """Classes of two images or more that are all the same. hashes, labels: (N,)."""
    pairs = np.unique(np.stack([labels.astype(np.uint64), hashes], 1), axis=0)
    different = np.bincount(pairs[:, 0].astype(np.int64))
    return np.flatnonzero((different == 1) & (np.bincount(labels) > 1)).tolist()
