"""folder:PATH as people have it on their disks: what is in it is understood, or refused with a way out."""

import hashlib
import json
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from barlowcli.data.fingerprint import fingerprint
from barlowcli.data.folder_files import LEFTOVERS
from barlowcli.data.imageset import Dataset
from barlowcli.data.load import load_dataset
from barlowcli.errors import DataError
from barlowcli.settings.data import DataSettings
from tests.cli.conftest import Command
from tests.data.test_folder import error, greys, open_folder, write
from tests.trouble.made import class_folders, photo, png, put

PETS = {"cat": 4, "dog": 4}
FEW = {"cat": 2, "dog": 2}


def settings(root: Path, **more: object) -> DataSettings:
    return DataSettings.model_validate({"name": f"folder:{root}", "image_size": 8, **more})


def load(root: Path, **more: object) -> Dataset:
    """The data set as a cell of a frozen plan loads it."""
    chosen = settings(root, **more)
    return load_dataset(chosen.model_copy(update={"fingerprint": fingerprint(chosen)}), root=root)


def refused_when_planned(root: Path) -> DataError:
    """The error of a plan; that of a cell is the same."""
    with pytest.raises(DataError) as caught:
        fingerprint(settings(root))
    assert error(root).message == caught.value.message
    return caught.value


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"what is in it does not matter")


# Splits


@pytest.mark.parametrize(
    ("train", "test", "origins"),
    [
        ("Train", "Test", {"train": "Train/", "test": "Test/"}),
        ("TRAINING", "Valid", {"train": "TRAINING/", "test": "Valid/"}),
        ("training_set", "test_set", {"train": "training_set/", "test": "test_set/"}),
        ("train-images", "dev images", {"train": "train-images/", "test": "dev images/"}),
        ("trainset", "Evaluation", {"train": "trainset/", "test": "Evaluation/"}),
        ("seg_train/seg_train", "seg_test/seg_test", {"train": "seg_train/seg_train/", "test": "seg_test/seg_test/"}),
        ("train/images", "test/images", {"train": "train/images/", "test": "test/images/"}),
        ("flowers_train", "flowers_test", {"train": "flowers_train/", "test": "flowers_test/"}),
        ("train2012", "val2012", {"train": "train2012/", "test": "val2012/"}),
        ("train", "test/test/data", {"train": "train/", "test": "test/test/data/"}),
    ],
)
def test_split_folders_by_their_usual_names(train: str, test: str, origins: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / test, FEW, write(tmp_path / train, PETS))
    source = open_folder(tmp_path)
    assert source.classes == ("cat", "dog")
    assert (greys(source.train), greys(source.test)) == (list(range(8)), [8, 9, 10, 11])
    assert source.origins == origins


def test_a_third_split_in_capitals_is_tested_on(tmp_path: Path) -> None:
    write(tmp_path / "Test", FEW, write(tmp_path / "val", FEW, write(tmp_path / "train", PETS)))
    source = open_folder(tmp_path)
    assert source.validation is not None
    assert (greys(source.validation), greys(source.test)) == ([8, 9, 10, 11], [12, 13, 14, 15])


@pytest.mark.parametrize(
    ("first", "more"),
    [("test", ["train"]), ("Testing", ["Training", "valid"]), ("a_test", ["a_train"]), ("train", ["extra"])],
)
def test_split_folders_of_loose_images_are_no_classes(first: str, more: list[str], tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys([first, *more], 3))
    caught = refused_when_planned(tmp_path)
    assert caught.message == f"{tmp_path / first} has no class folders, only loose images (3)"
    assert "train/cat/1.jpg" in caught.hint
    assert "class-train/" in caught.hint


def test_a_split_nested_once_more_of_loose_images(tmp_path: Path) -> None:
    write(tmp_path, {"train/train": 3, "test/test": 3})
    assert refused_when_planned(tmp_path).message.endswith("has no class folders, only loose images (3)")


def test_test_images_without_classes_beside_train(tmp_path: Path) -> None:
    write(tmp_path / "train", PETS)
    write(tmp_path, {"test": 5})
    caught = refused_when_planned(tmp_path)
    assert caught.message == f"{tmp_path / 'test'} has no class folders, only loose images (5)"
    assert f"name {tmp_path / 'train'} to have a test split drawn from it" in caught.hint


