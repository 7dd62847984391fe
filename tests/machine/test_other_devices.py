"""Devices by their names, and what a record says of the libraries behind them."""

import platform

import pytest
import torch

from barlowcli.errors import BarlowError
from barlowcli.machine import devices
from barlowcli.machine.devices import choose_device
from barlowcli.machine.provenance import deciding, differences, libraries, provenance


@pytest.fixture
def amd(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch as it is built for AMD's devices: it calls them cuda."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "AMD Instinct MI300X")
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.version, "hip", "7.2.53211")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 3005001)  # MIOpen's


@pytest.mark.parametrize("name", ["auto", "cuda"])
def test_amds_devices_are_not_refused(amd: None, name: str) -> None:
    assert choose_device(name) == "cuda"


@pytest.mark.parametrize("name", ["rocm", "hip", "amd"])
def test_who_calls_them_otherwise_is_told(name: str) -> None:
    with pytest.raises(BarlowError) as caught:
        choose_device(name)
    assert caught.value.message == f"no device named `{name}`"
    assert caught.value.hint == "--device cuda, which is what torch calls AMD's GPUs too"


def test_the_tool_that_looks_at_them_is_amds(amd: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "ailment", lambda device: "HIP error: invalid device function")
    with pytest.raises(BarlowError, match="the GPU cannot be used: HIP error") as caught:
        devices.set_up("cuda", deterministic=False)
    assert caught.value.hint.startswith("`amd-smi` says")


def test_a_record_says_hip_and_not_cuda(amd: None) -> None:
    made = provenance("cuda", ["barlow"])
    assert made["device_name"] == "AMD Instinct MI300X"
    assert (made["hip"], made["cudnn"]) == ("7.2.53211", 3005001)
    assert "cuda" not in made
    assert deciding(made)["hip"] == "7.2.53211"
    assert ("hip", "6.4", "7.2.53211") in differences({**made, "hip": "6.4"}, made)


def test_a_record_of_nvidias_says_cuda_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.2")
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91900)
    assert [*libraries("cuda")] == ["cpu_capability", "cuda", "cudnn", "tf32", "fp_fusion"]


def test_a_record_of_apples_says_macos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "mac_ver", lambda: ("26.1", ("", "", ""), "arm64"))
    assert libraries("mps")["macos"] == "26.1"
    assert [*libraries("cpu")] == ["cpu_capability"]
