from pathlib import Path

import pytest

from barlowcli.data.parquet_names import check_places, is_parquet, place_of, splits_of
from barlowcli.errors import DataError


@pytest.mark.parametrize(
    ("name", "stem", "number", "total"),
    [
        ("train.parquet", "train", None, None),
        ("Train_0.PARQUET", "train", 0, None),
        ("train-00003-of-00010.parquet", "train", 3, 10),
        ("train-00000-of-00001-c08a401c53fe5312.parquet", "train", 0, 1),
        ("train_part_2.snappy.parquet", "train", 2, None),
        ("train.shard7.pq", "train", 7, None),
        ("0000.parquet", "", 0, None),
        ("part-00001-7b1d3c1e-0000-4000-8000-0123456789ab.c000.gz.parquet", "", 1, None),
        ("val2017.parquet", "val", 2017, None),
        ("train_v2.parquet", "train_v2", None, None),
        ("test_32x32.parquet", "test_32x32", None, None),
        ("train (1).parquet", "train (1)", None, None),
    ],
)
def test_what_a_name_says(name: str, stem: str, number: int | None, total: int | None) -> None:
    assert is_parquet(name)
    (shard,) = place_of(Path(), [Path(name)], alike=True).shards
    assert (shard.stem, shard.number, shard.total) == (stem, number, total)


@pytest.mark.parametrize(
    "name", [".train.parquet", "._train.parquet", "_metadata.parquet", "train.parquet.aria2", "x.csv"]
)
def test_hidden_and_other_files(name: str) -> None:
    assert not is_parquet(name)


def test_words_that_all_names_have_are_left_out_where_no_name_is_a_split() -> None:
    assert splits_of(["a_train.parquet", "a_test.parquet", "a_val.parquet"]) == {
        "a_train.parquet": "train",
        "a_test.parquet": "test",
        "a_val.parquet": "validation",
    }
    mixed = splits_of(["train.parquet", "train_a.parquet", "test_a.parquet"])
    assert mixed == {"train.parquet": "train", "train_a.parquet": None, "test_a.parquet": None}
    assert {*splits_of(["a_train.parquet", "b_test.parquet"]).values()} == {None}
    assert splits_of(["train_a.parquet"]) == {"train_a.parquet": None}
    assert splits_of([]) == {}


def message(*names: str, alike: bool = True) -> str:
    place = place_of(Path("d"), [Path("d", name) for name in names], alike=alike)
    with pytest.raises(DataError) as caught:
        check_places("train", Path("d"), [place])
    return caught.value.message


def test_shards_that_are_lacking_are_counted() -> None:
    assert message("t-1-of-4.parquet", "t-4-of-4.parquet") == "train in d lacks 2 of 4 shards: number 2, 3"
    assert message("t-5-of-999999999.parquet") == "train in d lacks 999999998 of 999999999 shards: number 0, 1, 2, …"
    assert message("x-0-of-2.parquet", alike=False) == "train in d lacks 1 of 2 shards: number 1"
    assert message("x-0-of-0.parquet") == "train in d has number 0 of 0 shards"
    assert message("t.parquet", "t.pq") == "train is there more than once in d: t.parquet and t.pq"


def test_any_names_will_do_in_the_folder_of_a_split() -> None:
    for names in (["a", "b"], ["0000", "0001"], ["t-1-of-2", "t-2-of-2"], ["part-0", "part-00"]):
        check_places(
            "train", Path("d"), [place_of(Path("d"), [Path(f"{name}.parquet") for name in names], alike=False)]
        )
