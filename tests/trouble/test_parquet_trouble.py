"""Parquet data sets as people have them: what is read of each, or with which words it is refused."""

import json
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from barlowcli.data import parquet
from barlowcli.data.imageset import Part, Source
from barlowcli.data.load import load_dataset
from barlowcli.errors import DataError
from barlowcli.settings.data import DataSettings
from tests.cli.conftest import Command
from tests.data.test_parquet import columns, error, greys, open_path, png, write

CATS = ["cat", "dog", "owl"]


def named(names: Sequence[str] | None, column: str = "label") -> dict[str, str] | None:
    """The metadata of a Hugging Face data set."""
    if names is None:
        return None
    features = {"image": {"_type": "Image"}, column: {"names": [*names], "_type": "ClassLabel"}}
    return {"huggingface": json.dumps({"info": {"features": features}})}


def labelled(path: Path, labels: Any, start: int = 0, names: Sequence[str] | None = None) -> Path:
    """Greys that count from `start`, with labels of any type."""
    images = columns([0] * len(labels), start)["img"]
    return write(path, {"img": images, "label": labels}, metadata=named(names))


def seen(source: Source, part: Part) -> dict[str, list[int]]:
    """Class -> the greys that were read as images of it."""
    found: dict[str, list[int]] = {}
    for grey, label in zip(greys(part), part.labels.tolist(), strict=True):
        found.setdefault(source.classes[label], []).append(grey)
    return found


def splits(root: Path, *names: str) -> Path:
    """A file of two classes for every name, greys from 0, 10, 20, …; the folder."""
    for number, name in enumerate(names):
        write(root / f"{name}.parquet", columns([0, 1, 0, 1], 10 * (number % 20)))
    return root


# Where the files lie, and how they are called


@pytest.mark.parametrize(
    "layout", ["data/{}-00000-of-00001", "default/{}/0000", "{}/0000", "plain_text/{}-00000-of-00001"]
)
def test_a_clone_of_the_hub(layout: str, tmp_path: Path) -> None:
    source = open_path(splits(tmp_path, layout.format("train"), layout.format("test")))
    assert (greys(source.train), greys(source.test)) == ([0, 1, 2, 3], [10, 11, 12, 13])


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("TRAIN", "Test"),
        ("train-00000-of-00001-c08a401c53fe5312", "test-00000-of-00001-0b39db9e1aee1d6a"),
        ("split=train/part-00000-7b1d3c1e-0000-4000-8000-0123456789ab.c000.snappy", "split=test/part-0"),
        ("train.parquet/part-00000", "test.parquet/part-00000"),
        ("mnist_train", "mnist_test"),
        ("train_v2", "test_v2"),
        ("train2017", "val2017"),
        ("train-00001-of-00001", "validation"),
    ],
)
def test_other_names_of_splits(train: str, test: str, tmp_path: Path) -> None:
    source = open_path(splits(tmp_path, train, test))
    assert (greys(source.train), greys(source.test)) == ([0, 1, 2, 3], [10, 11, 12, 13])


def test_names_that_only_begin_like_a_split_are_not_read_and_named(tmp_path: Path) -> None:
    odd = ["trainer", "testimonials", "validation_results", "training_log", "train_extra", "test_ood", "train (1)"]
    splits(tmp_path, "train", "test", *odd, "unsupervised/0000")
    (tmp_path / "._train.parquet").write_bytes(b"left by a Mac")
    source = open_path(tmp_path)
    assert (greys(source.train), greys(source.test)) == ([0, 1, 2, 3], [10, 11, 12, 13])
    assert source.validation is None
    ((said, count),) = source.left_out.items()
    assert count == 8
    assert "test_ood.parquet, testimonials.parquet, train (1).parquet" in said
    assert source.origins == {"train": "train.parquet", "test": "test.parquet"}


def test_several_configurations_are_not_mixed(tmp_path: Path) -> None:
    splits(tmp_path, "cropped/train", "cropped/test", "full/train/0000", "full/test/0000")
    assert error(tmp_path).message == f"{tmp_path} has several data sets, each with splits of its own: cropped/, full/"
    assert error(tmp_path).hint == f"name the one that is meant: parquet:{tmp_path / 'cropped'}"
    assert greys(open_path(tmp_path / "full").test) == [30, 31, 32, 33]


