"""Which folder of `folder:PATH` is which split: understood, or refused; plain paths, no torch, no image is opened."""

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from barlowcli.data.folder_files import (
    ARCHIVES,
    LeftOut,
    has_images,
    image_files,
    look,
    look_at_classes,
    named,
    subfolders,
)
from barlowcli.data.paths import complete_splits, is_joined, readable, shown, split_name_of
from barlowcli.errors import DataError

WRAPPERS = frozenset(
    ("images", "image", "imgs", "img", "jpegimages", "pictures", "photos", "frames", "samples", "data", "dataset")
) | {"raw", "raw-img", "classes", "jpeg", "jpg", "png"}
"""Names of a folder between a split and its classes that say nothing themselves."""

QUALIFIERS = frozenset(
    ("unlabeled", "unlabelled", "extra", "ood", "old", "new", "hard", "easy", "public", "private", "small", "full")
) | {"mini", "clean", "noisy", "raw", "original", "aug", "augmented", "resized", "cropped", "final", "part", "fold"}
"""Words beside that of a split with which a name still is one of a split: train_1, testB, test-ood."""

UNUSED = {"unlabeled", "unlabelled", "unsupervised", "extra"}
"""Words of folders that may lie beside splits and are no classes."""

AS_A_CLASS = "a class of such a name needs another one, such as class-train/"


class Named(NamedTuple):
    """A folder and what its name says of a split; rest: the words beside that."""

    path: Path
    split: str | None
    rest: tuple[str, ...]

    @property
    def like_a_split(self) -> bool:
        """Whether the name is that of a split, or of a part or a kind of one."""
        return self.split is not None and all(
            word in QUALIFIERS or word.isdigit() or len(word) == 1 for word in self.rest
        )


def class_trees(root: Path, left_out: LeftOut) -> dict[str, Path]:
    """Split ("train", "validation", "test", or "all" where there are none) -> its folder of class folders.

    train/ with val/ alone: val/ is the test split, as ImageNet's is. A class may be called `train`. Raises DataError
    where `root` is no folder, and where it is not clear what is a split and what a class.
    """
    with readable(root):
        if not root.is_dir():
            raise DataError(f"{shown(str(root))} is not a folder", hint=_hint_for_a_file(root))
    inside = look_at_classes(root, left_out)
    folders = [Named(path, *split_name_of(path.name)) for path in inside.folders]
    chosen = _parts_alone(_understood(folders))
    if not chosen:
        _refuse_unclear(root, folders)
        return {"all": root}
    splits = _one_folder_each(root, chosen)
    left_out.add("outside the class folders", len(inside.images))
    left_out.no_images(inside.others)
    for folder in folders:
        if folder not in chosen:
            left_out.add(f"in {shown(folder.path.name)}/ (not used)", _count_images(folder.path))
    return complete_splits({split: _class_level(path, split) for split, path in splits.items()})


def _hint_for_a_file(path: Path) -> str:
    if path.suffix.lower() in ARCHIVES:
        return "unpack it, and name the folder that has one folder a class"
    if path.suffix.lower() == ".parquet":
        return f"write parquet:{shown(str(path))}"
    return "folder:PATH needs a folder that has one folder a class"


def _understood(folders: Sequence[Named]) -> list[Named]:
    """The folders that are splits beyond doubt: train and another, with folders in them and no other word in common."""
    alike = defaultdict(list)
    for folder in folders:
        if folder.split and subfolders(folder.path):
            alike[folder.rest].append(folder)
    if _complete(alike[()]):
        return alike[()]
    groups = [group for rest, group in alike.items() if _complete(group) and "class" not in rest]
    if len(groups) == 1:
        others = [f for f in folders if f not in groups[0] and not _variant(f, groups[0][0].rest)]
        if not any(has_images(folder.path) for folder in others):
            return groups[0]
    return []


def _variant(folder: Named, rest: Sequence[str]) -> bool:
    """Whether a folder is a kind of split beside those that have the words `rest`: pets_train_extra of pets_train."""
    more = set(folder.rest) - set(rest)
    return (
        bool(more)
        and set(rest) < set(folder.rest)
        and (folder.split is not None or more <= UNUSED)
        and all(word in QUALIFIERS or word.isdigit() for word in more)
    )


