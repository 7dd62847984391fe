"""Parquet files: columns of all kinds, null rows, damaged bytes, cells and rows that unpack to gigabytes."""

import functools
import io
import json
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis.strategies import DrawFn, SearchStrategy
from PIL import Image

from tests.faults.strategies import Case, damage, values
from tests.faults.strategies_images import encode, photo


def parquet(table: Any, **options: Any) -> bytes:
    """A Parquet file."""
    stream = io.BytesIO()
    pq.write_table(table, stream, **options)
    return stream.getvalue()


def good_columns(count: int = 8) -> dict[str, Any]:
    """Small images of two classes in the layout of Hugging Face."""
    data = [encode(Image.new("RGB", (9, 9), (row, 0, 0)), "PNG") for row in range(count)]
    return {
        "img": [{"bytes": item, "path": f"{row}.png"} for row, item in enumerate(data)],
        "label": pa.array([row % 2 for row in range(count)], pa.int64()),
    }


@functools.cache
def parquet_files() -> tuple[bytes, ...]:
    """Right ones, packed and laid out in several ways."""
    plain = pa.table(good_columns())
    binary = pa.table({"image": [item["bytes"] for item in good_columns()["img"]], "label": good_columns()["label"]})
    names = {"huggingface": json.dumps({"info": {"features": {"label": {"names": ["cat", "dog"]}}}})}
    options: list[dict[str, Any]] = [{}, {"compression": "zstd"}, {"compression": "none", "use_dictionary": False}]
    options += [{"row_group_size": 3}, {"data_page_version": "2.0"}, {"version": "1.0", "compression": "gzip"}]
    return (
        *(parquet(plain, **one) for one in options),
        parquet(binary),
        parquet(plain.replace_schema_metadata(names)),
    )


def image_columns() -> SearchStrategy[Any]:
    """Eight rows of what may stand in a column of images."""
    good = [item["bytes"] for item in good_columns()["img"]]
    cell = st.one_of(st.sampled_from(good), st.none(), st.binary(max_size=20), st.just(b"\x89PNG"))
    eight = st.lists(cell, min_size=8, max_size=8)
    kinds = st.sampled_from((pa.binary(), pa.large_binary()))
    structs = st.sampled_from(
        (
            lambda row: {"bytes": row, "path": "x.png"},
            lambda row: {"bytes": row, "path": None},
            lambda row: {"bytes": row},
            lambda row: {"path": "x"},
            lambda row: None if row is None else {"bytes": row, "path": "\x1b<b>" * 20},
            lambda row: {"bytes": row, "path": 5},
        )
    )
    others = st.sampled_from(
        (
            pa.array(["a"] * 8),
            pa.array([1] * 8),
            pa.array([[b"x"]] * 8),
            pa.array(good).dictionary_encode(),
            pa.nulls(8),
            pa.array([b"abcd"] * 8, pa.binary(4)),
            pa.array([{"bytes": {"bytes": b"x"}}] * 8),
            pa.array([[("a", b"x")]] * 8, pa.map_(pa.string(), pa.binary())),
        )
    )
    right = st.sampled_from((pa.array(good), pa.array(good_columns()["img"])))
    return st.one_of(
        right,
        right,
        st.builds(lambda rows, kind: pa.array(rows, kind), eight, kinds),
        st.builds(lambda rows, wrap: pa.array([wrap(row) for row in rows]), eight, structs),
        others,
    )


def label_columns() -> SearchStrategy[Any]:
    """Eight rows of what may stand in a column of labels."""
    some = st.sampled_from((0, 1, 2, 7, -1, None, 2**31, 2**62))
    right = st.just(pa.array([0, 1] * 4))
    others = st.sampled_from(
        (
            pa.array([0.0, 1.0] * 4),
            pa.array(["a", "b"] * 4),
            pa.array([True, False] * 4),
            pa.nulls(8),
            pa.array([2**64 - 1] * 8, pa.uint64()),
            pa.array([0, 1] * 4, pa.int8()),
            pa.array([[0]] * 8),
            pa.array(["a", "b"] * 4).dictionary_encode(),
            pa.array(["cat", "dog "] * 4, pa.large_string()),
            pa.array(["cat", ""] * 4),
        )
    )
    drawn = st.lists(some, min_size=8, max_size=8).map(lambda rows: pa.array(rows, pa.int64()))
    return st.one_of(right, right, drawn, others)


