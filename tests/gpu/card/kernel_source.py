"""Kernels in the code that Inductor writes, as functions and what it noted of each."""

import importlib.util
import re
import tempfile
from pathlib import Path
from typing import Any

from torch._inductor.runtime import triton_helpers, triton_heuristics

KERNEL = re.compile(r"async_compile\.triton\('(\w+)', '''(.*?)'''", re.DOTALL)
"""Name and source."""


def without_a_card() -> None:
    """Have that code ask for no card, and hand out its functions as they are instead of launchers of them."""
    triton_helpers.set_driver_to_gpu = lambda: None
    for name in ("pointwise", "reduction", "persistent_reduction", "foreach"):
        setattr(triton_heuristics, name, lambda *_, **meta: lambda function: (function, meta))


def load(name: str, source: str, folder: Path) -> tuple[Any, dict[str, Any]]:
    """A kernel, and what Inductor noted of it. Its source is left in `folder`: Triton reads it from a file."""
    path = Path(tempfile.mkdtemp(dir=folder)) / f"{name[:100]}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: tuple[Any, dict[str, Any]] = getattr(module, name)
    return found
