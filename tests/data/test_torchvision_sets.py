"""Small files in each set's real layout, with checksums of their own."""

import errno
import hashlib
import pickle
import socket
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.io import savemat
from torchvision import datasets

from barlowcli.data.load import load_dataset
from barlowcli.data.torchvision_sets import TIMEOUT, load_cifar10, load_stl10, load_svhn
from barlowcli.errors import DataError
from barlowcli.settings.data import DataSettings


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def written(path: Path, data: bytes) -> list[str]:
    """Write a file; its name and MD5, as torchvision lists them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return [path.name, hashlib.md5(data, usedforsecurity=False).hexdigest()]


def write_cifar(root: Path, monkeypatch: pytest.MonkeyPatch, build: Any, key: str, classes: int) -> dict[str, Any]:
    folder = root / build.base_folder
    lists: dict[str, list[list[str]]] = {"train_list": [], "test_list": []}
    for count, (name, _) in enumerate(build.train_list + build.test_list):
        batch = {"data": noise(4 * classes, 3072, seed=count), key: list(range(classes)) * 4}
        kind = "test_list" if [name] in [entry[:1] for entry in build.test_list] else "train_list"
        lists[kind].append(written(folder / name, pickle.dumps(batch, protocol=2)))
    names = {build.meta["key"]: [f"class{label}" for label in range(classes)]}
    file, md5 = written(folder / build.meta["filename"], pickle.dumps(names, protocol=2))
    for attribute, value in lists.items():
        monkeypatch.setattr(build, attribute, value)
    monkeypatch.setattr(build, "meta", {"filename": file, "key": build.meta["key"], "md5": md5})
    return names


def test_cifar10_is_read_as_it_lies_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar(tmp_path, monkeypatch, datasets.CIFAR10, "labels", 10)
    source = load_cifar10(DataSettings(name="cifar10"), tmp_path)
    assert source.classes == tuple(f"class{label}" for label in range(10))
    assert len(source.train) == 200
    assert len(source.test) == 40
    images = source.train.read(torch.tensor([0, 39, 40]))
    expected = [noise(40, 3072, seed=0)[0], noise(40, 3072, seed=0)[39], noise(40, 3072, seed=1)[0]]
    assert np.array_equal(images.pixels.numpy(), np.stack(expected).reshape(3, 3, 32, 32))
    assert source.train.labels[[0, 39, 40]].tolist() == [0, 9, 0]


def test_cifar100_is_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar(tmp_path, monkeypatch, datasets.CIFAR100, "fine_labels", 100)
    dataset = load_dataset(DataSettings(name="cifar100", image_size=16), root=tmp_path)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.splits["test"])] == [300, 100, 400]
    assert dataset.train.images.shape[1:] == (3, 16, 16)
    assert dataset.unlabelled is None


def test_stl10_pretrains_on_labelled_and_unlabelled_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "stl10_binary"
    lists = []
    for name, count, kind in (
        ("train_X.bin", 30, "X"),
        ("train_y.bin", 30, "y"),
        ("unlabeled_X.bin", 25, "X"),
        ("test_X.bin", 20, "X"),
        ("test_y.bin", 20, "y"),
    ):
        data = noise(count, 3, 96, 96, seed=count) if kind == "X" else np.arange(count, dtype=np.uint8) % 10 + 1
        lists.append(written(folder / name, data.tobytes()))
    written(folder / "class_names.txt", "\n".join("abcdefghij").encode())
    monkeypatch.setattr(datasets.STL10, "train_list", lists[:3])
    monkeypatch.setattr(datasets.STL10, "test_list", lists[3:])

    source = load_stl10(DataSettings(name="stl10"), tmp_path)
    first = source.train.read(torch.tensor([1])).pixels[0].numpy()
    assert np.array_equal(first, noise(30, 3, 96, 96, seed=30)[1].transpose(0, 2, 1))  # stored by columns
    assert source.classes == tuple("abcdefghij")

    dataset = load_dataset(DataSettings(name="stl10"), root=tmp_path)
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.splits["test"])] == [20, 10, 20]
    assert len(dataset.pretrain) == 25 + 20
    assert torch.equal(dataset.pretrain[25:], dataset.train.images)
    pretrained = {image.numpy().tobytes() for image in dataset.pretrain}
    assert not any(image.numpy().tobytes() in pretrained for image in dataset.validation.images)
    limited = load_dataset(DataSettings(name="stl10", limit=22), root=tmp_path)
    assert len(limited.train) + len(limited.validation) == 22
    assert len(limited.pretrain) == 22 + len(limited.train)


def test_svhn_is_read_as_it_lies_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {}
    for split, seed in (("train", 0), ("test", 1)):
        path = tmp_path / f"{split}_32x32.mat"
        labels = np.arange(1, 11, dtype=np.uint8).repeat(2)[:, None]
        savemat(path, {"X": noise(32, 32, 3, 20, seed=seed), "y": labels})
        entries[split] = ["http://example.invalid/", *written(path, path.read_bytes())]
    monkeypatch.setattr(datasets.SVHN, "split_list", entries)
    source = load_svhn(DataSettings(name="svhn"), tmp_path)
    assert source.train.labels.tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 0, 0]
    pixels = source.test.read(torch.tensor([7])).pixels[0].numpy()
    assert np.array_equal(pixels, noise(32, 32, 3, 20, seed=1)[..., 7].transpose(2, 0, 1))


def no_network(*args: object, **kwargs: object) -> None:
    raise urllib.error.URLError(OSError(-3, "Temporary failure in name resolution"))


@pytest.mark.parametrize(
    ("name", "title", "files"),
    [
        ("cifar10", "CIFAR-10", "cifar-10-batches-py/"),
        ("cifar100", "CIFAR-100", "cifar-100-python/"),
        ("stl10", "STL-10", "stl10_binary/"),
        ("svhn", "SVHN", "train_32x32.mat and test_32x32.mat"),
    ],
)
def test_without_a_network_the_ways_out_are_named(
    name: str, title: str, files: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    root = tmp_path / "data"
    with pytest.raises(DataError) as caught:
        load_dataset(DataSettings.model_validate({"name": name}), root=root)
    assert caught.value.exit_code == 2
    start = f"{title} is not in {root} and cannot be downloaded: "
    assert caught.value.message.startswith(start)
    assert "Temporary failure in name resolution" in caught.value.message
    assert f"put {files} of {title} into {root} yourself" in caught.value.hint
    for way in ("--data-root", "--dataset colour-digits", "folder:PATH", "parquet:PATH"):
        assert way in caught.value.hint


def test_what_is_there_is_not_downloaded_again_though_the_folder_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cifar(tmp_path, monkeypatch, datasets.CIFAR10, "labels", 10)
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    (tmp_path / ".download.lock").mkdir()  # so that the lock cannot be made, whoever runs this test
    assert len(load_cifar10(DataSettings(name="cifar10"), tmp_path).train) == 200


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_used_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def flock(*args: object) -> None:
        raise OSError(code, "no locks here")

    monkeypatch.setattr("fcntl.flock", flock)
    write_cifar(tmp_path, monkeypatch, datasets.CIFAR10, "labels", 10)
    assert len(load_cifar10(DataSettings(name="cifar10"), tmp_path).train) == 200


def test_a_damaged_file_is_not_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar(tmp_path, monkeypatch, datasets.CIFAR10, "labels", 10)
    monkeypatch.setattr("urllib.request.urlopen", no_network)
    monkeypatch.setattr("pickle.load", lambda *args, **kwargs: pytest.fail("unpickled"))
    with (tmp_path / "cifar-10-batches-py" / "data_batch_3").open("ab") as file:
        file.write(b"!")
    with pytest.raises(DataError, match="cannot be downloaded"):
        load_cifar10(DataSettings(name="cifar10"), tmp_path)


def test_a_download_is_quiet_has_a_time_limit_and_is_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fcntl = pytest.importorskip("fcntl")
    seen: list[float | None] = []

    def download(*args: object, **kwargs: object) -> None:
        print("Downloading")
        seen.append(socket.getdefaulttimeout())
        with (tmp_path / ".download.lock").open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        no_network()

    monkeypatch.setattr(datasets.CIFAR10, "download", download)
    before = socket.getdefaulttimeout()
    with pytest.raises(DataError):
        load_cifar10(DataSettings(name="cifar10"), tmp_path)
    assert seen == [TIMEOUT]
    assert socket.getdefaulttimeout() == before
    assert capsys.readouterr().out == ""
