"""What many tests share: one thread, and real images where they lie beside the checkout."""

from pathlib import Path

import pytest
import torch

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """The tests run in several processes, each on one core."""
    torch.set_num_threads(1)
