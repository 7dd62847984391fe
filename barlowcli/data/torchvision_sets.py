"""CIFAR-10, CIFAR-100, STL-10 and SVHN through torchvision: downloaded once, checked by its checksums.

torchvision unpickles CIFAR's files only after their checksum is right.
"""

import contextlib
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor
from torchvision import datasets

from barlowcli.data.images import take_resized
from barlowcli.data.imageset import Images, Part, Source
from barlowcli.errors import DataError
from barlowcli.settings.data import DataSettings

TIMEOUT = 30.0
"""Seconds without an answer after which a download has failed."""


def load_cifar10(settings: DataSettings, root: Path) -> Source:
    """50,000 / 10,000 images 32 x 32. Raises DataError where they are neither in `root` nor to be had."""
    return _load_cifar(datasets.CIFAR10, "CIFAR-10", settings, root)


def load_cifar100(settings: DataSettings, root: Path) -> Source:
    """50,000 / 10,000 images 32 x 32, fine labels. Raises DataError where they are neither in `root` nor to be had."""
    return _load_cifar(datasets.CIFAR100, "CIFAR-100", settings, root)


def load_stl10(settings: DataSettings, root: Path) -> Source:
    """5,000 / 8,000 images 96 x 96, and 100,000 without labels; raises DataError where they are not to be had."""

    def fetch() -> tuple[Any, Any]:
        build = datasets.STL10
        return build(root, "train+unlabeled", download=True), build(root, "test", download=True)

    train, test = _fetched("STL-10", root, f"{datasets.STL10.base_folder}/", fetch)
    labelled = train.labels >= 0
    count = int(labelled.sum())  # the labelled ones come first
    return Source(
        train=_part(train.data[:count], train.labels[:count], settings),
        test=_part(test.data, test.labels, settings),
        classes=tuple(train.classes),
        unlabelled=_part(train.data[count:], np.zeros(len(labelled) - count), settings),
    )


def load_svhn(settings: DataSettings, root: Path) -> Source:
    """73,257 / 26,032 images 32 x 32, without the `extra` ones; raises DataError where they are not to be had."""

    def fetch() -> tuple[Any, Any]:
        return datasets.SVHN(root, "train", download=True), datasets.SVHN(root, "test", download=True)

    train, test = _fetched("SVHN", root, "train_32x32.mat and test_32x32.mat", fetch)
    classes = tuple(str(digit) for digit in range(10))
    parts = [_part(part.data, part.labels, settings) for part in (train, test)]
    return Source(parts[0], parts[1], classes)


def _load_cifar(build: Any, title: str, settings: DataSettings, root: Path) -> Source:
    def fetch() -> tuple[Any, Any]:
        return build(root, train=True, download=True), build(root, train=False, download=True)

    train, test = _fetched(title, root, f"{build.base_folder}/", fetch)
    parts = [_part(part.data.transpose(0, 3, 1, 2), np.array(part.targets), settings) for part in (train, test)]
    return Source(parts[0], parts[1], tuple(train.classes))


def _part(images: Any, labels: Any, settings: DataSettings) -> Part:
    """A part of an array uint8 (N, 3, H, W), in whatever memory order, and of its labels (N,)."""
    pixels = torch.from_numpy(images)

    def read(rows: Tensor) -> Images:
        return Images(take_resized(pixels, rows, settings.image_size), rows)

    return Part(torch.from_numpy(labels.astype(np.int64)), read)


def _fetched(title: str, root: Path, files: str, fetch: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:
    """What `fetch` builds under `root`, after a download where it must be; words for the user where it cannot."""
    if root.parts[:1] == ("~",):
        raise DataError(
            f"{title} would lie in {root}, and there is no home folder here",
            hint="--data-root names another folder",
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _quiet(), _alone(root / ".download.lock"):
            return fetch()
    except Exception as error:  # network, disk, archive, checksum: each library below has kinds of its own
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{title} is not in {root} and cannot be downloaded: {reason}",
            hint=f"put {files} of {title} into {root} yourself (or name their folder with --data-root), use the "
            "embedded set (--dataset colour-digits), or your own files (--dataset folder:PATH or parquet:PATH)",
        ) from error


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process download at a time: cells start together, and would write one file twice."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # a read-only folder, a file system without locks
            stack.enter_context(FileLock(path))
        yield


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No endless wait for a server, no word on stdout, no warning about pickles as old as the data."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        socket.setdefaulttimeout(before)
