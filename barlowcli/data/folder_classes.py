"""The class folders of `folder:PATH`, with the files in each; plain paths, no torch and no image is opened."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from barlowcli.data.folder_copies import refuse_folders_twice, without_thumbnails
from barlowcli.data.folder_files import (
    ARCHIVES,
    OTHER_FORMATS,
    Inside,
    LeftOut,
    has_images,
    image_files,
    look,
    look_at_classes,
    named,
    subfolders,
)
from barlowcli.data.folder_names import Classes, in_one_order, refuse_lookalikes
from barlowcli.data.folder_splits import class_trees
from barlowcli.data.paths import SUFFIXES, shown, split_meant
from barlowcli.errors import DataError

NO_CLASSES = frozenset(
    ("images", "image", "imgs", "img", "jpegimages", "masks", "mask", "labels", "label", "annotations", "annotation")
) | {"gt", "groundtruth", "ground_truth", "ground-truth", "segmentationclass", "segmentationobject", "segmentations"}
"""Names of folders that hold one thing of every image each, as those for segmentation do."""

PART = re.compile(r"(fold|batch|part|chunk|shard|split|subset|set|group|session)[\W_]*\d+")
"""Names of folders that hold a part of the images each."""


@dataclass(frozen=True)
class Folder:
    """What `folder:PATH` has. trees: split, or "all" -> its folder; splits: the same -> its classes, in one order."""

    root: Path
    trees: dict[str, Path]
    splits: dict[str, Classes]
    loose: dict[str, list[Path]]
    left_out: LeftOut

    @property
    def origins(self) -> dict[str, str]:
        """Split -> its folder below the root, `Train/`; {} where there are no splits."""
        return {
            split: f"{shown(tree.relative_to(self.root).as_posix())}/"
            for split, tree in self.trees.items()
            if split != "all"
        }

    @property
    def deeper(self) -> tuple[int, int]:
        """How many images do not lie in their class's folder itself, and in how many folders below."""
        found = [
            image.parent
            for split, classes in self.splits.items()
            for home, images in ((self.trees[split] / name, images) for name, images in classes.items())
            for image in images
            if image.parent != home
        ]
        return len(found), len({*found})


def files(root: Path) -> Iterator[tuple[str, Path]]:
    """Every file that is read, and what it is there: its split and its path in that; loose images are listed too."""
    folder = read_folder(root)
    for split, tree in folder.trees.items():
        found = [*folder.loose[split], *(file for images in folder.splits[split].values() for file in images)]
        for file in sorted(found, key=Path.as_posix):
            yield f"{split}\t{file.relative_to(tree).as_posix()}", file


def read_folder(root: Path) -> Folder:
    """Splits and classes at `root`. Raises DataError where they are not clear, or a class is not in every split."""
    left_out = LeftOut()
    trees = class_trees(root, left_out)
    splits: dict[str, Classes] = {}
    loose: dict[str, list[Path]] = {}
    for split, tree in trees.items():
        # what is beside the classes of one tree was counted with its root
        inside = look_at_classes(tree, LeftOut() if split == "all" else left_out)
        loose[split] = inside.images
        left_out.add("outside the class folders", len(inside.images))
        left_out.no_images(inside.others)
        whole = split == "all"
        splits[split] = _class_images(tree, inside, left_out, whole=whole)
        _refuse_other_layouts(tree, [tree / name for name in splits[split]], whole=whole)
    refuse_folders_twice(trees, splits)
    return Folder(root, trees, in_one_order(trees, splits), loose, left_out)


def _class_images(tree: Path, inside: Inside, left_out: LeftOut, *, whole: bool) -> Classes:
    """The class folders and their images. Raises DataError where there are no classes, or no images."""
    if not inside.folders:
        raise _no_folders(tree, inside)
    refuse_lookalikes(tree, [folder.name for folder in inside.folders])
    images = {}
    for folder in inside.folders:
        of_class = LeftOut()
        images[folder.name] = image_files(folder, of_class)
        if not images[folder.name]:
            _refuse_one_too_high(tree, whole=whole)
            raise _no_images(folder, of_class)
        left_out.reasons += of_class.reasons
        left_out.endings += of_class.endings
    images = without_thumbnails(tree, images, left_out)
    if len(images) == 1 and not inside.images:
        _refuse_one_too_high(tree, whole=whole)
    return images