def test_test_images_without_classes_beside_train_and_val_are_named_as_not_used(tmp_path: Path) -> None:
    write(tmp_path / "val", FEW, write(tmp_path / "train", PETS))
    write(tmp_path, {"test": 5})
    source = open_folder(tmp_path)
    assert source.origins == {"train": "train/", "test": "val/"}
    assert source.left_out == {"in test/ (not used)": 5}


def test_other_folders_beside_the_splits_are_named_as_not_used(tmp_path: Path) -> None:
    write(tmp_path / "test", FEW, write(tmp_path / "train", PETS))
    write(tmp_path / "test_ood", FEW)
    write(tmp_path, {"unlabeled": 7})
    touch(tmp_path / "README.md", tmp_path / "docs" / "a.txt", tmp_path / "example.png")
    (tmp_path / "val").mkdir()
    source = open_folder(tmp_path)
    assert source.origins == {"train": "train/", "test": "test/"}
    assert source.left_out == {
        "in test_ood/ (not used)": 4,
        "in unlabeled/ (not used)": 7,
        "not an image (.md)": 1,
        "outside the class folders": 1,
    }


@pytest.mark.parametrize(
    ("folders", "origins", "left"),
    [
        (("train", "trainval", "test"), {"train": "train/", "test": "test/"}, "trainval"),
        (
            ("train", "val", "train_val", "test"),
            {"train": "train/", "validation": "val/", "test": "test/"},
            "train_val",
        ),
        (("train", "train_valid", "valid"), {"train": "train/", "test": "valid/"}, "train_valid"),
        (("voc_train", "voc_trainval", "voc_test"), {"train": "voc_train/", "test": "voc_test/"}, "voc_trainval"),
        (("trainval", "test"), {"train": "trainval/", "test": "test/"}, ""),
        (("train", "train_extra", "test"), {"train": "train/", "test": "test/"}, "train_extra"),
        (("train", "train-aug", "val"), {"train": "train/", "test": "val/"}, "train-aug"),
        (("train", "val", "minival"), {"train": "train/", "test": "val/"}, "minival"),
        (("train", "test", "test2017"), {"train": "train/", "test": "test/"}, "test2017"),
        (("train", "dev", "test-dev"), {"train": "train/", "test": "dev/"}, "test-dev"),
        (
            ("pets_train", "pets_train_extra", "pets_test"),
            {"train": "pets_train/", "test": "pets_test/"},
            "pets_train_extra",
        ),
        (
            ("pets_train", "pets_unlabeled", "pets_test"),
            {"train": "pets_train/", "test": "pets_test/"},
            "pets_unlabeled",
        ),
    ],
)
def test_a_variant_beside_a_split_is_not_used_and_named(
    folders: tuple[str, ...], origins: dict[str, str], left: str, tmp_path: Path
) -> None:
    for name in folders:
        write(tmp_path / name, FEW)
    source = open_folder(tmp_path)
    assert source.origins == origins
    assert source.left_out == ({f"in {left}/ (not used)": 4} if left else {})


@pytest.mark.parametrize("names", [("train", "Train"), ("train", "training_set")])
def test_two_folders_for_one_split(names: tuple[str, str], tmp_path: Path) -> None:
    for name in (*names, "test"):
        try:
            write(tmp_path / name, FEW)
        except FileExistsError:
            pytest.skip("this file system does not tell capitals")
    caught = refused_when_planned(tmp_path)
    assert caught.message == (f"{tmp_path} has {min(names)}/ and {max(names)}/: each is a name of the train split")
    assert "put them together" in caught.hint


@pytest.mark.parametrize(
    "names",
    [("trainA", "trainB", "testA", "testB"), ("train_1", "train_2"), ("train2017", "test2018"), ("train", "val1")],
)
def test_splits_of_which_it_is_not_clear_what_they_are(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        write(tmp_path / name, FEW)
    caught = refused_when_planned(tmp_path)
    assert "it is not clear which are the train and the test split" in caught.message
    assert all(f"{name}/" in caught.message for name in names)
    assert "name one folder train/ and one test/" in caught.hint


def test_classes_with_the_names_of_splits(tmp_path: Path) -> None:
    for number, classes in enumerate((("bus", "car", "train"), ("invalid", "valid"), ("beaker", "test tube"))):
        write(tmp_path / str(number), dict.fromkeys(classes, 4))
        assert open_folder(tmp_path / str(number)).classes == classes


def test_a_test_folder_among_classes_is_a_class_only_where_that_is_said(tmp_path: Path) -> None:
    write(tmp_path, {**PETS, "test": 4})
    caught = refused_when_planned(tmp_path)
    assert caught.message == f"{tmp_path} has test/ beside cat/ and dog/: a split, or a class?"
    assert "class-train/" in caught.hint
    (tmp_path / "test").rename(tmp_path / "class-test")
    assert open_folder(tmp_path).classes == ("cat", "class-test", "dog")


def test_classes_with_splits_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, {f"{name}/{split}": 3 for name in ("bottle", "cable") for split in ("train", "test")})
    caught = refused_when_planned(tmp_path)
    assert caught.message == f"{tmp_path / 'bottle'} has splits of its own, test/ and train/: they would be mixed"
    assert "train/cat/1.jpg" in caught.hint