def class_lists() -> SearchStrategy[dict[str, str]]:
    """The metadata of Hugging Face: names in some order, some of them other ones, or anything at all."""
    names = st.permutations(["cat", "dog", "owl"]) | st.lists(st.sampled_from(("cat", "dog", "")), max_size=3)
    feature = st.fixed_dictionaries({"_type": st.sampled_from(("ClassLabel", "Image", 5)), "names": names})
    features = st.dictionaries(st.sampled_from(("label", "labels", "image")), feature, max_size=2)
    right = features.map(lambda features: {"info": {"features": features}})
    return st.one_of(right, right, values()).map(lambda one: {"huggingface": json.dumps(one, default=str)})


@st.composite
def tables(draw: DrawFn) -> bytes:
    """A file with columns of many kinds, or a right one with damaged bytes."""
    if draw(st.booleans()):
        return damage(draw, draw(st.sampled_from(parquet_files())))
    pairs = (*[("img", "label"), ("image", "label")] * 4, ("img", "labels"), ("picture", "label"))
    names, columns = list(draw(st.sampled_from(pairs))), [draw(image_columns()), draw(label_columns())]
    if draw(st.integers(0, 9)) == 0:
        columns, names = [*columns, columns[draw(st.integers(0, 1))]], [*names, draw(st.sampled_from(names))]
    table = pa.table(columns, names)
    if draw(st.integers(0, 9)) == 0:
        table = table.slice(0, 0)
    if draw(st.integers(0, 2)) == 0:
        table = table.replace_schema_metadata(draw(class_lists()))
    return parquet(table, compression=draw(st.sampled_from(("none", "snappy", "zstd"))))


@st.composite
def parquets(draw: DrawFn) -> Case:
    """One file, or a folder of several that may be splits; some with names of classes beside them."""
    settings = {
        "image_size": draw(st.sampled_from((None, 8))),
        "on_bad_image": draw(st.sampled_from(("fail", "skip"))),
    }
    files = {"x.parquet": draw(tables())}
    if draw(st.integers(0, 2)) == 0:
        place = draw(st.sampled_from(("", "", "data/", "a/b/")))
        stems = (
            "train-00000-of-00002",
            "train-00001-of-00002",
            "train-1-of-1",
            "test",
            "Val",
            "x",
            "test/0",
            "train/1",
        )
        others = st.dictionaries(st.sampled_from(stems), tables(), min_size=1, max_size=3)
        good = parquet(pa.table(good_columns()))
        splits = {"train": good, "test": good} | draw(others) if draw(st.booleans()) else draw(others)
        files = {f"{place}{name}.parquet": data for name, data in splits.items()}
    if draw(st.integers(0, 4)) == 0:
        right = st.sampled_from((b"a\nb\n", b"0\ta\n1\tb\n", b"1\ta\n0\tb\n", b"\xef\xbb\xbfcat\r\ndog\r\n\r\n", b""))
        files["classes.txt"] = draw(st.one_of(st.binary(max_size=30), right))
    return Case(files, settings=settings)


def huge_cell(size: int = 300 * 2**20) -> bytes:
    """A cell of zeros among right ones, packed to a thousandth."""
    images = [*(row["bytes"] for row in good_columns(20)["img"]), bytes(size)]
    table = pa.table({"image": pa.array(images, pa.binary()), "label": pa.array([row % 2 for row in range(21)])})
    return parquet(table, compression="zstd", use_dictionary=False)


def one_for_all(rows: int = 1200) -> bytes:
    """One image of a megabyte that all rows refer to."""
    image = encode(photo(), "PNG") + bytes(900_000)
    shared = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array([image], pa.binary()))
    labels = pa.array([row % 2 for row in range(rows)])
    return parquet(pa.table({"image": shared, "label": labels}), store_schema=False)


def one_label_for_all(rows: int = 20_000) -> bytes:
    """A label of a megabyte that all rows refer to."""
    texts = pa.array(["x" * 2**20, "y" * 2**20])
    labels = pa.DictionaryArray.from_arrays(pa.array([0, 1] * (rows // 2), pa.int32()), texts)
    images = [row["bytes"] for row in good_columns(rows // 100)["img"]] * 100
    return parquet(pa.table({"image": images, "label": labels}), store_schema=False, dictionary_pagesize_limit=2**23)


def many_rows(rows: int = 20_000_000) -> bytes:
    """Rows without an image, which take hardly a byte."""
    return parquet(pa.table({"image": pa.nulls(rows, pa.binary()), "label": pa.array(np.zeros(rows, np.int64))}))


def parquet_bombs() -> list[Callable[[], bytes]]:
    """Cells and rows that unpack to far more than the file holds; each made when asked for."""
    return [huge_cell, one_for_all, one_label_for_all, many_rows]