def test_a_path_that_is_too_high_names_the_folder_that_is_meant(tmp_path: Path) -> None:
    root = tmp_path / "datasets--who--digits"
    inner = root / "snapshots" / "c08a401c53fe" / "data"
    splits(inner, "train", "test")
    assert error(root).message.endswith(f"they lie deeper: {inner}")
    assert error(root).hint == f"name the folder that is meant: parquet:{inner}"
    assert greys(open_path(inner).train) == [0, 1, 2, 3]


def test_missing_shards_are_named(tmp_path: Path) -> None:
    splits(tmp_path, *(f"train-0000{number}-of-00005" for number in (0, 1, 3, 4)), "test")
    assert error(tmp_path).message == f"train in {tmp_path} lacks 1 of 5 shards: number 2"
    assert "was everything downloaded?" in error(tmp_path).hint
    splits(tmp_path, "train-00002-of-00005")
    assert len(open_path(tmp_path).train) == 20


@pytest.mark.parametrize(
    "again",
    [
        "train-00000-of-00001",
        "train-00002-of-00003",
        "train",
        "training_1",
        "train/0000",
        "train-00001-of-00002-c08a401c53fe5312",
    ],
)
def test_a_split_that_is_there_twice(again: str, tmp_path: Path) -> None:
    splits(tmp_path, "train-00000-of-00002", "train-00001-of-00002", "test", again)
    assert error(tmp_path).message.startswith(f"train is there more than once in {tmp_path}: ")


def test_a_shard_beyond_the_number_of_shards(tmp_path: Path) -> None:
    splits(tmp_path, "train-00000-of-00002", "train-00004-of-00002", "test")
    assert error(tmp_path).message == f"train in {tmp_path} has number 4 of 2 shards"


def test_a_link_to_a_file_that_was_never_fetched(tmp_path: Path) -> None:
    splits(tmp_path, "train", "validation")
    (tmp_path / "test.parquet").symlink_to("../blobs/0b39db9e")
    assert error(tmp_path).message == f"{tmp_path / 'test.parquet'} is a link to ../blobs/0b39db9e, which is not there"


@pytest.mark.parametrize(
    ("joined", "said"),
    [
        (["trainval-00000-of-00001"], "other Parquet file (trainval-00000-of-00001.parquet)"),
        (
            ["train_val-0-of-2", "train_val-1-of-2"],
            "other Parquet files (train_val-0-of-2.parquet, train_val-1-of-2.parquet)",
        ),
        (["trainval/0000"], "other Parquet file (trainval/0000.parquet)"),
    ],
)
def test_train_and_validation_together_beside_train(joined: list[str], said: str, tmp_path: Path) -> None:
    splits(tmp_path, "train", "val", "test", *joined)
    source = open_path(tmp_path)
    assert (greys(source.train), greys(source.test)) == ([0, 1, 2, 3], [20, 21, 22, 23])
    assert source.left_out == {said: len(joined)}


def test_a_test_file_in_the_folder_of_train(tmp_path: Path) -> None:
    splits(tmp_path, "train/train-0", "train/test-0", "test/test-0")
    assert "test-0.parquet is called as the test split is, but lies in that of train" in error(tmp_path).message


def test_a_train_split_alone_is_divided_where_its_folder_is_named(tmp_path: Path) -> None:
    splits(tmp_path, "default/train-0-of-2", "default/train-1-of-2")
    assert error(tmp_path).message.endswith("it has train-0-of-2.parquet and 1 more of it")
    assert error(tmp_path).hint.startswith("move its files to a folder")
    for number in (0, 1):
        (tmp_path / "default" / f"train-{number}-of-2.parquet").unlink()
    splits(tmp_path, "default/train/0000", "default/train/0001")
    assert error(tmp_path).message.endswith("(or validation); it has train/")
    place = tmp_path / "default" / "train"
    assert error(tmp_path).hint == f"name {place}, parquet:{place}, to have a test split drawn from it"
    source = open_path(place, test_fraction=0.25)
    assert (len(source.train), len(source.test)) == (6, 2)
    assert sorted(greys(source.train) + greys(source.test)) == [0, 1, 2, 3, 10, 11, 12, 13]
    assert source.origins == {"test": "25 % of each class"}


def test_a_split_beside_the_one_that_was_named_is_not_used_and_named(tmp_path: Path) -> None:
    splits(tmp_path, "train", "test")
    source = open_path(tmp_path / "train.parquet", test_fraction=0.5)
    assert len(source.test) == 2
    assert [said for said in source.left_out if "test.parquet" in said]


