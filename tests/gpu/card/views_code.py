"""Keep the code that Inductor writes for the compiled views of each recipe, and what it is called with.

    python -m tests.gpu.card.views_code FOLDER

Each recipe leaves RECIPE.py and RECIPE.pt in the folder. Nothing is compiled further, and nothing is run.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._inductor import config
from torch._inductor.async_compile import AsyncCompile
from torch._inductor.compile_fx import compile_fx
from torch._inductor.utils import run_and_get_code

from barlowcli.training import compiled
from barlowcli.training.compiled import CompiledViews
from tests.gpu.card.instead import put
from tests.gpu.card.recipes import EPOCH, RECIPES, images_and_index, views_of


class Unused:
    """Stands for a kernel that is not wanted."""

    def run(self, *arguments: Any, **settings: Any) -> None:
        """Nothing."""


def keep(recipe: str, folder: Path) -> None:
    """Write its code, and the tensors with which it is called, in their order."""
    given: list[Tensor] = []

    def backend(graph: torch.fx.GraphModule, examples: Sequence[Tensor]) -> Callable[..., Any]:
        inner: Any = compile_fx(graph, list(examples))

        def call(*arguments: Tensor) -> Any:
            given[:] = [argument.cpu() for argument in arguments]
            return inner(*arguments)

        return call

    put(compiled, BACKEND=backend)
    compiled.compiled.cache_clear()
    images, index = (tensor.to("cuda") for tensor in images_and_index())
    views = CompiledViews(views_of(recipe), images.device)
    _, codes = run_and_get_code(lambda: views.both(images, index, epoch=EPOCH))
    (code,) = codes  # more than one: the views are no longer one function
    (folder / f"{recipe}.py").write_text(code, encoding="utf-8")
    torch.save(given, folder / f"{recipe}.pt")


def main(folder: Path) -> None:
    """Keep them all."""
    put(AsyncCompile, triton=lambda self, name, source, *others, **more: Unused())
    config.fx_graph_cache = False  # code that was written before is not written again
    torch._functorch.config.enable_autograd_cache = False
    for recipe in RECIPES:
        keep(recipe, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
