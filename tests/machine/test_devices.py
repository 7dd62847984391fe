"""How a device is set up, tried, and given its memory back."""

import weakref

import pytest
import torch

from barlowcli.errors import BarlowError
from barlowcli.machine import devices
from barlowcli.machine.devices import FP_FUSION, ailment, release, set_up
from barlowcli.machine.provenance import LIBRARIES, libraries


@pytest.fixture
def as_torch_starts(monkeypatch):
    """CUDA's settings as torch has them by itself, and put back afterwards."""
    monkeypatch.setattr(devices, "ailment", lambda device: None)
    for name in ("CUBLAS_WORKSPACE_CONFIG", FP_FUSION):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    cudnn, products = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, products.allow_tf32, cudnn.benchmark
    cudnn.allow_tf32, products.allow_tf32 = True, True
    yield
    cudnn.allow_tf32, products.allow_tf32, cudnn.benchmark = before
    torch.use_deterministic_algorithms(False)


def test_float32_has_all_its_bits_on_cuda_and_fused_products_are_settled(as_torch_starts, monkeypatch):
    set_up("cuda", deterministic=False)
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
    found = libraries("cuda")
    assert [*found] == [name for name in LIBRARIES if name not in ("hip", "macos")]
    assert (found["tf32"], found["fp_fusion"]) == (False, True)
    monkeypatch.setenv(FP_FUSION, "0")  # the user's own
    set_up("cuda", deterministic=True)
    assert libraries("cuda")["fp_fusion"] is False
    assert torch.are_deterministic_algorithms_enabled()
    assert [*libraries("cpu")] == ["cpu_capability"]


def test_a_device_that_does_not_answer_is_refused_before_anything_is_set(as_torch_starts, monkeypatch):
    monkeypatch.setattr(devices, "ailment", lambda device: "CUDA error: unspecified launch failure")
    with pytest.raises(BarlowError, match="the GPU cannot be used: CUDA error: unspec") as error:
        set_up("cuda", deterministic=False)
    assert "nvidia-smi" in error.value.hint
    assert torch.backends.cudnn.allow_tf32
    set_up("cpu", deterministic=False)


def test_a_device_is_tried_and_one_that_is_only_full_works(monkeypatch):
    def refuse(error: Exception):
        def synchronize() -> None:
            raise error

        return synchronize

    assert ailment("cpu") is None
    monkeypatch.setattr(torch.accelerator, "synchronize", refuse(RuntimeError("CUDA error: an assert\nand advice")))
    assert ailment("cuda") == "CUDA error: an assert"
    monkeypatch.setattr(torch.accelerator, "synchronize", refuse(torch.OutOfMemoryError("CUDA out of memory.")))
    assert ailment("cuda") is None


def test_what_an_error_kept_in_a_circle_is_let_go_of():
    kept = torch.ones(3)
    alive, circle = weakref.ref(kept), [kept]
    circle.append(circle)  # type: ignore[arg-type]
    del kept, circle
    release("cpu")
    assert alive() is None