def test_arrow_files_are_no_parquet_files(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "data-00000-of-00001.arrow").write_bytes(b"ARROW1")
    assert error(tmp_path).message.endswith("it has no Parquet file")
    assert "there are Arrow files" in error(tmp_path).hint


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "`git lfs pull` fetches that"),
        (b"\n<!DOCTYPE html><html></html>", "it is a web page"),
        (b"\x1f\x8b\x08\x00", "gunzip unpacks it"),
        (b"", "is the file whole?"),
    ],
)
def test_what_came_instead_of_a_file(content: bytes, hint: str, tmp_path: Path) -> None:
    splits(tmp_path, "train")
    (tmp_path / "test.parquet").write_bytes(content)
    assert error(tmp_path).message.startswith(f"{tmp_path / 'test.parquet'} cannot be read as Parquet: ")
    assert hint in error(tmp_path).hint


@pytest.mark.usefixtures("unmeasured")
def test_a_dry_run_already_refuses_files_that_are_not_clear(run: Command, tmp_path: Path) -> None:
    splits(tmp_path / "d", "one/train", "one/test", "two/train", "two/test")
    code, _, err = run(
        "run", "shuffle-test", "--preset", "quick", "--dataset", f"parquet:{tmp_path / 'd'}", "--dry-run"
    )
    assert code == 2
    assert "several data sets, each with splits of its own: one/, two/" in err
    assert f"hint: name the one that is meant: parquet:{tmp_path / 'd' / 'one'}" in err


def test_more_shards_than_files_may_be_open(tmp_path: Path) -> None:
    splits(tmp_path, *(f"train-{number:05}-of-00120" for number in range(120)), "test")
    _, hard = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len([*Path("/proc/self/fd").iterdir()]) + 20, hard))
    try:
        train = open_path(tmp_path).train
        assert len(train.read(torch.arange(len(train))).pixels) == 480
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


# What labels mean


def test_names_in_another_order_in_the_test_file(tmp_path: Path) -> None:
    labelled(tmp_path / "train.parquet", [0, 1, 2], 0, CATS)
    labelled(tmp_path / "test.parquet", [1, 2, 0, 1], 10, ["owl", "cat", "dog"])
    source = open_path(tmp_path)
    assert source.classes == ("cat", "dog", "owl")
    assert seen(source, source.train) == {"cat": [0], "dog": [1], "owl": [2]}
    assert seen(source, source.test) == {"cat": [10, 13], "dog": [11], "owl": [12]}


def test_names_in_another_order_in_the_second_shard(tmp_path: Path) -> None:
    labelled(tmp_path / "train-0-of-2.parquet", [0, 1, 2], 0, CATS)
    labelled(tmp_path / "train-1-of-2.parquet", [0, 1, 2], 10, ["owl", "cat", "dog"])
    labelled(tmp_path / "test.parquet", [0, 1, 2], 20, CATS)
    source = open_path(tmp_path)
    assert seen(source, source.train) == {"cat": [0, 11], "dog": [1, 12], "owl": [2, 10]}
    assert seen(source, source.test) == {"cat": [20], "dog": [21], "owl": [22]}


def test_cells_of_mixed_names_are_other_cells_than_those_that_took_the_numbers_as_they_are(tmp_path: Path) -> None:
    from barlowcli.data.parquet_files import files

    labelled(tmp_path / "train.parquet", [0, 1, 2], 0, CATS)
    labelled(tmp_path / "test.parquet", [0, 1, 2], 10, CATS)
    assert [role for role, _ in files(tmp_path)] == ["train", "test"]
    labelled(tmp_path / "test.parquet", [1, 2, 0], 10, ["owl", "cat", "dog"])
    assert [role for role, _ in files(tmp_path)] == ["train", "test\tlabels by name"]


def test_names_that_are_not_the_same_are_refused(tmp_path: Path) -> None:
    train = labelled(tmp_path / "train.parquet", [0, 1, 2], 0, CATS)
    test = labelled(tmp_path / "test.parquet", [0, 1, 2], 10, ["cat", "dog", "eagle owl"])
    assert error(tmp_path).message == (
        f"the files do not name the same classes: only the metadata of {train} names `owl`; "
        f"only the metadata of {test} names `eagle owl`"
    )


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("owl", "Owl", ": they differ in case only"),
        ("\xe9", "e\u0301", ": they look the same and differ in Unicode form ('\\xe9', 'e\\u0301')"),
    ],
)
def test_names_that_only_look_the_same_in_two_files(one: str, other: str, said: str, tmp_path: Path) -> None:
    labelled(tmp_path / "train.parquet", [0, 1, 2], 0, ["cat", "dog", one])
    labelled(tmp_path / "test.parquet", [0, 1, 2], 10, ["cat", "dog", other])
    assert error(tmp_path).message.endswith(said)


