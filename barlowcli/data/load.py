"""A data set by its name: choose rows by label, carve validation from train, read. Test images are only tested on."""

import hashlib
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from barlowcli.data.draws import Stream
from barlowcli.data.fingerprint import fingerprint
from barlowcli.data.images import MIN_SIZE, size_hint
from barlowcli.data.imageset import Dataset, ImageSet, Part, Source
from barlowcli.data.inventory import Names, take_inventory
from barlowcli.data.paths import split_name
from barlowcli.data.room import Ask, check_room
from barlowcli.data.splits import balanced_subset, carve, check_labels
from barlowcli.errors import DataError
from barlowcli.records.inventory import Stored
from barlowcli.registry import DATASETS
from barlowcli.settings.data import DataSettings


def load_dataset(settings: DataSettings, *, root: Path, ask: Ask = lambda need: True) -> Dataset:
    """The data set of `settings`, every image square and of one size; downloads are kept in `root`.

    ask: for the memory that they take, see `room`. data.limit counts train and validation images together, and bounds
    those without labels by itself. Raises ConfigError on an unknown name, DataError on whatever is wrong with the data.
    """
    source = open_source(settings, root)
    sets: dict[str, ImageSet] = {}
    skipped: list[str] = []
    stored: list[Stored | None] = []
    chosen = choose_rows(source, settings)
    check_room(chosen, settings, ask)
    names: dict[str, Names] = {}
    for split, (part, rows) in chosen.items():
        sets[split], bad, files, kept = read(part, rows)
        names[split] = partial(name_of, part, kept)
        skipped += bad
        stored.append(files)
        if bad and split != "unlabelled":
            left_out = f"{len(bad)} bad image" + ("s" if len(bad) > 1 else "")
            check_labels(sets[split].labels, source.classes, f"the {split} split, without its {left_out},")
    check_sizes(sets)
    unlabelled = torch.cat([sets["unlabelled"].images, sets["train"].images]) if "unlabelled" in sets else None
    return Dataset.of(
        source,
        settings.name,
        sets,
        unlabelled=unlabelled,
        skipped=tuple(skipped),
        digest=digest_of_images(sets, unlabelled),
        inventory=take_inventory(source, settings, sets, len(skipped), Stored.together(stored), names),
    )


def name_of(part: Part, rows: Tensor, index: int) -> str:
    """What the image is called that was read at the index-th of `rows` (K,); "" where images have no names."""
    return "" if part.name is None else part.name(int(rows[index]))


def open_source(settings: DataSettings, root: Path) -> Source:
    """The source behind data.name, its labels checked and no image decoded; raises as `load_dataset` does."""
    kind, _ = split_name(settings.name)
    for key, why in DATASETS.of_others(kind).items():
        value = getattr(settings, key)
        if value != DataSettings.model_fields[key].default:
            raise DataError(
                f"data.{key} = {value} has no meaning for {settings.name}", hint=f"{why}; leave data.{key} out"
            )
    if settings.fingerprint and settings.fingerprint != fingerprint(settings):
        raise DataError(
            f"the files behind {settings.name} have changed since the plan was made",
            hint="put them back, or plan anew in another folder with --results",
        )
    source: Source = DATASETS.load(kind)(settings, root)
    for split, part in (("train", source.train), ("validation", source.validation), ("test", source.test)):
        if part is not None:
            check_labels(part.labels, source.classes, f"the {split} split")
    return source


def choose_rows(source: Source, settings: DataSettings) -> dict[str, tuple[Part, Tensor]]:
    """Split -> the part it is read from and its rows there, ascending; limits first, then the validation split."""
    seed, limit, own = settings.seed, settings.limit, source.validation
    share = 0 if limit is None or own is None else validation_share(limit, source.train, own, len(source.classes))
    count = None if limit is None else limit - share
    least = 2 if own is None else 1  # images of a class, one of which is carved off
    train = balanced_subset(source.train.labels, count, seed, Stream.LIMIT, setting="data.limit", least=least)
    test = balanced_subset(source.test.labels, settings.test_limit, seed, Stream.TEST_LIMIT, setting="data.test_limit")
    if own is None:
        kept, carved = carve(
            source.train.labels[train],
            settings.validation,
            seed,
            Stream.VALIDATION,
            classes=source.classes,
            what="validation",
        )
        chosen = {"train": (source.train, train[kept]), "validation": (source.train, train[carved])}
    else:
        rows = balanced_subset(own.labels, share or None, seed, Stream.VALIDATION_LIMIT, setting="data.limit")
        chosen = {"train": (source.train, train), "validation": (own, rows)}
    chosen["test"] = (source.test, test)
    if source.unlabelled is not None:
        rows = balanced_subset(source.unlabelled.labels, limit, seed, Stream.UNLABELLED, setting="data.limit")
        chosen["unlabelled"] = (source.unlabelled, rows)
    return chosen


def validation_share(limit: int, train: Part, validation: Part, classes: int) -> int:
    """How many of `limit` images are of the source's own validation split: its share of both, each class in each.

    Raises DataError where `limit` is less than two images a class.
    """
    if limit < 2 * classes:
        raise DataError(
            f"data.limit = {limit} is less than one image of each of {classes} classes for train and for validation",
            hint=f"--set data.limit={2 * classes} or more",
        )
    share = round(limit * len(validation) / (len(validation) + len(train)))
    return min(max(share, classes), limit - classes)


def read(part: Part, rows: Tensor) -> tuple[ImageSet, tuple[str, ...], Stored | None, Tensor]:
    """The images at `rows` with their labels and factors, the bad ones that were skipped, what the files were, and
    the rows less those."""
    images = part.read(rows)
    factors = {name: values[images.rows] for name, values in part.factors.items()}
    return ImageSet(images.pixels, part.labels[images.rows], factors), images.skipped, images.stored, images.rows


def check_sizes(sets: dict[str, ImageSet]) -> None:
    """Raise DataError where splits differ in size, or where images are not square, or too small."""
    shapes = {what: images.images.shape[-2:] for what, images in sets.items() if len(images)}
    (first, (height, width)), *others = shapes.items()
    hint = size_hint(*(side for shape in shapes.values() for side in shape))
    for what, shape in others:
        if shape != (height, width):
            raise DataError(
                f"images differ in size: {first} has {width} x {height}, {what} {shape[1]} x {shape[0]}", hint=hint
            )
    if height != width or height < MIN_SIZE:
        reason = "not square" if height != width else f"smaller than {MIN_SIZE} x {MIN_SIZE}"
        raise DataError(f"images are {width} x {height}, {reason}", hint=hint)


def digest_of_images(sets: dict[str, ImageSet], unlabelled: Tensor | None) -> str:
    """SHA-256, hex, over shapes, images, labels and factors of train, validation and test, and the unlabelled."""
    splits = [sets[what] for what in ("train", "validation", "test")]
    tensors = [values for part in splits for values in (part.images, part.labels, *part.factors.values())]
    total = hashlib.sha256()
    for values in tensors if unlabelled is None else [*tensors, unlabelled]:
        total.update(repr(tuple(values.shape)).encode())
        total.update(values.contiguous().numpy().data)
    return total.hexdigest()
