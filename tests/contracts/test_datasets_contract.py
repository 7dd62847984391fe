"""What holds for every data set of the registry: embedded, at a path, or downloaded, in its real layout."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision import datasets

from barlowcli.data.fingerprint import fingerprint
from barlowcli.data.imageset import Dataset
from barlowcli.data.load import load_dataset, open_source
from barlowcli.errors import DataError
from barlowcli.registry import DATASETS
from barlowcli.settings.data import DataSettings
from tests.data import test_folder, test_parquet, test_torchvision_sets

Settings = dict[str, Any]


def folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    test_folder.write(root / "images", {"cat": 20, "dog": 20})
    return f"folder:{root / 'images'}"


def parquet(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for split, start in (("train", 0), ("test", 40)):
        test_parquet.write(root / "images" / f"{split}.parquet", test_parquet.columns([0, 1] * 20, start))
    return f"parquet:{root / 'images'}"


def cifar10(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    test_torchvision_sets.write_cifar(root, monkeypatch, datasets.CIFAR10, "labels", 10)
    return "cifar10"


def cifar100(root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    test_torchvision_sets.write_cifar(root, monkeypatch, datasets.CIFAR100, "fine_labels", 100)
    return "cifar100"


MADE: dict[str, Callable[[Path, pytest.MonkeyPatch], str]] = {
    "folder": folder,
    "parquet": parquet,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "colour-digits": lambda root, monkeypatch: "colour-digits",
}
"""How the files of a data set are made; one that is not here is embedded."""
DOWNLOADED = {"stl10", "svhn"}
"""Of these there are no small files of every split; `tests/data` reads their layout."""
NAMES = [name for name in DATASETS.names() if name not in DOWNLOADED]


@pytest.fixture(params=NAMES)
def settings(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataSettings:
    kind: str = request.param
    make = MADE.get(kind)
    return DataSettings(name=make(tmp_path, monkeypatch) if make else kind, image_size=16)


def test_splits_have_images_labels_and_factors_that_fit(settings: DataSettings, tmp_path: Path) -> None:
    data = load_dataset(settings, root=tmp_path)
    for part in data.splits.values():
        assert len(part) > 0
        assert (part.images.dtype, part.images.shape[1:]) == (torch.uint8, (3, 16, 16))
        for label, values in part.all_labels.items():
            assert values.min() >= 0
            assert values.max() < data.class_counts[label]
    assert all(len(part.labels.unique()) == len(data.classes) for part in (data.train, data.splits["test"]))
    assert len({*data.classes}) == len(data.classes) >= 2
    assert data.pretrain.shape[1:] == (3, 16, 16)
    assert len(data.pretrain) >= len(data.train)


def test_same_settings_same_bytes(settings: DataSettings, tmp_path: Path) -> None:
    first, again = (load_dataset(settings, root=tmp_path) for _ in range(2))
    assert first.digest == again.digest
    for split, part in first.splits.items():
        assert torch.equal(part.images, again.splits[split].images)
        assert torch.equal(part.labels, again.splits[split].labels)


def test_a_part_reads_the_rows_that_are_asked_for(settings: DataSettings, tmp_path: Path) -> None:
    source = open_source(settings, tmp_path)
    for part in (source.train, source.test):
        everything = part.read(torch.arange(len(part)))
        rows = torch.tensor([0, 3, len(part) - 1])
        some = part.read(rows)
        assert torch.equal(some.rows, rows)
        assert torch.equal(some.pixels, everything.pixels[rows])
        assert not some.skipped


def test_limits_keep_every_class(settings: DataSettings, tmp_path: Path) -> None:
    classes = len(open_source(settings, tmp_path).classes)
    limited = settings.model_copy(update={"limit": 3 * classes, "test_limit": classes, "validation": 0.34})
    data: Dataset = load_dataset(limited, root=tmp_path)
    assert len(data.train) + len(data.validation) == 3 * classes
    for part in data.splits.values():
        assert len(part.labels.unique()) == classes


def test_files_at_a_path_have_a_fingerprint_and_others_take_no_path(settings: DataSettings, tmp_path: Path) -> None:
    if not DATASETS.has_path(settings.name):
        assert fingerprint(settings) == ""
        with pytest.raises(DataError, match="takes no path"):
            load_dataset(DataSettings(name=f"{settings.name}:{tmp_path}"), root=tmp_path)
        return
    before = fingerprint(settings)
    assert fingerprint(settings) == before
    kind, _, path = settings.name.partition(":")
    files = [file for _, file in DATASETS.load_files(kind)(Path(path))]
    assert files
    files[0].write_bytes(files[0].read_bytes() + b" ")
    assert fingerprint(settings) != before
    with pytest.raises(DataError, match="have changed since the plan was made"):
        load_dataset(settings.model_copy(update={"fingerprint": before}), root=tmp_path)


def test_what_is_not_tried_here_is_known() -> None:
    assert {*DATASETS.names()} >= DOWNLOADED