def test_a_file_without_names_beside_one_that_has_them(tmp_path: Path) -> None:
    train = labelled(tmp_path / "train.parquet", [0, 1, 2], 0, CATS)
    test = labelled(tmp_path / "test.parquet", [0, 1, 2], 10)
    labelled(tmp_path / "validation.parquet", pa.array([], pa.int64()), 20)  # of no rows: there is nothing to name
    assert error(tmp_path).message == f"{train} names its classes and {test} has only numbers"
    assert "classes.txt" in error(tmp_path).hint
    (tmp_path / "classes.txt").write_text("owl\ncat\ndog\n")
    source = open_path(tmp_path)
    assert seen(source, source.test) == {"owl": [10], "cat": [11], "dog": [12]}
    assert source.classes == ("cat", "dog", "owl")


def test_labels_as_text_are_matched_by_name(tmp_path: Path) -> None:
    labelled(tmp_path / "train.parquet", ["owl", "cat", "dog", "cat"])
    for kind in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        labelled(tmp_path / "test.parquet", pa.array(["dog", "owl", "cat"], kind), 10)
        source = open_path(tmp_path)
        assert source.classes == ("cat", "dog", "owl")
        assert seen(source, source.train) == {"owl": [0], "cat": [1, 3], "dog": [2]}
        assert seen(source, source.test) == {"dog": [10], "owl": [11], "cat": [12]}


def test_labels_as_text_in_one_file_and_numbers_with_names_in_another(tmp_path: Path) -> None:
    labelled(tmp_path / "train.parquet", ["owl", "cat", "dog"])
    labelled(tmp_path / "test.parquet", [0, 1, 2], 10, ["owl", "cat", "dog"])
    source = open_path(tmp_path)
    assert source.classes == ("owl", "cat", "dog")
    assert seen(source, source.train) == {"owl": [0], "cat": [1], "dog": [2]}
    train = labelled(tmp_path / "train.parquet", ["owl", "cat", "eagle"])
    assert error(tmp_path).message == (
        f"{train} has images of `eagle`, and the metadata of {tmp_path / 'test.parquet'} does not name it"
    )
    labelled(tmp_path / "test.parquet", [0, 1, 2], 10)
    assert error(tmp_path).message.endswith("test.parquet has only numbers")


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        (["cat", "dog"], ["Cat", "dog"], "labels `Cat` and `cat` would be two classes: they differ in case only"),
        (["cat", "dog", "Cat"], ["cat", "dog", "Cat"], "they differ in case only"),
        (["cat", "dog"], ["cat ", "dog"], "they differ in spaces only ('cat', 'cat ')"),
        (["caf\u00e9", "bar"], ["cafe\u0301", "bar"], "they look the same and differ in Unicode form"),
        (["cat", ""], ["cat", "dog"], "column `label` is empty in row 1"),
    ],
)
def test_text_labels_that_look_alike(train: list[str], test: list[str], words: str, tmp_path: Path) -> None:
    labelled(tmp_path / "train.parquet", train)
    labelled(tmp_path / "test.parquet", test)
    assert words in error(tmp_path).message
    labelled(tmp_path / "train.parquet", ["A", "a"])  # letters are
    labelled(tmp_path / "test.parquet", ["A", "a"])
    assert open_path(tmp_path).classes == ("A", "a")


@pytest.mark.parametrize(
    "kind", [pa.uint8(), pa.int8(), pa.uint64(), pa.float32(), pa.float64(), pa.decimal128(5, 2), pa.bool_()]
)
def test_other_types_of_numbers(kind: Any, tmp_path: Path) -> None:
    path = labelled(tmp_path / "x.parquet", pa.array(["0", "1", "0", "1"]).cast(kind))
    source = open_path(path, test_fraction=0.5)
    assert source.classes == (("false", "true") if kind == pa.bool_() else ("0", "1"))
    for part in (source.train, source.test):
        assert part.labels.tolist() == [grey % 2 for grey in greys(part)]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (pa.array([0.0, 0.5]), "is 0.5 in row 1"),
        (pa.array([0.0, float("nan")]), "is nan in row 1"),
        (pa.array([[0], [0, 1]]), "is list<element: int64>, not integer or text"),
        (pa.array([b"a", b"b"]), "is binary, not integer or text"),
    ],
)
def test_labels_that_name_no_class(labels: Any, words: str, tmp_path: Path) -> None:
    assert words in error(labelled(tmp_path / "x.parquet", labels)).message


