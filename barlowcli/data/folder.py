"""folder:PATH: one folder a class, in train/ and test/ (or val/), or in one tree that is split here."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from barlowcli.data.class_names import unread_lists
from barlowcli.data.encoded import Encoded, encoded_part
from barlowcli.data.folder_classes import Folder, read_folder
from barlowcli.data.imageset import Part, Source
from barlowcli.data.paths import given_path, shown
from barlowcli.data.splits import split_source
from barlowcli.settings.data import DataSettings


def load(settings: DataSettings, root: Path) -> Source:
    """Images of `folder:PATH`, classes by name of folder; images may lie deeper inside theirs. `root` is not used.

    With train/, val/ and test/ all there, val/ is the validation split; with train/ and val/ alone, val/ is the test
    split; without any, data.test_fraction of every class is. Raises DataError where PATH is missing, has no class
    folders, a class has no images, the splits' classes differ, or it is not clear what is a split and what a class.
    """
    base = given_path(settings.name)
    folder = read_folder(base)
    files = {name: [file for images in split.values() for file in images] for name, split in folder.splits.items()}
    labels = {name: _labels(list(split.values())) for name, split in folder.splits.items()}
    classes = tuple(map(shown, next(iter(folder.splits.values()))))

    def part(name: str, rows: Tensor | None) -> Part:
        chosen = torch.arange(len(files[name])) if rows is None else rows
        return files_part([files[name][row] for row in chosen.tolist()], labels[name][chosen], base, settings)

    source = split_source(labels, part, classes, settings)
    origins = {**source.origins, **folder.origins}
    return replace(source, origins=origins, left_out=folder.left_out.counts(), notes=_notes(folder, classes))


def _notes(folder: Folder, classes: Sequence[str]) -> tuple[str, ...]:
    """What is to be said of images below their class's folder, and of a list of classes that names others."""
    images, folders = folder.deeper
    found = "1 image" if images == 1 else f"{images:,} images"
    below = "1 folder below a class is" if folders == 1 else f"{folders:,} folders below the classes are"
    said = [f"{found} in {below} taken for that class"] if images else []
    places = dict.fromkeys((folder.root, *folder.trees.values()))
    return (*said, *unread_lists(places, classes, by="classes are named by their folders"))


def files_part(files: Sequence[Path], labels: Tensor, base: Path, settings: DataSettings) -> Part:
    """A part of image files, named by their paths below `base`, which say nothing of whose machine they lie on."""

    def fetch(rows: Tensor) -> Iterable[Encoded]:
        return (Encoded(shown(files[row].relative_to(base).as_posix()), files[row]) for row in rows.tolist())

    return encoded_part(labels, fetch, settings)


def _labels(classes: Sequence[Sequence[Path]]) -> Tensor:
    counts = torch.tensor([len(images) for images in classes])
    return torch.repeat_interleave(torch.arange(len(classes)), counts)
