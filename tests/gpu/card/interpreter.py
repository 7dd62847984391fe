"""Run the kernels that Inductor wrote for the card in Triton's interpreter, on the CPU, and compare with eager views.

    python -m tests.gpu.card.interpreter FOLDER

FOLDER is what `views_code` left. Prints, for each recipe, the largest difference in grey levels of 255.
"""

import json
import os
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["TRITON_INTERPRET"] = "1"  # read as Triton is imported

import numpy as np
import torch
import triton
import triton.language as tl
from torch import Tensor
from torch._inductor.async_compile import AsyncCompile
from torch._inductor.runtime import triton_helpers
from triton.runtime.interpreter import TensorHandle

from tests.gpu.card.instead import put
from tests.gpu.card.kernel_source import load, without_a_card
from tests.gpu.card.recipes import EPOCH, RECIPES, STD, images_and_index, views_of

WHOLE, PART = 65536, 512
"""Elements that a program of one dimension, and of each of two, works on at most: the fewer programs, the faster."""
NUMPY: dict[str, Callable[..., Any]] = {"nearbyint": np.rint, "rsqrt": lambda x: 1 / np.sqrt(x), "pow": np.power}
"""CUDA's functions that NumPy has under another name."""


class Libdevice:
    """CUDA's functions of numbers, by NumPy."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = NUMPY.get(name) or getattr(np, name)

        def apply(x: Any, *others: Any) -> Any:
            values = [operand.handle.data for operand in (x, *others)]
            return tl.tensor(TensorHandle(function(*values).astype(values[0].dtype), x.handle.dtype), x.type)

        return apply


class Kernel:
    """A kernel of Inductor's, with the launch that its heuristics would have chosen, or near it."""

    def __init__(self, name: str, source: str, folder: Path) -> None:
        self.function, meta = load(name, source, folder)
        self.signature: list[str] = list(meta["triton_meta"]["signature"])
        self.dimensions = len(meta["size_hints"])

    def run(self, *arguments: Any, **_: Any) -> None:
        """Launch it. The numbers among its arguments are its sizes, in the order of its signature."""
        numbers = [argument for argument in arguments if isinstance(argument, int)]
        sizes = dict(zip([name for name in self.signature if name.endswith("numel")], numbers, strict=True))
        blocks = {name: self._block(name, sizes) for name in self.signature if name.endswith("BLOCK")}
        grid = [triton.cdiv(sizes[f"{a}numel"], blocks[f"{a.upper()}BLOCK"]) for a in "xyz" if f"{a}numel" in sizes]
        with np.errstate(all="ignore"):  # where a lane is masked
            self.function[tuple(grid)](*arguments, **blocks)

    def _block(self, name: str, sizes: dict[str, int]) -> int:
        axis = name.removesuffix("BLOCK").rstrip("_").lower()
        size = next(value for key, value in sizes.items() if key.removesuffix("numel").rstrip("_") == axis)
        covering: int = triton.next_power_of_2(size)
        if axis.startswith("r"):  # a reduction is one block
            return covering
        most = WHOLE if self.dimensions == 1 else PART
        dividing = size & -size  # Inductor leaves the mask out where a block divides the size
        return min(most, dividing) if dividing >= PART else min(covering, most // 4)


class Anywhere:
    """Stands for the choice of a device."""

    def __init__(self, *_: Any) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *_: Any) -> None: ...


def on_the_cpu(folder: Path) -> None:
    """Have Inductor's code find kernels that are interpreted, and no card."""
    without_a_card()
    libdevice = Libdevice()
    put(triton_helpers, libdevice=libdevice, math=libdevice)
    put(AsyncCompile, triton=lambda self, name, source, *others, **more: Kernel(name, source, folder))
    put(torch.cuda, _DeviceGuard=Anywhere, set_device=lambda device: None)


def interpreted(path: Path, arguments: list[Tensor]) -> list[Tensor]:
    """What Inductor's code at `path` makes of the arguments."""
    stream = "from torch._C import _cuda_getCurrentRawStream as get_raw_stream"
    code = path.read_text(encoding="utf-8").replace(stream, "get_raw_stream = lambda device: 0")
    module = types.ModuleType(path.stem)
    module.__file__ = str(path)
    exec(compile(code, path, "exec"), module.__dict__)
    module.__dict__["empty_strided_cuda"] = lambda size, stride, dtype: torch.empty_strided(size, stride, dtype=dtype)
    found: list[Tensor] = module.__dict__["call"](list(arguments))
    return list(found)


def difference(recipe: str, folder: Path) -> float:
    """The largest between what the code made and eager views, in grey levels."""
    images, index = images_and_index()
    truth = torch.cat(views_of(recipe).both(images, index, epoch=EPOCH))
    (made,) = interpreted(folder / f"{recipe}.py", torch.load(folder / f"{recipe}.pt"))
    apart = (made - truth).abs()
    apart[:, :3] *= torch.tensor(STD).view(1, 3, 1, 1) * 255
    return float(apart.max())


def main(folder: Path) -> None:
    """Compare them all."""
    on_the_cpu(folder)
    print(json.dumps({recipe: difference(recipe, folder) for recipe in RECIPES}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