def test_folds_are_no_classes_and_classes_may_lie_in_batches(tmp_path: Path) -> None:
    write(tmp_path / "folds", {f"fold{number}/{name}": 2 for number in (1, 2, 3) for name in PETS})
    assert "fold1/, fold2/ and fold3/, each with the folders cat/ and dog/" in (
        refused_when_planned(tmp_path / "folds").message
    )
    write(tmp_path / "pets", {f"{name}/batch{number}": 2 for number in (1, 2, 3) for name in PETS})
    assert open_folder(tmp_path / "pets").classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (("color", "grayscale", "segmented"), ("cat", "dog")),  # the same images three times
        (("COVID", "Normal"), ("images", "masks")),
        (("te", "tr"), ("cat", "dog")),
    ],
)
def test_two_levels_of_folders_that_may_be_the_classes(
    outer: tuple[str, ...], inner: tuple[str, ...], tmp_path: Path
) -> None:
    write(tmp_path, {f"{one}/{other}": 4 for one in outer for other in inner})
    caught = refused_when_planned(tmp_path)
    assert caught.message.endswith(f"each with the folders {inner[0]}/ and {inner[1]}/: which are the classes?")
    assert f"folder:{tmp_path / outer[0]}" in caught.hint
    write(tmp_path, {f"{outer[0]}/more": 2})  # folders that differ are no second level of classes
    assert open_folder(tmp_path).classes == outer


@pytest.mark.parametrize("names", [("images", "masks"), ("JPEGImages", "SegmentationClass")])
def test_images_beside_masks_are_no_classes(names: tuple[str, str], tmp_path: Path) -> None:
    write(tmp_path, dict.fromkeys(names, 4))
    assert "these are no names of classes" in refused_when_planned(tmp_path).message
    write(tmp_path / "in", {f"{split}/{name}": 4 for split in ("train", "test") for name in names})
    assert refused_when_planned(tmp_path / "in").message.startswith(f"{tmp_path / 'in' / 'train'} has ")


# One folder too high


def test_one_folder_too_high(tmp_path: Path) -> None:
    write(tmp_path / "flowers", {"daisy": 3, "rose": 3, "tulip": 3})
    caught = refused_when_planned(tmp_path)
    assert caught.message == (
        f"{tmp_path} has images in one folder only, flowers/, which has the folders daisy/, rose/ and tulip/"
    )
    assert caught.hint.endswith(f"folder:{tmp_path / 'flowers'}")


def test_an_archive_unpacked_in_a_folder_of_its_own_beside_what_it_left(tmp_path: Path) -> None:
    for split in ("Train", "Test"):
        write(tmp_path / "archive" / "pets" / split, FEW)
    touch(tmp_path / "__MACOSX" / "archive" / "._1.png", tmp_path / "archive.zip", tmp_path / "docs" / "read.me")
    caught = refused_when_planned(tmp_path)
    assert "archive/pets/, which has the folders Test/ and Train/" in caught.message
    assert caught.hint.endswith(f"folder:{tmp_path / 'archive' / 'pets'}")
    assert open_folder(tmp_path / "archive" / "pets").classes == ("cat", "dog")


def test_images_beside_their_annotations(tmp_path: Path) -> None:
    write(tmp_path / "images", PETS)
    touch(tmp_path / "annotations" / "1.xml")
    assert refused_when_planned(tmp_path).hint.endswith(f"folder:{tmp_path / 'images'}")


