import hashlib

import pytest
import torch
from torchvision import datasets

from barlowcli.data.load import choose_rows
from barlowcli.data.published_sizes import PUBLISHED, missing_files, stand_in
from barlowcli.settings.data import DataSettings


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("cifar10", {"cifar-10-batches-py/data_batch_1", "cifar-10-batches-py/test_batch"}),
        ("cifar100", {"cifar-100-python/train", "cifar-100-python/test"}),
        ("stl10", {"stl10_binary/train_X.bin", "stl10_binary/unlabeled_X.bin", "stl10_binary/test_y.bin"}),
        ("svhn", {"train_32x32.mat", "test_32x32.mat"}),
    ],
)
def test_in_an_empty_folder_everything_is_missing_and_nothing_is_fetched(tmp_path, monkeypatch, name, files):
    monkeypatch.setattr("socket.socket.connect", lambda *address: pytest.fail(f"a connection to {address[1:]}"))
    assert files <= set(missing_files(name, tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_whole_is_missing(tmp_path, monkeypatch):
    whole = hashlib.md5(b"whole", usedforsecurity=False).hexdigest()
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [["one", whole], ["two", whole]])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["three", whole]])
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name, content in (("one", b"whole"), ("two", b"who"), ("three", b"whole")):
        (folder / name).write_bytes(content)
    assert missing_files("cifar10", tmp_path) == ["cifar-10-batches-py/two"]
    (folder / "two").write_bytes(b"whole")
    assert missing_files("cifar10", tmp_path) == []


def test_a_stand_in_is_as_large_as_the_set_and_is_limited_as_it_is():
    def counts(**settings: int) -> dict[str, int]:
        data = DataSettings.model_validate({"name": "cifar10", **settings})
        return {split: len(rows) for split, (_, rows) in choose_rows(stand_in(data), data).items()}

    assert counts() == {"train": 45_000, "validation": 5_000, "test": 10_000}
    assert counts(limit=11_200, test_limit=500) == {"train": 10_080, "validation": 1_120, "test": 500}


@pytest.mark.parametrize("name", list(PUBLISHED))
def test_its_images_are_of_the_published_size_or_the_one_asked_for(name):
    side = {"stl10": 96}.get(name, 32)
    for asked in (None, 16):
        source = stand_in(DataSettings(name=name, image_size=asked))
        images = source.train.read(torch.tensor([0, 4999])).pixels
        assert (images.dtype, images.shape) == (torch.uint8, (2, 3, asked or side, asked or side))
        assert set(source.train.labels.tolist()) == set(range(len(source.classes)))
    assert (source.unlabelled is not None) == (name == "stl10")
