"""folder:PATH: one folder a class, in train/ and test/ (or val/), or in one tree that is split here."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from barlowcli.data.encoded import Encoded, encoded_part
from barlowcli.data.folder_files import SUFFIXES, class_trees, image_files, subfolders
from barlowcli.data.imageset import Part, Source
from barlowcli.data.paths import given_path, readable, shown
from barlowcli.data.splits import split_source
from barlowcli.errors import DataError
from barlowcli.settings.data import DataSettings


def load(settings: DataSettings, root: Path) -> Source:
    """Images of `folder:PATH`, classes by name of folder; images may lie deeper inside theirs. `root` is not used.

    With train/, val/ and test/ all there, val/ is the validation split; with train/ and val/ alone, val/ is the test
    split; without any, data.test_fraction of every class is. Raises DataError where PATH is missing, has no class
    folders, a class has no images, or the splits' classes differ.
    """
    base = given_path(settings.name)
    trees = class_trees(base)
    splits = {name: class_images(tree) for name, tree in trees.items()}
    check_same_classes({trees[name]: split for name, split in splits.items()})
    files = {name: [file for images in split.values() for file in images] for name, split in splits.items()}
    labels = {name: _labels(list(split.values())) for name, split in splits.items()}
    classes = tuple(map(shown, next(iter(splits.values()))))

    def part(name: str, rows: Tensor | None) -> Part:
        chosen = torch.arange(len(files[name])) if rows is None else rows
        return files_part([files[name][row] for row in chosen.tolist()], labels[name][chosen], base, settings)

    return split_source(labels, part, classes, settings)


def class_images(tree: Path) -> dict[str, list[Path]]:
    """Class -> its image files, both in order of name. Raises DataError where there are no classes, or no images."""
    folders = subfolders(tree)
    if not folders:
        with readable(tree):
            loose = len([path for path in tree.iterdir() if path.suffix.lower() in SUFFIXES])
        raise DataError(
            f"{tree} has no class folders" + (f", only loose images ({loose})" if loose else ""),
            hint="every class needs a folder of its own: PATH/cat/1.jpg, PATH/dog/2.jpg",
        )
    images = {folder.name: image_files(folder) for folder in folders}
    for folder in folders:
        if not images[folder.name]:
            raise DataError(
                f"class folder {shown(str(folder))} has no images", hint="images end in " + ", ".join(SUFFIXES)
            )
    return images


def check_same_classes(splits: dict[Path, dict[str, list[Path]]]) -> None:
    """Raise DataError naming a class folder that one split has and another has not."""
    (first, reference), *others = splits.items()
    for tree, split in others:
        for has, lacks, names in (
            (first, tree, reference.keys() - split.keys()),
            (tree, first, split.keys() - reference.keys()),
        ):
            if names:
                raise DataError(
                    f"class `{shown(min(names))}` is in {has} but not in {lacks}",
                    hint="every split needs a folder of the same name for every class",
                )


def files_part(files: Sequence[Path], labels: Tensor, base: Path, settings: DataSettings) -> Part:
    """A part of image files, named by their paths below `base`, which say nothing of whose machine they lie on."""

    def fetch(rows: Tensor) -> Iterable[Encoded]:
        return (Encoded(shown(files[row].relative_to(base).as_posix()), files[row]) for row in rows.tolist())

    return encoded_part(labels, fetch, settings)


def _labels(classes: Sequence[Sequence[Path]]) -> Tensor:
    counts = torch.tensor([len(images) for images in classes])
    return torch.repeat_interleave(torch.arange(len(classes)), counts)