def test_a_folder_too_much_inside_a_split(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write(tmp_path / split / "pets", FEW)
    caught = refused_when_planned(tmp_path)
    assert caught.message == (
        f"{tmp_path / 'train'} has images in one folder only, pets/, which has the folders cat/ and dog/"
    )
    assert caught.hint == "if these are the classes, move them up from pets/ into train/"


# Links


def test_links_to_images_and_folders_are_followed(tmp_path: Path) -> None:
    write(tmp_path / "store", {"cats": 3, "more": 2, "dogs": 3})
    root = tmp_path / "linked"
    (root / "cat").mkdir(parents=True)
    (root / "dog").symlink_to(tmp_path / "store" / "dogs")
    (root / "cat" / "more").symlink_to(tmp_path / "store" / "more")
    for image in (tmp_path / "store" / "cats").iterdir():
        (root / "cat" / image.name).symlink_to(image)
    source = open_folder(root)
    assert source.classes == ("cat", "dog")
    assert greys(source.train) + greys(source.test) != []
    assert sorted(greys(source.train) + greys(source.test)) == list(range(8))
    assert source.left_out == {}


def test_links_in_a_circle_end_and_are_counted(tmp_path: Path) -> None:
    write(tmp_path, PETS)
    for name, to in (
        ("up", tmp_path),
        ("self", tmp_path / "cat"),
        ("all", Path("/")),
        ("one", tmp_path / "cat" / "two"),
    ):
        (tmp_path / "cat" / name).symlink_to(to)
    (tmp_path / "cat" / "two").mkdir()
    (tmp_path / "cat" / "two" / "back").symlink_to(tmp_path / "cat" / "one")
    source = open_folder(tmp_path)
    assert len(source.train) + len(source.test) == 8
    assert source.left_out == {"linked again": 5}


def test_a_test_split_that_is_a_link_to_train(tmp_path: Path) -> None:
    write(tmp_path / "train", PETS)
    (tmp_path / "test").symlink_to("train")
    assert "are one folder: what is trained on would be tested on" in refused_when_planned(tmp_path).message


def test_a_class_folder_that_is_a_link_to_another_class(tmp_path: Path) -> None:
    write(tmp_path, {**PETS, "owl/barn": 4})
    (tmp_path / "aaa").symlink_to("dog")
    caught = refused_when_planned(tmp_path)
    assert caught.message == (
        f"class folder {tmp_path / 'aaa'} is a link to dog, which is read as {tmp_path.name}/dog/ already: "
        "one class would have the images of another"
    )
    (tmp_path / "aaa").unlink()
    (tmp_path / "barn").symlink_to("owl/barn")
    assert f"which is read as {tmp_path.name}/owl/ already" in refused_when_planned(tmp_path).message


def test_a_class_of_test_that_is_a_link_to_that_of_train(tmp_path: Path) -> None:
    write(tmp_path / "train", PETS)
    write(tmp_path / "test", {"cat": 2})
    (tmp_path / "test" / "dog").symlink_to("../train/dog")
    assert refused_when_planned(tmp_path).message == (
        f"class folder {tmp_path / 'test' / 'dog'} is a link to ../train/dog, which is read as train/dog/ already: "
        "what is trained on would be tested on"
    )


def test_a_link_to_a_link_to_nothing_names_both(tmp_path: Path) -> None:
    write(tmp_path, PETS)
    (tmp_path / "cat" / "900.png").symlink_to("../moved.png")
    (tmp_path / "moved.png").symlink_to("gone/1.png")
    with pytest.raises(DataError) as caught:
        fingerprint(settings(tmp_path))
    assert caught.value.message.endswith(
        f"it is a link to ../moved.png and by that to {tmp_path / 'gone' / '1.png'}, which is not there"
    )
    (tmp_path / "data").symlink_to("unmounted")
    assert error(tmp_path / "data").message == f"{tmp_path / 'data'} is a link to unmounted, which is not there"


def test_a_class_folder_that_is_a_broken_link(tmp_path: Path) -> None:
    write(tmp_path, PETS)
    (tmp_path / "002.Black_Owl").symlink_to("/mnt/not-mounted/owl")
    (tmp_path / "notes.txt").symlink_to("gone")
    caught = refused_when_planned(tmp_path)
    assert caught.message == f"{tmp_path / '002.Black_Owl'} is a link to /mnt/not-mounted/owl, which is not there"
    (tmp_path / "002.Black_Owl").unlink()
    assert open_folder(tmp_path).left_out == {"not an image (.txt)": 1}


# Files that cannot be read


def test_a_folder_inside_a_class_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {f"{name}/batch{number}": 2 for name in PETS for number in (1, 2)})
    scandir = os.scandir

    def guarded(path: Path) -> object:
        if path == tmp_path / "cat" / "batch2":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    caught = refused_when_planned(tmp_path)
    assert caught.message == f"cannot read {tmp_path / 'cat' / 'batch2'}: Permission denied"
    with pytest.raises(DataError, match="batch2"):  # a folder is no bad image
        load(tmp_path, on_bad_image="skip")


