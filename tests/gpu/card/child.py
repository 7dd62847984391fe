"""Programs that run on the fake card, each a process of its own: its environment, and what it tells."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def environment(library: Path) -> dict[str, str]:
    """What to add to the environment of a process so that torch sees the fake card.

    What Inductor and Triton compile is kept beside the library and never where they keep it for a real card: what
    they measured on this one means nothing. They do it in the process itself: others would have to start first.
    """
    compiled = library.parent / "compiled"
    return {
        "LD_PRELOAD": str(library),
        "LD_LIBRARY_PATH": str(library.parent),
        "TRITON_LIBCUDA_PATH": str(library.parent),
        "TORCHINDUCTOR_CACHE_DIR": str(compiled / "inductor"),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
        "TRITON_CACHE_DIR": str(compiled / "triton"),
        "CUDA_VISIBLE_DEVICES": "0",
        "PYTHONPATH": str(ROOT),
    }


def python(
    library: Path, *arguments: str, told: Mapping[str, str] | None = None, timeout: float = 1200
) -> subprocess.CompletedProcess[str]:
    """Run Python with those arguments on the card. told: FAKE_CUDA_* for it, and whatever else is to be set."""
    surroundings = {**os.environ, **environment(library), **(told or {})}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=timeout, cwd=ROOT)


def answer(library: Path, module: str, *arguments: str, told: Mapping[str, str] | None = None) -> Any:
    """What a module prints as JSON in its last line, run on the card. Raises AssertionError where it fails."""
    done = python(library, "-m", module, *arguments, told=told)
    assert done.returncode == 0, f"{module} ended with {done.returncode}:\n{done.stderr[-4000:]}"
    return json.loads(done.stdout.splitlines()[-1])
