"""Compile the kernels that Inductor wrote for the card to machine code, by Triton's own ptxas, for real cards.

    python -m tests.gpu.card.cubins FOLDER 80 90

FOLDER is what `views_code` left. Prints, by card and kernel of two recipes, the bytes of its code and of shared memory.
"""

import json
import sys
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from tests.gpu.card.kernel_source import KERNEL, load, without_a_card

OF = ("none", "equalise+pixels")
"""The recipes whose kernels are compiled: with jitter, blur and solarising, and with sorting and permutations. Those of
the others are of the same kinds, and a kernel takes .15 s."""
BLOCKS = {"X": 64, "Y": 64, "R": 1024}
"""Elements that a program works on along an axis, near what Inductor would try; in a reduction one along X."""


def constants(meta: dict[str, Any]) -> dict[str, int]:
    """Values of what a kernel has fixed as it is compiled, where Inductor did not fix them itself."""
    reduces = any(axis.startswith("r") for axis in meta["size_hints"])
    blocks = BLOCKS | {"X": 1} if reduces else BLOCKS
    signature = meta["triton_meta"]["signature"]
    return {name: blocks[name[0]] for name, kind in signature.items() if kind == "constexpr"}


def compiled(function: Any, meta: dict[str, Any], capability: int) -> dict[str, int]:
    """Bytes of the cubin, and of the shared memory that it wants."""
    signature = meta["triton_meta"]["signature"]
    fixed = {(list(signature).index(name),): value for name, value in constants(meta).items()}
    source = ASTSource(function, signature=signature, constexprs=fixed)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32))
    return {"cubin": len(made.asm["cubin"]), "shared": made.metadata.shared}


def main(folder: Path, capabilities: list[int]) -> None:
    """Compile every kernel of those recipes, those that are alike once."""
    without_a_card()
    codes = [(folder / f"{recipe}.py").read_text(encoding="utf-8") for recipe in OF]
    kernels = {source: name for code in codes for name, source in KERNEL.findall(code)}
    found: dict[int, list[dict[str, int]]] = {capability: [] for capability in capabilities}
    for source, name in kernels.items():
        function, meta = load(name, source, folder)
        for capability in capabilities:
            found[capability].append(compiled(function, meta, capability))
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(capability) for capability in sys.argv[2:]])