def bad_files(root: Path) -> None:
    """A file that is not there, one that leads to itself, a pipe, an empty one, text, a folder that is not there."""
    (root / "cat" / "901.png").symlink_to("../.git/annex/objects/none.png")
    (root / "cat" / "902.png").symlink_to("902.png")
    os.mkfifo(root / "cat" / "903.png")
    (root / "cat" / "904.png").write_bytes(b"")
    (root / "dog" / "905.png").write_text("version https://git-lfs.github.com/spec/v1")
    (root / "dog" / "batch9").symlink_to("/mnt/not-mounted/batch9")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_bad_files_of_every_kind_are_left_out_and_counted_where_that_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path, {"cat": 20, "dog": 20})
    good = load(tmp_path, on_bad_image="skip", limit=10**6)
    bad_files(tmp_path)
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert caught.value.message == (
        f"cannot read {tmp_path / 'cat' / '901.png'}: it is a link to ../.git/annex/objects/none.png, "
        "which is not there"
    )
    assert caught.value.hint.endswith("--on-bad-image skip leaves such images out")
    data = load(tmp_path, on_bad_image="skip", limit=10**6)
    names = ("cat/901.png", "cat/902.png", "cat/903.png", "cat/904.png", "dog/905.png", "dog/batch9")
    assert sorted(said.split(": ")[0].removeprefix("cannot read image ") for said in data.skipped) == [*names]
    assert sum(map(len, data.splits.values())) == sum(map(len, good.splits.values())) == 40


def test_a_missing_file_keeps_its_place_in_the_fingerprint(tmp_path: Path) -> None:
    write(tmp_path, PETS)
    whole = {fingerprint(settings(tmp_path, on_bad_image=choice)) for choice in ("fail", "skip")}
    assert len(whole) == 1
    link = tmp_path / "cat" / "900.png"
    link.symlink_to("none.png")
    without = {fingerprint(settings(tmp_path, on_bad_image="skip")) for _ in range(2)}
    (tmp_path / "cat" / "none.png").write_bytes((tmp_path / "cat" / "000.png").read_bytes())
    there = {fingerprint(settings(tmp_path, on_bad_image="skip"))}
    assert (len(without), len(whole | without | there)) == (1, 3)


# Leftovers


def test_what_file_systems_and_archives_leave_is_no_class_and_no_image(tmp_path: Path) -> None:
    write(tmp_path / "test", FEW, write(tmp_path / "train", PETS))
    before = fingerprint(settings(tmp_path))
    folders = ("@eaDir", "__MACOSX", ".thumbnails", ".ipynb_checkpoints", "lost+found", "$RECYCLE.BIN", "@EADIR.x")
    for name in (*folders[:-1], "System Volume Information"):
        touch(
            tmp_path / name / "x.png", tmp_path / "train" / name / "x.png", tmp_path / "test" / "cat" / name / "x.png"
        )
    touch(
        *(
            tmp_path / "train" / "cat" / name
            for name in ("._000.png", "Thumbs.db", ".DS_Store", "desktop.ini", ".x.png")
        )
    )
    source = open_folder(tmp_path)
    assert (source.classes, greys(source.train)) == (("cat", "dog"), list(range(8)))
    assert source.left_out == {"left by other programs": 3 * 5 + 4, "hidden": 3 * 2 + 1}
    assert fingerprint(settings(tmp_path)) == before
    assert "@eadir" in LEFTOVERS


