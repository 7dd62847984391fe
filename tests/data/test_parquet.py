import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from barlowcli.data.imageset import Part, Source
from barlowcli.data.parquet import load
from barlowcli.errors import DataError
from barlowcli.settings.data import DataSettings

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"


def png(value: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((9, 9, 3), value, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def columns(labels: list[Any], start: int = 0) -> dict[str, Any]:
    """Rows of greys that count from `start`, in the layout of Hugging Face."""
    return {
        "img": [{"bytes": png(start + row), "path": f"{row}.png"} for row in range(len(labels))],
        "label": pa.array(labels, pa.int64()),
    }


def write(path: Path, table: dict[str, Any], *, metadata: dict[str, str] | None = None, group: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(table).replace_schema_metadata(metadata), path, row_group_size=group)
    return path


def open_path(path: Path, **settings: object) -> Source:
    return load(DataSettings.model_validate({"name": f"parquet:{path}", **settings}), path)


def error(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        open_path(path)
    return caught.value


def greys(part: Part, rows: list[int] | None = None) -> list[int]:
    chosen = torch.arange(len(part)) if rows is None else torch.tensor(rows)
    return part.read(chosen).pixels[:, 0, 0, 0].tolist()


def test_a_folder_of_shards_is_read_in_order(tmp_path: Path) -> None:
    write(tmp_path / "train-00000-of-00002.parquet", columns([0, 1, 0, 1, 1, 0, 0]))
    write(tmp_path / "train-00001-of-00002.parquet", columns([1, 1], start=7))
    write(tmp_path / "test.parquet", columns([1, 0], start=9))
    source = open_path(tmp_path)
    assert source.train.labels.tolist() == [0, 1, 0, 1, 1, 0, 0, 1, 1]
    assert greys(source.train) == list(range(9))
    assert greys(source.train, [2, 3, 6, 8]) == [2, 3, 6, 8]
    assert greys(source.test) == [9, 10]
    assert source.classes == ("0", "1")
    assert source.validation is None


def test_only_row_groups_that_are_asked_for_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "train.parquet", columns([0, 1] * 6))
    write(tmp_path / "test.parquet", columns([0, 1]))
    part = open_path(tmp_path).train
    read: list[int] = []
    original = pq.ParquetFile.read_row_group

    def read_row_group(self: Any, group: int, **options: Any) -> Any:
        read.append(group)
        return original(self, group, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", read_row_group)
    assert greys(part, [1, 7, 8]) == [1, 7, 8]
    assert read == [0, 2]
    assert pq.ParquetFile(path).num_row_groups == 4


def test_validation_files_are_validation_beside_test_and_test_without(tmp_path: Path) -> None:
    write(tmp_path / "train.parquet", columns([0, 1]))
    write(tmp_path / "validation.parquet", columns([1, 0], start=20))
    source = open_path(tmp_path)
    assert source.validation is None
    assert greys(source.test) == [20, 21]
    write(tmp_path / "test.parquet", columns([1, 0], start=30))
    source = open_path(tmp_path)
    assert source.validation is not None
    assert greys(source.validation) == [20, 21]
    assert greys(source.test) == [30, 31]


def test_one_file_is_split_by_class(tmp_path: Path) -> None:
    path = write(tmp_path / "all.parquet", columns([0, 1] * 10))
    source = open_path(path, test_fraction=0.3)
    assert torch.bincount(source.test.labels).tolist() == [3, 3]
    assert sorted(greys(source.train) + greys(source.test)) == list(range(20))
    for part in (source.train, source.test):
        assert (torch.tensor(greys(part)) % 2).tolist() == part.labels.tolist()
    assert greys(source.train, [1, 5]) == [greys(source.train)[1], greys(source.train)[5]]


def test_raw_bytes_in_a_column_called_image_will_do(tmp_path: Path) -> None:
    for kind in (pa.binary(), pa.large_binary()):
        images = pa.array([png(row) for row in range(8)], kind)
        path = write(tmp_path / "x.parquet", {"image": images, "label": pa.array([0, 1] * 4, pa.int32())})
        source = open_path(path, test_fraction=0.5)
        assert sorted(greys(source.train) + greys(source.test)) == list(range(8))


HUGGING_FACE = {"huggingface": json.dumps({"info": {"features": {"label": {"names": ["cat", "dog"]}}}})}


def test_names_come_from_the_metadata_then_from_classes_txt_then_from_the_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", columns([0, 1] * 2))
    assert open_path(path).classes == ("0", "1")
    (tmp_path / "classes.txt").write_text("ant\nbee\n")
    assert open_path(path).classes == ("ant", "bee")
    write(path, columns([0, 1] * 2), metadata=HUGGING_FACE)
    assert open_path(path).classes == ("cat", "dog")
    write(path, columns([0, 1] * 2), metadata={"huggingface": "{}"})
    assert open_path(path).classes == ("ant", "bee")


def test_labels_that_no_image_has_are_no_class(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", columns([7, 2, 7, 2]))
    assert open_path(path).classes == ("2", "7")
    (tmp_path / "classes.txt").write_text("\n".join("abcdefghij"))
    source = open_path(path)
    assert source.classes == ("c", "h")
    assert sorted(source.train.labels.tolist() + source.test.labels.tolist()) == [0, 0, 1, 1]


def test_a_label_beyond_the_names(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", columns([0, 2]), metadata=HUGGING_FACE)
    assert error(path).message == f"label 2 is out of range: the metadata of {path} names 2 classes"
    write(path, columns([0, 2]))
    (tmp_path / "classes.txt").write_text("a\nb\n")
    assert error(path).message == f"label 2 is out of range: {tmp_path / 'classes.txt'} names 2 classes"


def test_missing_columns_are_named(tmp_path: Path) -> None:
    good = columns([0, 1])
    path = write(tmp_path / "x.parquet", {"img": good["img"], "labels": good["label"]})
    assert error(path).message == f"{path} has no column `label`; it has `img`, `labels`"
    write(path, {"picture": good["img"], "label": good["label"]})
    assert error(path).message == f"{path} has no column `img` or `image`; it has `picture`, `label`"


@pytest.mark.parametrize(
    ("images", "kind"), [(["a.png", "b.png"], "string"), ([{"path": "a"}, {"path": "b"}], "struct<path: string>")]
)
def test_a_column_that_holds_no_encoded_images(images: list[Any], kind: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", {"img": images, "label": [0, 1]})
    assert error(path).message == f"{path}: column `img` is {kind}, not encoded images"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (pa.array([0, None, 1]), "is null in row 1"),
        (pa.array([0, 1, -1]), "is -1 in row 2"),
        (pa.array([0.0, 1.5, 2.0]), "is 1.5 in row 1"),
        (pa.array(["a", "", "c"]), "is empty in row 1"),
        (pa.array([b"a", b"b", b"c"]), "is binary, not integer or text"),
    ],
)
def test_labels_that_cannot_be_used(labels: Any, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", {"img": columns([0, 0, 0])["img"], "label": labels})
    assert error(path).message == f"{path}: column `label` {message}"


def test_null_images_are_bad_ones_named_by_row(tmp_path: Path) -> None:
    table = columns([0, 1, 0, 1, 0, 1])
    table["img"][3] = None
    table["img"][4] = {"bytes": None, "path": "4.png"}
    table["img"][5] = {"bytes": b"?", "path": "5.png"}
    path = write(tmp_path / "train.parquet", table, group=4)
    write(tmp_path / "test.parquet", columns([0, 1]))
    images = open_path(tmp_path, on_bad_image="skip").train.read(torch.arange(6))
    assert images.rows.tolist() == [0, 1, 2]
    assert images.skipped == (
        f"cannot read image {path.name} row 3: it is null",
        f"cannot read image {path.name} row 4 (4.png): it is null",
        f"cannot read image {path.name} row 5 (5.png): not an image, or of an unknown format",
    )
    with pytest.raises(DataError, match="row 3: it is null"):
        open_path(tmp_path).train.read(torch.arange(6))


def test_what_is_no_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 or not")
    assert error(path).message.startswith(f"{path} cannot be read as Parquet: ")


def test_a_folder_without_the_splits(tmp_path: Path) -> None:
    start = f"{tmp_path} needs Parquet files of train and of test (or validation); it has "
    assert error(tmp_path).message == start + "no Parquet file"
    write(tmp_path / "train.parquet", columns([0, 1]))
    assert error(tmp_path).message == start + "train.parquet"
    assert f"parquet:{tmp_path / 'train.parquet'}, to have a test split drawn from it" in error(tmp_path).hint


@pytest.mark.skipif(not SHARED.exists(), reason="the real images are not here")
def test_real_images_equal_what_pillow_makes_of_them() -> None:
    path = SHARED / "tiny-imagenet-20"
    source = open_path(path)
    assert source.classes[:2] == ("ice cream, icecream", "lemon")
    assert (len(source.train), len(source.test)) == (10_000, 1_000)
    rows = torch.arange(5, 1000, 10)
    table = pq.read_table(path / "test.parquet")
    images = source.test.read(rows).pixels
    for row, image in zip(rows.tolist(), images, strict=True):
        encoded = table["img"][row].as_py()["bytes"]
        expected = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
        assert np.array_equal(image.permute(1, 2, 0).numpy(), expected)
    assert torch.equal(source.test.labels, torch.tensor(table["label"].to_pylist()))
