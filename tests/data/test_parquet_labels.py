from pathlib import Path

import numpy as np
import pytest

from barlowcli.data.parquet_labels import Labels, matched
from barlowcli.errors import DataError


def of(name: str, codes: list[int], names: str | None = None, *, text: bool = False) -> Labels:
    listed = None if names is None else tuple(names.split())
    return Labels(Path(name), np.array(codes, np.int64), listed, f"the metadata of {name}", text)


def test_numbers_stay_in_order_and_those_that_are_not_there_are_no_class() -> None:
    codes, classes = matched({"train": [of("a", [7, 2]), of("b", [7])], "test": [of("c", [2, 7])]}, None)
    assert classes == ("2", "7")
    assert {split: values.tolist() for split, values in codes.items()} == {"train": [1, 0, 1], "test": [0, 1]}


def test_the_first_list_numbers_the_classes_and_others_follow_by_name() -> None:
    files = {"train": [of("a", [0, 1], "y x z")], "test": [of("b", [0, 1], "x y z")]}
    codes, classes = matched(files, None)
    assert classes == ("y", "x")
    assert {split: values.tolist() for split, values in codes.items()} == {"train": [0, 1], "test": [1, 0]}


def test_text_is_numbered_by_classes_txt_where_there_is_one() -> None:
    files = {"all": [of("a", [0, 1, 1], "x y", text=True)]}
    codes, classes = matched(files, ("classes.txt", ["z", "y", "x"]))
    assert classes == ("y", "x")
    assert codes["all"].tolist() == [1, 0, 0]
    with pytest.raises(DataError, match=r"a has images of `x`, and classes\.txt does not name it"):
        matched(files, ("classes.txt", ["z", "y"]))


def test_a_name_that_a_list_has_twice() -> None:
    same = {"all": [of("a", [0, 1], "x y y")]}
    assert matched(same, None)[1] == ("x", "y")  # no image has the third label
    with pytest.raises(DataError, match="the metadata of a names labels 1 and 2 alike: `y`"):
        matched({"all": [of("a", [1, 2], "x y y")]}, None)
    with pytest.raises(DataError, match="the metadata of b names a class twice: `y`"):
        matched({"all": [of("a", [0, 1], "x y"), of("b", [0], "y x y")]}, None)


def test_no_rows_at_all() -> None:
    codes, classes = matched({"all": [of("a", [])]}, None)
    assert classes == ()
    assert codes["all"].tolist() == []