def _parts_alone(folders: Sequence[Named]) -> list[Named]:
    """The folders without those that put others together: trainval/ beside train/."""
    parts = {folder.split for folder in folders if not is_joined(folder.path.name)}
    return [folder for folder in folders if folder.split not in parts or not is_joined(folder.path.name)]


def _complete(folders: Sequence[Named]) -> bool:
    splits = {folder.split for folder in folders}
    return "train" in splits and len(splits) > 1


def _one_folder_each(root: Path, folders: Sequence[Named]) -> dict[str, Path]:
    """Split -> folder, in the order train, validation, test."""
    splits: dict[str, Path] = {}
    for split in ("train", "validation", "test"):
        same = [folder.path for folder in folders if folder.split == split]
        if len(same) > 1:
            raise DataError(
                f"{shown(str(root))} has {named(same)}: each is a name of the {split} split",
                hint="put them together, or take all but one out of the folder",
            )
        if same:
            splits[split] = same[0]
    places: dict[str, Path] = {}
    for path in splits.values():
        other = places.setdefault(os.path.realpath(path), path)
        if other != path:
            raise DataError(
                f"{named([other, path])} of {shown(str(root))} are one folder: what is trained on would be tested on",
                hint=f"remove one, or name {shown(str(other))} to have a test split drawn from it",
            )
    return splits


def _refuse_unclear(root: Path, folders: Sequence[Named]) -> None:
    """Raise DataError where folders look like splits and cannot be used so; else they are classes."""
    alike = defaultdict(list)
    for folder in folders:
        if folder.split and "class" not in folder.rest:
            alike[folder.rest].append(folder)
    like = [folder for folder in folders if folder.like_a_split]
    like = like or next((group for group in alike.values() if _complete(group)), [])
    others = [f for f in folders if f not in like and not UNUSED.issuperset(f.rest) and has_images(f.path)]
    if not like:
        return
    if len({folder.split for folder in like}) > 1 or not others:
        raise _no_splits(root, like)
    words = {word for folder in others for word in (folder.path.name.casefold(), *folder.rest)}
    vehicle = like[0].split == "train" and len(like) == 1 and not subfolders(like[0].path)
    if vehicle or "invalid" in words:
        return
    raise DataError(
        f"{shown(str(root))} has {named([folder.path for folder in like])} beside "
        f"{named([folder.path for folder in others])}: a split, or a class?",
        hint="a split belongs beside the other split, as in train/cat/1.jpg and test/cat/2.jpg; " + AS_A_CLASS,
    )


def _no_splits(root: Path, like: Sequence[Named]) -> DataError:
    """What is wrong with folders that have the names of splits."""
    for folder in like:
        if not subfolders(folder.path):
            loose = len(look(folder.path, LeftOut()).images)
            what = f"has no class folders, only loose images ({loose})" if loose else "is empty"
            trees = [one.path for one in like if subfolders(one.path)]
            draw = f"name {shown(str(trees[0]))} to have a test split drawn from it; " if len(trees) == 1 else ""
            return DataError(
                f"{shown(str(folder.path))} {what}",
                hint=f"every split needs a folder for every class: train/cat/1.jpg, test/cat/2.jpg; {draw}{AS_A_CLASS}",
            )
    there = named([folder.path for folder in like])
    if any(folder.rest for folder in like):
        return DataError(
            f"{shown(str(root))} has {there}: it is not clear which are the train and the test split",
            hint=f"name one folder train/ and one test/; {AS_A_CLASS}",
        )
    return DataError(
        f"{shown(str(root))} has {there} but not both train/ and one of test/ and val/",
        hint=f"add the other split, or name {shown(str(like[0].path))} to have a test split drawn from it",
    )


def _class_level(folder: Path, split: str) -> Path:
    """Where the class folders of a split lie: in train/images/ or seg_train/seg_train/ where that is all it has."""
    inside = look(folder, LeftOut())
    filled = [path for path in inside.folders if has_images(path)] if len(inside.folders) < 4 else []
    if len(filled) != 1 or inside.images:
        return folder
    name = filled[0].name
    if name.casefold() in WRAPPERS or split_name_of(name).split == split:
        return _class_level(filled[0], split)
    return folder


def _count_images(folder: Path) -> int:
    """Images in a folder that is not used; what cannot be read there does not matter."""
    try:
        return len(image_files(folder, LeftOut()))
    except DataError:
        return 0
