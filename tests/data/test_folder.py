from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from barlowcli.data.folder import load
from barlowcli.data.imageset import Part, Source
from barlowcli.errors import DataError
from barlowcli.settings.data import DataSettings


def write(root: Path, classes: dict[str, int], start: int = 0) -> int:
    """`count` images a class, each of a grey of its own from `start` on; the next grey."""
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(np.full((9, 9, 3), start, np.uint8)).save(root / name / f"{number:03}.png")
            start += 1
    return start


def open_folder(root: Path, **settings: object) -> Source:
    return load(DataSettings.model_validate({"name": f"folder:{root}", **settings}), root)


def greys(part: Part) -> list[int]:
    return sorted(part.read(torch.arange(len(part))).pixels[:, 0, 0, 0].tolist())


def error(root: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        open_folder(root)
    return caught.value


def test_train_and_test_are_taken_as_they_are(tmp_path: Path) -> None:
    write(tmp_path / "test", {"cat": 2, "bee": 1}, write(tmp_path / "train", {"cat": 3, "bee": 4}))
    source = open_folder(tmp_path)
    assert source.classes == ("bee", "cat")
    assert source.validation is None
    assert source.train.labels.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert source.train.read(torch.arange(7)).pixels[:, 0, 0, 0].tolist() == [3, 4, 5, 6, 0, 1, 2]
    assert greys(source.test) == [7, 8, 9]


def test_with_all_three_splits_val_is_the_validation_split(tmp_path: Path) -> None:
    last = write(tmp_path / "train", {"a": 3, "b": 3})
    last = write(tmp_path / "val", {"a": 1, "b": 1}, last)
    write(tmp_path / "test", {"a": 2, "b": 2}, last)
    source = open_folder(tmp_path)
    assert source.validation is not None
    assert [greys(part) for part in (source.train, source.validation, source.test)] == [
        [0, 1, 2, 3, 4, 5],
        [6, 7],
        [8, 9, 10, 11],
    ]


@pytest.mark.parametrize("name", ["val", "valid", "validation", "test", "testing"])
def test_with_two_splits_the_other_is_the_test_split(name: str, tmp_path: Path) -> None:
    write(tmp_path / name, {"a": 1, "b": 1}, write(tmp_path / "train", {"a": 3, "b": 3}))
    source = open_folder(tmp_path)
    assert source.validation is None
    assert greys(source.test) == [6, 7]


def test_one_tree_is_split_by_class_and_seed(tmp_path: Path) -> None:
    write(tmp_path, {"a": 20, "b": 10})
    source = open_folder(tmp_path, test_fraction=0.3)
    assert torch.bincount(source.test.labels).tolist() == [6, 3]
    assert greys(source.train) + greys(source.test) != list(range(30))
    assert sorted(greys(source.train) + greys(source.test)) == list(range(30))
    assert greys(open_folder(tmp_path, test_fraction=0.3).test) == greys(source.test)
    assert greys(open_folder(tmp_path, test_fraction=0.3, seed=1).test) != greys(source.test)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    write(tmp_path, {"bus": 5, "train": 5})
    assert open_folder(tmp_path).classes == ("bus", "train")


def test_images_lie_at_any_depth_and_what_is_hidden_or_no_image_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, {"a/deep/er": 2, "b": 2, ".cache": 3})
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    (tmp_path / "a" / "._000.png").write_bytes(b"left by a Mac")
    (tmp_path / "a" / "deep" / "X.JPG").write_bytes((tmp_path / "b" / "000.png").read_bytes())
    source = open_folder(tmp_path, test_fraction=0.5)
    assert source.classes == ("a", "b")
    assert len(source.train) + len(source.test) == 5


def test_bad_images_are_named_by_their_path_in_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "test", {"a": 1, "b": 1}, write(tmp_path / "train", {"a": 3, "b": 3}))
    bad = tmp_path / "train" / "b" / "001.png"
    bad.write_bytes(b"?")
    part = open_folder(tmp_path, on_bad_image="skip").train
    images = part.read(torch.arange(6))
    assert images.rows.tolist() == [0, 1, 2, 3, 5]
    assert images.skipped == ("cannot read image train/b/001.png: not an image, or of an unknown format",)


def test_a_missing_path(tmp_path: Path) -> None:
    assert error(tmp_path / "none").message == f"{tmp_path / 'none'}: no such file or folder"


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"")
    assert error(path).message == f"{path} is not a folder"


def test_no_class_folders(tmp_path: Path) -> None:
    assert error(tmp_path).message == f"{tmp_path} has no class folders: it is empty"
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.txt").write_bytes(b"")
    assert error(tmp_path).message == f"{tmp_path} has no class folders, only loose images (1)"
    assert "PATH/cat/1.jpg" in error(tmp_path).hint


def test_a_class_without_images(tmp_path: Path) -> None:
    write(tmp_path, {"a": 3, "b": 0})
    assert error(tmp_path).message == f"class folder {tmp_path / 'b'} has no images: it is empty"
    assert error(tmp_path).hint == "add images, or remove the folder from all splits"
    (tmp_path / "b" / "1.txt").write_text("no image")
    assert error(tmp_path).message == f"class folder {tmp_path / 'b'} has no images: it has 1 .txt file"
    assert ".jpeg" in error(tmp_path).hint


def test_classes_that_differ_between_splits(tmp_path: Path) -> None:
    write(tmp_path / "train", {"a": 2, "b": 2})
    write(tmp_path / "test", {"a": 1, "c": 1})
    train, test = tmp_path / "train", tmp_path / "test"
    assert error(tmp_path).message == f"class `b` is in {train} but not in {test}"
    write(train, {"c": 2})
    (test / "b").mkdir()
    (test / "b" / "x.png").write_bytes((train / "b" / "000.png").read_bytes())
    write(test, {"d": 1})
    assert error(tmp_path).message == f"class `d` is in {test} but not in {train}"


@pytest.mark.parametrize("name", ["train", "test"])
def test_a_lone_split_is_not_taken_for_two_classes(name: str, tmp_path: Path) -> None:
    write(tmp_path / name, {"a": 2, "b": 2})
    assert error(tmp_path).message == f"{tmp_path} has {name}/ but not both train/ and one of test/ and val/"
    assert str(tmp_path / name) in error(tmp_path).hint
