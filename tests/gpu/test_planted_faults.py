"""What fake tensors are to find is found where it is planted, in a method or an arm that was just added too; and what
torch was told of them is taken back."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch._subclasses.fake_tensor as fake
from torch import nn

from barlowcli.evaluation import rank
from barlowcli.methods import base
from barlowcli.registry import SHUFFLES
from barlowcli.training import step
from barlowcli.views import augmentations, pipeline
from tests.contracts.conftest import add as add
from tests.gpu import watch
from tests.gpu.cells import config, faults_of, step_of, trained
from tests.gpu.fake_tensors import device_here
from tests.gpu.test_fake_tensors import both_ways, evaluated, faults_of_views
from tests.gpu.watch import Watch, has_mps_kernel, kernels

CAPTURED = {
    "a boolean mask": (
        augmentations,
        "where_drawn_",
        lambda x, drawn, change, *p: x.index_put_((drawn,), change(x[drawn], *(q[drawn] for q in p))),
        "waits for the device",
    ),
    "where a condition holds": (
        pipeline,
        "normalise_",
        lambda x, mean, std: x.index_fill_(0, (x.mean((1, 2, 3)) > 0).nonzero().squeeze(1), 0),
        "waits for the device",
    ),
    "a value": (base, "average_", lambda t, s, tau: torch._foreach_lerp_(t, s, float(1 - tau)), "waits for the device"),
    "a tensor made on the host": (
        pipeline,
        "normalise_",
        lambda x, mean, std: x.sub_(torch.tensor(mean).to(x.device).view(3, 1, 1)),
        "copies between cpu and cuda",
    ),
    "a list made a tensor": (
        pipeline,
        "normalise_",
        lambda x, mean, std: x.sub_(torch.tensor(mean, device=x.device).view(3, 1, 1)),
        "copies between cpu and cuda",
    ),
    "a look from the host": (
        step,
        "embedding_std",
        lambda z: z.std(0).cpu().to(z.device).mean(),
        "copies between cpu and cuda",
    ),
}
"""What is planted -> where, in place of what, and what is found."""


@pytest.mark.parametrize("fault", CAPTURED)
def test_what_cannot_be_captured_is_found(cuda, uncompiled, monkeypatch, fault):
    module, name, planted, text = CAPTURED[fault]
    monkeypatch.setattr(module, name, planted)
    for found in both_ways(cuda, "byol", "sgd"):
        assert any(text in line for line in found)


def test_a_tensor_left_on_the_host_is_found(cuda):
    eager = step_of(cuda, config(method__name="supervised"))
    eager.labels = torch.empty(len(eager.labels), dtype=torch.int64)
    with pytest.raises(RuntimeError, match=r"devices.*cuda:0.*cpu"):  # torch says so itself
        faults_of(eager)


def test_float64_is_found_on_apple(mps, short, monkeypatch):
    monkeypatch.setattr(rank, "in_double", lambda values: values.double())
    assert any("makes float64" in fault for fault in evaluated(mps)[1].faults)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda x: torch.nn.functional.grid_sample(x, x[..., :2], padding_mode="border", align_corners=False),
            "border",
        ),
        (lambda x: x.long().sort(), "int64 is wrong"),
    ],
)
def test_what_apple_has_not_is_found(mps, call, text):
    with Watch("mps", step=False) as seen:
        call(torch.empty(2, 3, 4, 4, device=mps))
    assert any(text in fault for fault in seen.faults)


def test_a_kernel_is_known_by_torchs_own_list(monkeypatch):
    aten = torch.ops.aten
    for operator in (aten.add.Tensor, aten.mm.default, aten.convolution.default, aten.reshape.default):
        assert has_mps_kernel(operator)
    without = {**kernels(), "mm": ("    CPU: mm_cpu\n    CUDA: mm_cuda\n", "")}
    monkeypatch.setattr(watch, "kernels", lambda: without)
    has_mps_kernel.cache_clear()
    assert not has_mps_kernel(aten.mm.default)
    has_mps_kernel.cache_clear()


def test_a_new_method_is_covered_at_once(cuda, uncompiled, add: Callable[[str], list[str]], monkeypatch):
    assert add("A method") == ["align-uniform"]
    assert "align-uniform" in trained()
    from barlowcli.methods import align_uniform  # type: ignore[attr-defined]

    monkeypatch.setattr(torch, "pdist", lambda z: (z @ z.T).flatten())  # torch has no shapes of its gradient
    assert both_ways(cuda, "align-uniform", "sgd") == ([], [])
    plain = align_uniform.loss
    monkeypatch.setattr(align_uniform, "loss", lambda a, b: (plain(a, b)[0] * a.sum().item(), {"all": plain(a, b)[0]}))
    assert any("waits" in fault for fault in both_ways(cuda, "align-uniform", "sgd")[0])


def test_a_new_arm_is_covered_at_once(cuda, uncompiled, add: Callable[[str], list[str]]):
    assert add("A shuffle arm") == ["rows", "roll-K"]
    for arm in ("rows", "roll-3"):
        assert arm in SHUFFLES.names()
        assert faults_of_views(cuda, arm, "off") == []


def test_nothing_is_left_of_what_torch_was_told():
    told: list[tuple[Any, str]] = [(nn.Module, "to"), (torch.cuda, "is_bf16_supported")]
    told += [(fake.FakeTensor, "__torch_dispatch__"), (fake.FakeTensor, "is_cuda"), (fake.FakeTensorMode, "dispatch")]

    def now() -> list[object]:
        found = [vars(owner).get(name) for owner, name in told]
        return [*found, fake._DISPATCH_META_HANDLERS[torch.ops.prim.device.default], meta_kernel()]

    def meta_kernel() -> bool:
        return torch._C._dispatch_has_kernel_for_dispatch_key("aten::_fused_sgd_", "Meta")

    before = now()
    with device_here("cuda") as device:
        assert torch.ones(2, device=device).is_cuda
        assert all(one is not other for one, other in zip(now(), before, strict=True))
    assert all(one is other for one, other in zip(now(), before, strict=True))
    module = copy.deepcopy(nn.Linear(2, 1)).to(torch.float64)
    module(torch.ones(1, 2, dtype=torch.float64)).sum().backward()
    assert module.weight.grad is not None
    assert module.weight.grad.tolist() == [[1.0, 1.0]]
