"""Devices that are not here, and what lets their whole path be gone without values."""

from collections.abc import Iterator

import pytest
import torch
import torch._subclasses.fake_tensor as fake

from barlowcli.evaluation import linear
from barlowcli.training import compiled, step
from tests.gpu.fake_tensors import device_here


@pytest.fixture(scope="module")
def forgotten() -> Iterator[None]:
    """What torch keeps of operators on fake tensors serves all tests here, and none after them."""
    yield
    fake.FakeTensorMode.cache_clear()


@pytest.fixture
def cuda(forgotten: None) -> Iterator[torch.device]:
    with device_here("cuda") as device:
        yield device


@pytest.fixture
def mps(forgotten: None) -> Iterator[torch.device]:
    with device_here("mps") as device:
        yield device


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts of a compiled step as they are put together, without torch.compile."""
    for module in (compiled, step):
        monkeypatch.setattr(module, "compiled", lambda function: function)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values that are always 1 never end a search for a minimum."""
    monkeypatch.setattr(linear, "MAX_NEWTON", 1)