def test_a_test_split_without_labels(tmp_path: Path) -> None:
    splits(tmp_path, "train", "validation")
    labelled(tmp_path / "test.parquet", [-1, -1])
    assert "is -1 in row 0" in error(tmp_path).message
    assert "move such a file away" in error(tmp_path).hint


# Columns and types


def test_two_columns_of_labels_and_none_called_label(tmp_path: Path) -> None:
    table = columns([0, 1])
    path = write(tmp_path / "x.parquet", {"img": table["img"], "fine_label": [0, 1], "coarse_label": [1, 0]})
    assert error(path).message == f"{path} has no column `label`; it has `img`, `fine_label`, `coarse_label`"
    assert error(path).hint == "is `fine_label` or `coarse_label` meant? call the one that is meant `label`"
    write(path, {"picture": table["img"], "label": [0, 1]})
    assert error(path).hint.startswith("is `picture` meant? call that column `image`; in Python, ")
    write(path, {"img": table["img"], "image": table["img"], "label": [0, 1]})
    assert error(path).message == f"{path} has images in `img` and in `image`"


@pytest.mark.parametrize("kind", [pa.string(), pa.int64(), pa.dictionary(pa.int32(), pa.string())])
@pytest.mark.parametrize("label", ["species", "kind"])
def test_columns_of_other_names_are_both_named_and_renamed_as_the_hint_says(
    label: str, kind: pa.DataType, tmp_path: Path
) -> None:
    values = pa.array(["cat", "owl", "cat", "owl"] if pa.types.is_dictionary(kind) else [0, 1, 0, 1]).cast(kind)
    file = write(tmp_path / "x.parquet", {"photo": columns([0, 1, 0, 1])["img"], label: values})
    caught = error(file)
    assert caught.message == f"{file} has no column `img` or `image` and none `label`; it has `photo`, `{label}`"
    meant, _, code = caught.hint.partition("; in Python, with pyarrow.parquet as pq: ")
    assert meant == f"is `photo` meant? call that column `image`; is `{label}` meant? call that column `label`"
    eval(code, {"pq": pq, "file": file})
    assert len(open_path(file, test_fraction=0.5).test) == 2


def test_columns_of_other_names_of_which_several_may_be_the_labels(tmp_path: Path) -> None:
    table = {"photo": columns([0, 1])["img"], "id": [7, 8], "place": ["a", "b"], "score": [0.5, 1.5]}
    hint = error(write(tmp_path / "x.parquet", table)).hint
    assert hint == (
        "is `photo` meant? call that column `image`; is `id` or `place` meant? call the one that is meant `label`"
    )


def test_the_only_label_that_the_metadata_speak_of(tmp_path: Path) -> None:
    table = {"image": columns([0, 1] * 2)["img"], "labels": [0, 1] * 2, "id": [7, 8, 9, 10]}
    path = write(tmp_path / "x.parquet", table, metadata=named(["cat", "dog"], "labels"))
    source = open_path(path, test_fraction=0.5)
    assert source.classes == ("cat", "dog")
    assert [grey % 2 for grey in greys(source.train)] == source.train.labels.tolist()


def image_types() -> list[Any]:
    """Bytes of images in all types that can hold them."""
    kinds = [pa.large_binary(), pa.dictionary(pa.int32(), pa.binary())]
    return [*kinds, pa.binary_view()] if hasattr(pa, "binary_view") else kinds