def _no_folders(tree: Path, inside: Inside) -> DataError:
    there = LeftOut()
    there.no_images(inside.others)
    hint = "every class needs a folder of its own: PATH/cat/1.jpg, PATH/dog/2.jpg"
    if inside.images:
        return DataError(
            f"{shown(str(tree))} has no class folders, only loose images ({len(inside.images)})", hint=hint
        )
    if ".parquet" in there.endings:
        hint = f"write parquet:{shown(str(tree))} for Parquet files; {hint}"
    elif there.endings.keys() & ARCHIVES:
        hint = f"unpack the archive; {hint}"
    return DataError(f"{shown(str(tree))} has no class folders: {there}", hint=hint)


def _no_images(folder: Path, there: LeftOut) -> DataError:
    hint = "images end in " + ", ".join(SUFFIXES)
    other = sorted(there.endings.keys() & OTHER_FORMATS)
    if other:
        hint = f"{', '.join(other)} is not read, convert such files; {hint}"
    elif not there.endings:
        hint = "add images, or remove the folder from all splits"
    return DataError(f"class folder {shown(str(folder))} has no images: {there}", hint=hint)


def _refuse_one_too_high(tree: Path, *, whole: bool) -> None:
    """Raise DataError where one folder alone has images, and has them in folders: the classes may be those."""
    below = tree
    while True:
        inside = look(below, LeftOut())
        filled = [path for path in inside.folders if has_images(path)]
        if len(filled) != 1 or inside.images or not subfolders(filled[0]):
            break
        below = filled[0]
    if below == tree:
        return
    name = f"{shown(below.relative_to(tree).as_posix())}/"
    raise DataError(
        f"{shown(str(tree))} has images in one folder only, {name}, which has the folders {named(subfolders(below))}",
        hint=f"name the folder in which the classes or the splits lie: folder:{shown(str(below))}"
        if whole
        else f"if these are the classes, move them up from {name} into {shown(tree.name)}/",
    )


def _refuse_other_layouts(tree: Path, folders: Sequence[Path], *, whole: bool) -> None:
    """Raise DataError where the folders are no classes by their names and by what is in them."""
    plain = all(folder.name.casefold() in NO_CLASSES for folder in folders)
    if plain and len(folders) > 1:
        raise DataError(
            f"{shown(str(tree))} has {named(folders)}: these are no names of classes",
            hint="every class needs a folder of its own: PATH/cat/1.jpg, PATH/dog/2.jpg",
        )
    if whole:
        for folder in folders:
            _refuse_splits_of_its_own(folder)
    _refuse_two_levels(tree, folders)


def _refuse_two_levels(tree: Path, folders: Sequence[Path]) -> None:
    """Raise DataError where all folders have the same folders, and nothing else: those may be the classes."""
    inner: list[Path] = []
    for folder in folders:
        inside = look(folder, LeftOut())
        below = [path for path in inside.folders if has_images(path)]
        if inside.images or (folder != folders[0] and [path.name for path in below] != [path.name for path in inner]):
            return
        inner = below
    there = f"{shown(str(tree))} has {named(folders)}, each with the folders {named(inner)}"
    if len(folders) < 2 or not inner:
        return
    if _are_parts(folders):
        raise DataError(
            f"{there}: these look like parts, not like classes",
            hint="put the parts together, a folder a class, or name one train/ and another test/",
        )
    if len(inner) > 1 and not _are_parts(inner):
        raise DataError(
            f"{there}: which are the classes?",
            hint=f"the inner ones: name one folder, such as folder:{shown(str(folders[0]))}, or put the folders "
            f"together; the outer ones: leave no folders in them, {shown(folders[0].name)}/1.jpg",
        )


def _are_parts(folders: Sequence[Path]) -> bool:
    return all(PART.fullmatch(folder.name.casefold()) for folder in folders)


def _refuse_splits_of_its_own(folder: Path) -> None:
    """Raise DataError where a class folder has train/ and test/ in it, which would be mixed."""
    splits = [path for path in subfolders(folder) if split_meant(path.name)]
    kinds = {split_meant(path.name) for path in splits}
    if "train" in kinds and len(kinds) > 1:
        raise DataError(
            f"{shown(str(folder))} has splits of its own, {named(splits)}: they would be mixed",
            hint=f"name {shown(str(folder))} if it is a data set by itself; "
            "else the splits come first, as in train/cat/1.jpg and test/cat/2.jpg",
        )
