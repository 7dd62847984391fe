"""A kind of data is its module and one line of the registry: nothing else knows it by name."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from barlowcli.data.fingerprint import fingerprint
from barlowcli.data.load import load_dataset
from barlowcli.entries import DatasetEntry
from barlowcli.errors import DataError
from barlowcli.registry import DATASETS
from barlowcli.settings.data import DataSettings


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind `toy:PATH` whose module lists every file of a folder and reads the embedded digits."""
    from barlowcli.data.colour_digits import load

    module = ModuleType("toy_kind")
    module.__dict__.update(
        load=lambda settings, root: load(settings, root),
        files=lambda path: (("all", file) for file in sorted(path.iterdir())),
    )
    monkeypatch.setitem(sys.modules, "toy_kind", module)
    entry = DatasetEntry("toy_kind:load", "a toy", files="toy_kind:files", own={"seed": "only toy has seeds"})
    monkeypatch.setattr(DATASETS, "entries", {**DATASETS.entries, "toy": entry})


@pytest.mark.usefixtures("toy")
def test_a_new_kind_is_read_fingerprinted_and_keeps_the_settings_of_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    settings = DataSettings(name=f"toy:{tmp_path}", limit=100, test_limit=50, test_fraction=0.5)
    assert len(load_dataset(settings, root=tmp_path).train) == 90
    before = fingerprint(settings)
    assert len(before) == 16
    (tmp_path / "b").write_bytes(b"2")
    assert fingerprint(settings) != before
    assert settings.canonical().test_fraction == 0.5
    assert DataSettings(name="cifar10", test_fraction=0.5).canonical().test_fraction == 0.2
    assert DATASETS.at_path("X") == ["folder:X", "parquet:X", "toy:X"]


@pytest.mark.usefixtures("toy")
def test_a_setting_of_one_set_alone_is_refused_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.seed = 3 has no meaning for colour-digits") as caught:
        load_dataset(DataSettings(seed=3), root=tmp_path)
    assert caught.value.hint == "only toy has seeds; leave data.seed out"