@pytest.mark.parametrize("struct", [False, True])
@pytest.mark.parametrize("kind", image_types(), ids=str)
def test_other_types_of_images(kind: Any, struct: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = pa.array([f"{row}.png" for row in range(8)])
    try:
        data = pa.array([png(row) for row in range(8)]).cast(kind)
        images = pa.StructArray.from_arrays([data, paths], ["bytes", "path"]) if struct else data
        path = write(tmp_path / "x.parquet", {"image": images, "label": [0, 1] * 4}, group=8)
    except pa.ArrowNotImplementedError:
        pytest.skip("this Arrow does not write them")
    source = open_path(path, test_fraction=0.5)
    assert sorted(greys(source.train) + greys(source.test)) == list(range(8))
    monkeypatch.setattr(parquet, "AT_ONCE", 100)  # a row group in parts
    assert sorted(greys(source.train) + greys(source.test)) == list(range(8))


@pytest.mark.parametrize(
    ("images", "hint"),
    [
        ([{"bytes": None, "path": "a.png"}, {"bytes": None, "path": "b.png"}], "read the image files themselves"),
        (["a.png", "b.png"], "read the image files themselves"),
        ([[1, 2], [3, 4]], "these are pixels"),
        (pa.array([b"abc", b"def"], pa.binary(3)), "these are pixels"),
        ([[b"a"], [b"b"]], "one image a row"),
    ],
)
def test_columns_that_hold_no_image_files(images: Any, hint: str, tmp_path: Path) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    column = pa.array(images, kind) if isinstance(images, list) and isinstance(images[0], dict) else images
    path = write(tmp_path / "x.parquet", {"image": column, "label": [0, 1]})
    assert hint in error(path).hint
    assert "column `image`" in error(path).message


# Bad images and damaged files


def test_every_kind_of_bad_image_is_skipped_and_named(tmp_path: Path) -> None:
    table = columns([0, 1] * 10)
    bad: dict[int, Any] = {1: None, 3: {"bytes": None, "path": "3.png"}, 4: {"bytes": b"", "path": "4.png"}}
    bad |= {6: {"bytes": png(6)[:40], "path": "6.png"}, 9: {"bytes": b"<html>not found</html>", "path": None}}
    for row, cell in bad.items():
        table["img"][row] = cell
    write(tmp_path / "train.parquet", table)
    splits(tmp_path, "test")
    settings = DataSettings(name=f"parquet:{tmp_path}", on_bad_image="skip", validation=0.3)
    data = load_dataset(settings, root=tmp_path)
    assert len(data.train) + len(data.validation) == 15
    assert len(data.skipped) == 5
    assert [row for row in bad if not any(f"train.parquet row {row}" in line for line in data.skipped)] == []
    with pytest.raises(DataError, match=r"cannot read image train\.parquet row \d"):
        load_dataset(settings.model_copy(update={"on_bad_image": "fail"}), root=tmp_path)


@pytest.mark.parametrize("column", ["label", "image"])
def test_a_damaged_page_is_refused_by_the_name_of_its_file(column: str, tmp_path: Path) -> None:
    splits(tmp_path, "train", "test")
    path = tmp_path / "train.parquet"
    table = pa.table({"image": [png(row) for row in range(4)], "label": [0, 1, 0, 1]})
    pq.write_table(table, path, compression="none", use_dictionary=False, write_page_checksum=True)
    group = pq.ParquetFile(path).metadata.row_group(0)
    leaf = next(leaf for leaf in map(group.column, range(2)) if leaf.path_in_schema == column)
    content = bytearray(path.read_bytes())
    content[leaf.data_page_offset + leaf.total_compressed_size - 3] ^= 1  # one bit, near the end of the page
    path.write_bytes(content)
    settings = DataSettings(name=f"parquet:{tmp_path}", on_bad_image="skip")
    with pytest.raises(DataError, match=r"train\.parquet cannot be read as Parquet: .*checksum"):
        load_dataset(settings, root=tmp_path)


# classes.txt


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffcat\r\ndog\r\nowl\r\n".encode(),
        "\ufeff0\tcat\r\n1\tdog\r\n2\towl\r\n".encode(),
        "cat\r\ndog\r\nowl\r\n\r\n\r\n".encode("utf-16"),
        b"2\towl\n0\tcat\n1\tdog\n",
        b"cat\rdog\rowl",
        b" cat \n\tdog\n".replace(b"\t", b" ") + b"owl\nelk\n",
    ],
)
def test_class_files_as_editors_write_them(content: bytes, tmp_path: Path) -> None:
    labelled(tmp_path / "train.parquet", [0, 1, 2])
    labelled(tmp_path / "test.parquet", [2, 1, 0], 10)
    (tmp_path / "classes.txt").write_bytes(content)
    source = open_path(tmp_path)
    assert source.classes == ("cat", "dog", "owl")
    assert seen(source, source.test) == {"owl": [10], "dog": [11], "cat": [12]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cat\n\nowl\n", "classes.txt line 2 has no name"),
        ("cat\nowl\ncat\n", "classes.txt names labels 0 and 2 alike: `cat`"),
        ("0\tcat\n1\tdog\n3\towl\n", "line 3 starts with `3`, not with a label from 0 to 2"),
        ("0\tcat\n0\tdog\n2\towl\n", "line 2 names label 0 again"),
        ("cat\t0\ndog\t1\nowl\t2\n", "line 1 starts with `cat`, not with a label from 0 to 2"),
        ("0\tcat\ndog\nowl\n", "line 2 has no tab, unlike line 1"),
        ("cat\ndog\n", "classes.txt names 2 classes"),
    ],
)
def test_class_files_that_name_no_class_for_sure(text: str, words: str, tmp_path: Path) -> None:
    labelled(tmp_path / "train.parquet", [0, 1, 2])
    labelled(tmp_path / "test.parquet", [2, 1, 0], 10)
    (tmp_path / "classes.txt").write_text(text)
    assert words in error(tmp_path).message


