import json

import pytest

from barlowcli.errors import ResultsError
from barlowcli.records.files import write_json, write_text
from barlowcli.records.folder import CellFolder
from barlowcli.records.record import Record, read_record, write_record

RECORD = Record(
    id="abc",
    experiment="e",
    preset="p",
    axes={"method": "byol"},
    seed=0,
    status="ok",
    metrics={"linear.h.none.label": 0.5},
)


def test_a_record_comes_back_as_it_was(tmp_path):
    cell = tmp_path / "abc"
    write_record(CellFolder(cell), RECORD)
    assert read_record(CellFolder(cell)) == RECORD
    assert [path.name for path in cell.iterdir()] == ["record.json"]


def test_no_record_is_none(tmp_path):
    assert read_record(CellFolder(tmp_path / "abc")) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 0}, "has schema version 0, this barlow reads 1"),
        ({"status": "fine"}, "is not a record: status"),
        ({"id": "xyz"}, "is the record of cell xyz, not of abc"),
    ],
)
def test_a_record_that_cannot_be_trusted_is_refused(tmp_path, change, message):
    cell = tmp_path / "abc"
    write_record(CellFolder(cell), RECORD)
    value = json.loads((cell / "record.json").read_text()) | change
    write_json(cell / "record.json", value)
    with pytest.raises(ResultsError, match=message):
        read_record(CellFolder(cell))


def test_half_a_file_is_named(tmp_path):
    cell = tmp_path / "abc"
    write_record(CellFolder(cell), RECORD)
    text = (cell / "record.json").read_text()
    (cell / "record.json").write_text(text[: len(text) // 2])
    with pytest.raises(ResultsError, match="is not valid JSON"):
        read_record(CellFolder(cell))


def test_nan_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file_and_says_why(tmp_path):
    write_text(tmp_path / "file", "old")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ResultsError, match="cannot write"):
        write_text(tmp_path / "folder", "new")
    assert (tmp_path / "file").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]