def test_folders_below_the_classes_belong_to_their_class_and_are_counted(tmp_path: Path) -> None:
    write(tmp_path, {"cat/left": 2, "cat/up/side": 1, "dog": 3})
    source = open_folder(tmp_path)
    assert source.classes == ("cat", "dog")
    assert source.notes == ("3 images in 2 folders below the classes are taken for that class",)
    write(tmp_path / "one", {"cat": 3, "dog": 2, "dog/right": 1})
    assert open_folder(tmp_path / "one").notes == ("1 image in 1 folder below a class is taken for that class",)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("classes.txt", "dog\ncat\n", ""),
        ("classes.txt", "cat\ndog\nowl\n", "it names `owl`"),
        ("labels.txt", "0\tcat\n", "it does not name `dog`"),
        ("class_names.txt", "tench\ngoldfish\n", "it names `tench` and 1 more"),
        ("labels.txt", "\0", "it is no list of these"),
    ],
)
def test_a_list_of_classes_beside_folders_that_are_called_otherwise(
    name: str, text: str, said: str, tmp_path: Path
) -> None:
    write(tmp_path, PETS)
    (tmp_path / name).write_text(text)
    notes = open_folder(tmp_path).notes
    assert notes == ((f"{name} is not read: classes are named by their folders, and {said}",) if said else ())


def shrunk(root: Path, names: Sequence[str], mark: str = "") -> None:
    """Smaller copies of the photos of that name, all in one folder."""
    for name in names:
        put(root / f"{mark}{Path(name).name}", png(photo(0, 6, 6)))


def test_a_folder_of_thumbnails_beside_the_classes_is_no_class(tmp_path: Path) -> None:
    class_folders(tmp_path, {"cat": 3})
    for number in range(3, 6):
        put(tmp_path / "dog" / f"{number:03}.png", png(photo(number)))
    before = fingerprint(settings(tmp_path))
    shrunk(tmp_path / "thumbs", [f"{number:03}.png" for number in range(6)])
    shrunk(tmp_path / "cat" / "Thumbnails", [f"{number:03}.png" for number in range(3)], "tn_")
    source = open_folder(tmp_path)
    assert source.classes == ("cat", "dog")
    assert source.left_out == {"in thumbs/ (smaller copies)": 6, "in Thumbnails/ (smaller copies)": 3}
    assert fingerprint(settings(tmp_path)) == before


def test_a_class_that_is_called_like_thumbnails_stays_one(tmp_path: Path) -> None:
    class_folders(tmp_path / "hands", {"fist": 4, "palm": 4, "thumbs": 4})  # of the same names, but as large
    assert open_folder(tmp_path / "hands").classes == ("fist", "palm", "thumbs")
    class_folders(tmp_path / "other", {"fist": 4, "palm": 4})
    shrunk(tmp_path / "other" / "thumbs", ["a.png", "b.png"])  # smaller, but of other names
    assert open_folder(tmp_path / "other").classes == ("fist", "palm", "thumbs")


# Names


def test_class_names_in_two_unicode_forms(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "Größe café") for form in ("NFC", "NFD"))
    write(tmp_path / "test", {apart: 2, "zebra": 2}, write(tmp_path / "train", {composed: 3, "zebra": 3}))
    source = open_folder(tmp_path)
    assert source.classes == (composed, "zebra")
    assert (source.test.labels.tolist(), greys(source.test)) == ([0, 0, 1, 1], [6, 7, 8, 9])
    write(tmp_path / "train", {apart: 2})
    caught = refused_when_planned(tmp_path)
    assert "they look the same and differ in Unicode form" in caught.message
    assert "\\xf6" in caught.message
    assert "o\\u0308" in caught.message


def test_the_order_of_classes_is_that_of_train_in_every_split(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))  # before and behind `f` in order
    write(tmp_path / "test", {composed: 1, "f": 1}, write(tmp_path / "train", {apart: 2, "f": 2}))
    source = open_folder(tmp_path)
    assert source.classes == (apart, "f")
    assert source.test.read(torch.arange(2)).pixels[:, 0, 0, 0].tolist() == [4, 5]


@pytest.mark.parametrize(
    ("train", "test", "said"),
    [
        ("Cat", "cat", "they differ in case only"),
        ("cat", "cat ", "they differ in spaces only ('cat', 'cat ')"),
        ("cat", "ca\u200bt", "they look the same ('cat', 'ca\\u200bt')"),
        ("dalmatian", "dalmation", "which has `dalmation`"),
    ],
)
def test_class_names_that_almost_agree_between_splits(train: str, test: str, said: str, tmp_path: Path) -> None:
    write(tmp_path / "train", {train: 2, "owl": 2})
    write(tmp_path / "test", {test: 2, "owl": 2})
    caught = refused_when_planned(tmp_path)
    assert caught.message.startswith(f"class `{train}` is in {tmp_path / 'train'} but not in {tmp_path / 'test'}")
    assert caught.message.endswith(said)


