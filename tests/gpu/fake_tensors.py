"""Tensors of a device that is not here: shapes, types and devices are real, numbers there are none.

torch's FakeTensorMode runs the real code on them; what it must be told besides is in `device_here`, and is taken back
at its end.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
import torch._subclasses.fake_tensor as fake
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

META, PRIM = torch.device("meta"), torch.ops.prim.device.default
FUSED = ("_fused_sgd_", "_fused_sgd_.tensor_lr", "_fused_adamw_.tensor_lr")

PRODUCTS = (F.conv2d, F.linear, torch.matmul, torch.mm, Tensor.matmul, Tensor.mm, Tensor.__matmul__)
"""What autocast computes in its type, of what networks are made of here."""


class Autocast(TorchFunctionMode):
    """What autocast does to products of matrices; torch's own is in C++, and leaves tensors on `meta` as they are."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in PRODUCTS and torch.is_autocast_enabled(self.kind):
            args, kwargs = tree_map(self.lowered, (args, kwargs))
        return func(*args, **(kwargs or {}))

    def lowered(self, value: Any) -> Any:
        """A tensor of floats in autocast's type, all else as it is."""
        floats = isinstance(value, Tensor) and value.is_floating_point()
        return value.to(torch.get_autocast_dtype(self.kind)) if floats else value


@contextmanager
def device_here(kind: str) -> Iterator[torch.device]:
    """Within, tensors are fake and `kind`, "cuda" or "mps", is there, whatever this machine has."""
    device = torch.device(kind, 0)
    library = torch.library.Library("aten", "IMPL", "Meta")
    with pytest.MonkeyPatch.context() as patch:
        tell_autograd(patch, device)
        patch.setattr(fake.FakeTensor, "is_cuda", property(lambda tensor: tensor.fake_device.type == "cuda"))
        # torch's own wants a place in memory
        patch.setattr(fake.FakeTensor, "__deepcopy__", copied, raising=False)
        # torch's own swaps the contents of two tensors, which it refuses for these
        patch.setattr(nn.Module, "to", moved)
        # else autocast to CUDA switches itself off, and warns
        patch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
        patch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
        for name in FUSED:  # of these torch knows no kernel that computes shapes alone; of the other fused ones it does
            library.impl(name, lambda *_, **__: None)
        try:
            with fake.FakeTensorMode(), Autocast(kind):
                yield device
        finally:
            library._destroy()


def tell_autograd(patch: pytest.MonkeyPatch, device: torch.device) -> None:
    """Autograd, in C++, asks the driver of a tensor's device for a stream: it is told `meta`, Python the device."""
    of_tensors, of_the_mode = fake.FakeTensor.__torch_dispatch__, fake.FakeTensorMode.dispatch

    def told(tensor: Any) -> torch.device:
        here: torch.device = tensor.fake_device
        return META if here.type == device.type else here

    def by_tensor(cls: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return told(args[0]) if func is PRIM else of_tensors(func, types, args, kwargs or {})

    def by_mode(self: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if kwargs and kwargs.get("device") == META:  # C++ makes it where it was told that a tensor is
            kwargs = {**kwargs, "device": device}
        return of_the_mode(self, func, types, args, kwargs or {})

    patch.setattr(fake.FakeTensor, "__torch_dispatch__", classmethod(by_tensor))
    patch.setattr(fake.FakeTensorMode, "dispatch", by_mode)
    patch.setitem(fake._DISPATCH_META_HANDLERS, PRIM, lambda args: told(args[0]))


def copied(tensor: Any, memo: dict[int, Any]) -> Any:
    """`copy.deepcopy` of a fake tensor."""
    made = tensor.detach().clone()
    made = nn.Parameter(made, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else made
    return memo.setdefault(id(tensor), made)


def moved(module: nn.Module, *args: Any, **kwargs: Any) -> nn.Module:
    """`module.to`, where every parameter and buffer is another tensor afterwards."""
    device, dtype, _, layout = torch._C._nn._parse_to(*args, **kwargs)

    def move(value: Tensor) -> Tensor:
        value = value.detach().to(device=device, dtype=dtype if value.is_floating_point() else None)
        return value.contiguous(memory_format=layout) if layout is not None and value.ndim == 4 else value

    for part in module.modules():
        for name, value in part._parameters.items():
            if value is not None:
                part._parameters[name] = nn.Parameter(move(value), value.requires_grad)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = move(buffer)
    return module