def test_a_class_file_above_the_folder_of_the_files(tmp_path: Path) -> None:
    splits(tmp_path, "data/train", "data/test")
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    assert open_path(tmp_path).classes == ("cat", "dog")
    (tmp_path / "classes.txt").rename(tmp_path / "data" / "classes.txt")
    assert open_path(tmp_path).classes == ("cat", "dog")


def test_a_class_file_that_is_not_read_and_says_something_else(tmp_path: Path) -> None:
    labelled(tmp_path / "train.parquet", [0, 1, 2], names=CATS)
    labelled(tmp_path / "test.parquet", [2, 1, 0], 10, names=CATS)
    not_read = "classes.txt is not read: the files name the classes themselves, and "
    for text, said in (
        ("cat\ndog\nowl\n", ()),
        ("owl\ncat\ndog\n", (f"{not_read}label 0 is `cat` there, not `owl`",)),
        ("cat\ndog\neagle\n", (f"{not_read}it names `eagle`",)),
    ):
        (tmp_path / "classes.txt").write_text(text)
        assert open_path(tmp_path).notes == said


def test_a_list_of_another_name_beside_numbers(tmp_path: Path) -> None:
    splits(tmp_path, "train", "test")
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    source = open_path(tmp_path)
    assert source.classes == ("0", "1")
    assert source.notes == (
        "labels.txt is not read: names of classes are read from classes.txt, and it names `cat` and 1 more",
    )


# README.md of the Hub


def card(root: Path, *configs: str) -> None:
    (root / "README.md").write_text("---\nlicense: mit\n" + "".join(configs) + "tags:\n- pets\n---\n# Pets\n")


USUAL = """configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
  - split: test
    path:
    - "data/test-00000-of-00001.parquet"
"""
NOT_READ = ("the splits that README.md names under `configs:` are not read: files are told by their names",)


def test_a_readme_that_names_the_splits_as_the_files_do(tmp_path: Path) -> None:
    splits(tmp_path, "data/train-00000-of-00001", "data/test-00000-of-00001")
    card(tmp_path)
    assert open_path(tmp_path).notes == ()
    card(tmp_path, USUAL)
    assert open_path(tmp_path).notes == ()


@pytest.mark.parametrize(
    "configs",
    [
        USUAL.replace("data/train-*", "data/*"),
        USUAL.replace("split: test", "split: train"),
        "configs: [{config_name: default, data_files: data/*}]\n",
    ],
)
def test_a_readme_that_names_other_splits(configs: str, tmp_path: Path) -> None:
    splits(tmp_path, "data/train-00000-of-00001", "data/test-00000-of-00001")
    card(tmp_path, configs)
    source = open_path(tmp_path)
    assert (greys(source.train), greys(source.test)) == ([0, 1, 2, 3], [10, 11, 12, 13])
    assert source.notes == NOT_READ


def test_a_readme_that_names_splits_of_files_that_have_no_split_in_their_names(tmp_path: Path) -> None:
    splits(tmp_path, "part-0", "part-1")
    card(tmp_path, USUAL.replace("data/train-*", "part-0*").replace("data/test-00000-of-00001", "part-1"))
    assert open_path(tmp_path, test_fraction=0.5).notes == NOT_READ