def test_class_names_that_differ_in_case_within_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "letters", dict.fromkeys("aAbB", 3))
    assert open_folder(tmp_path / "letters").classes == ("A", "B", "a", "b")
    write(tmp_path / "pets", {"Cat": 3, "cat": 3, "dog": 3})
    caught = refused_when_planned(tmp_path / "pets")
    assert caught.message == f"{tmp_path / 'pets'} has two class folders `Cat` and `cat`: they differ in case only"


# Classes without images


@pytest.mark.parametrize(
    ("files", "said", "hint"),
    [
        (("1.heic", "2.HEIC", "3.avif"), "it has 2 .heic files, 1 .avif file", ".avif, .heic is not read, convert"),
        (("1.npy",), "it has 1 .npy file", ".npy is not read"),
        (("0001", "0002"), "it has 2 files", "images end in .bmp"),
        (("deep/1.svg", ".hidden.png"), "it has 1 .svg file, 1 hidden", ".svg is not read"),
        (("Thumbs.db",), "it has 1 left by other programs", "remove the folder"),
    ],
)
def test_a_class_without_images_that_are_read(files: tuple[str, ...], said: str, hint: str, tmp_path: Path) -> None:
    write(tmp_path, PETS)
    touch(*(tmp_path / "owl" / name for name in files))
    caught = refused_when_planned(tmp_path)
    assert caught.message == f"class folder {tmp_path / 'owl'} has no images: {said}"
    assert hint in caught.hint


def test_images_of_other_formats_among_those_that_are_read_are_counted(tmp_path: Path) -> None:
    write(tmp_path, PETS)
    touch(*(tmp_path / "cat" / name for name in ("1.heic", "2.heic", "3.avif", "cat.txt", "list")))
    touch(*(tmp_path / f"{number}.{ending}" for number, ending in enumerate(("zip", "csv", "md", "json"))))
    assert open_folder(tmp_path).left_out == {
        "in a format that is not read (.heic, .avif)": 3,
        "not images (no ending, .csv, .json, …)": 6,
    }


def test_an_archive_or_parquet_files_in_place_of_folders(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "train.zip", tmp_path / "b" / "train.parquet")
    assert refused_when_planned(tmp_path / "a").hint.startswith("unpack the archive")
    assert refused_when_planned(tmp_path / "b").hint.startswith(f"write parquet:{tmp_path / 'b'}")
    assert refused_when_planned(tmp_path / "a" / "train.zip").hint.startswith("unpack it")
    assert refused_when_planned(tmp_path / "b" / "train.parquet").hint.startswith("write parquet:")


# What has been read well so far


def test_the_fingerprint_of_plain_folders_is_what_it_was(tmp_path: Path) -> None:
    names = (
        "train/cat/1.png",
        "train/cat/deep/2.png",
        "train/dog/1.png",
        "train/stray.png",
        "val/cat/1.png",
        "val/dog/1.png",
    )
    for name in names:
        touch(tmp_path / name)
    content = hashlib.sha256(b"what is in it does not matter").hexdigest()
    roles = [name.replace("train/", "train\t").replace("val/", "test\t") for name in names]
    lines = "\n".join(f"{role}\t{content}" for role in roles)
    assert fingerprint(settings(tmp_path)) == hashlib.sha256(lines.encode()).hexdigest()[:16]


# From the command line


@pytest.mark.usefixtures("unmeasured")
def test_a_run_is_refused_before_its_first_cell_and_a_missing_file_is_skipped(run: Command, tmp_path: Path) -> None:
    write(tmp_path / "d", PETS)
    link = tmp_path / "d" / "cat" / "999.png"
    link.symlink_to("../.git/annex/objects/none.png")
    asked = ("run", "shuffle-test", "--preset", "quick", "--dataset", f"folder:{tmp_path / 'd'}", "--dry-run")
    code, out, err = run(*asked)
    assert (code, out) == (2, "")
    assert f"cannot read {link}: it is a link to ../.git/annex/objects/none.png, which is not there" in err
    assert "--on-bad-image skip" in err
    code, out, err = run(*asked, "--on-bad-image", "skip", "--json", "--results", str(tmp_path / "r"))
    assert (code, len({cell["id"] for cell in json.loads(out)["cells"]}) > 0) == (0, True), err
