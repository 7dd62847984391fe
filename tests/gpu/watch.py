"""What a device would refuse, or wait for, seen operator by operator on fake tensors.

A captured step must not wait for the device, nor copy from the host: no `.item()`, no boolean mask, no tensor that is
made on the host. No operator may have tensors of two devices. Apple's devices have no float64, and not every kernel.
"""

import functools
import re
import traceback
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten
COPIES = (aten._to_copy.default, aten.copy_.default)
MASKED = (aten.index.Tensor, aten.index_put_.default, aten.index_put.default)
BORDER = 1
"""The padding of grid_sampler_2d that repeats the outermost pixels."""


class Watch(TorchDispatchMode):
    """Looks at every operator on a device "cuda" or "mps"; what is wrong is in `faults`, and goes on.

    step: whether waits and copies are faults. Where a value is asked for it is 1, or True.
    """

    def __init__(self, kind: str, *, step: bool) -> None:
        super().__init__()
        self.kind, self.step = kind, step
        self.faults: list[str] = []
        self.waits = 0
        self.types: set[torch.dtype] = set()
        """Of what convolutions made."""

    def __enter__(self) -> "Watch":
        super().__enter__()
        return self

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = tensors((args, kwargs))
        if func in ANSWERS or (func in MASKED and any(index is not None and is_mask(index) for index in args[1])):
            if any(tensor.device.type == self.kind for tensor in given):
                self.waits += 1
                if self.step:
                    self.note(f"{func} waits for the device")
            if func in ANSWERS:
                return ANSWERS[func](*args, **kwargs)
            args = (args[0], [numbers_of(index) for index in args[1]], *args[2:])
        out = func(*args, **kwargs)
        self.look(func, args, given, tensors(out))
        return out

    def look(self, func: Any, args: Sequence[Any], given: list[Tensor], made: list[Tensor]) -> None:
        """Note what is wrong with an operator of these tensors."""
        devices = {tensor.device.type for tensor in given + made}
        if self.kind not in devices or func.is_view or func is aten.detach.default:
            return
        if func in COPIES and len(devices) > 1:
            if self.step:
                self.note(f"{func} copies between {' and '.join(sorted(devices))}")
        elif len(devices) > 1 and any(tensor.device.type == "cpu" and tensor.ndim for tensor in given + made):
            self.note(f"{func} of {' and '.join(sorted(devices))}")
        if func is aten.convolution.default:
            self.types.update(tensor.dtype for tensor in made)
        if self.kind == "mps":
            self.look_as_apple(func, args, given, made)

    def look_as_apple(self, func: Any, args: Sequence[Any], given: list[Tensor], made: list[Tensor]) -> None:
        """Note what Apple's devices do not have, or have wrong."""
        if any(tensor.device.type == "mps" and tensor.dtype == torch.float64 for tensor in made):
            self.note(f"{func} makes float64, which mps does not have")
        if func not in COPIES and not has_mps_kernel(func):
            self.note(f"{func} has no kernel for mps")
        if func is aten.grid_sampler_2d.default and args[3] == BORDER:
            self.note(f"{func} has no border padding on mps before torch 2.13")
        if func in SORTS and given[0].dtype == torch.int64:
            self.note(f"{func} of int64 is wrong on mps before torch 2.13")

    def note(self, what: str) -> None:
        """Keep a fault, with the line of the package that came to it."""
        frames = [frame for frame in traceback.extract_stack() if "/barlowcli/" in frame.filename]
        where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        if (text := what + where) not in self.faults:
            self.faults.append(text)


SORTS = (aten.sort.default, aten.sort.stable, aten.argsort.default, aten.topk.default)


def tensors(value: Any) -> list[Tensor]:
    """All tensors in nested lists, tuples and dictionaries."""
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def is_mask(index: Tensor) -> bool:
    """Whether an index is one that chooses, so that only the device knows how many."""
    return index.dtype in (torch.bool, torch.uint8)


def numbers_of(index: Tensor | None) -> Tensor | None:
    """The numbers of all that a mask (N,) could choose, in its place."""
    return torch.arange(len(index), device=index.device) if index is not None and is_mask(index) else index


def value_of(tensor: Tensor) -> bool | int | float:
    """What is answered where the value of a tensor is asked for."""
    return True if tensor.dtype == torch.bool else 1.0 if tensor.is_floating_point() else 1


ANSWERS: dict[Any, Callable[..., Any]] = {
    aten._local_scalar_dense.default: value_of,
    aten.equal.default: lambda *_: True,
    aten.bincount.default: lambda values, weights=None, minlength=0: values.new_empty(minlength),
    aten.nonzero.default: lambda mask: mask.new_empty(mask.numel(), mask.ndim, dtype=torch.int64),
    aten.masked_select.default: lambda values, mask: values.flatten(),
}


@functools.cache
def kernels() -> dict[str, tuple[str, str]]:
    """Operator -> where it is dispatched to, and the operator that it leaves this to, by torch's own list."""
    spec = find_spec("torchgen")
    assert spec is not None
    assert spec.origin is not None
    listed = Path(spec.origin).parent / "packaged/ATen/native/native_functions.yaml"
    found = {}
    for entry in listed.read_text(encoding="utf-8").split("\n- func: ")[1:]:
        places = re.search(r"\n  dispatch:\n((?:    .*\n?)+)", entry)
        delegate = re.search(r"\n  structured_delegate: (\S+)", entry)
        found[entry.partition("(")[0]] = (places[1] if places else "", delegate[1] if delegate else "")
    return found


@functools.cache
def has_mps_kernel(func: Any) -> bool:
    """Whether torch has an operator on Apple's devices: a kernel there, or one made of others."""
    name = func._schema.name.removeprefix("aten::")
    name = f"{name}.{func._overloadname}" if func._overloadname != "default" else name
    if not func._schema.name.startswith("aten::") or name not in kernels():
        return True
    places, delegate = kernels()[name]
    places = places if not delegate else kernels()[delegate][0]
    return not places or bool(re.search(r"\bMPS\b|Composite", places))
