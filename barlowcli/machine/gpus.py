"""The GPUs that this process may use, each as CUDA_VISIBLE_DEVICES names it, and what memory is free on them.

Processes of their own look: what torch sees there is what a worker will see, whoever made the GPUs and whoever chose
them, and this process takes no memory of a GPU. Of MIG slices CUDA shows a process one, so each has its own.
"""

import contextlib
import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from barlowcli.machine.facts import gib
from barlowcli.machine.surroundings import name_user

CUDA, ROCM = "CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"
"""Which GPUs a process sees: set by a user, or by a batch system such as SLURM. ROCm goes by either, its own first."""
FREE_ENOUGH = 0.5
"""Share of a GPU's memory that must be free, or it is somebody else's. One that draws a screen has more."""
PATIENCE_SECONDS = 120.0
LOOK = """
import json, torch
found = []
for k in range(torch.cuda.device_count()):
    try:
        free, total = torch.cuda.mem_get_info(k)
        found.append({"name": torch.cuda.get_device_name(k), "free": free, "total": total})
    except RuntimeError as error:
        found.append({"trouble": str(error).strip().splitlines()[0]})
print(json.dumps({"rocm": torch.version.hip is not None, "gpus": found}))
"""


@dataclass(frozen=True)
class Gpu:
    """A GPU, or a MIG slice of one. id: as `variable` of the environment names it. total, free: bytes. trouble: why
    torch cannot use it; "" where it can."""

    id: str
    name: str = ""
    total: int = 0
    free: int = 0
    trouble: str = ""
    variable: str = CUDA

    @property
    def title(self) -> str:
        """Its id and name: "GPU 1 (NVIDIA H100)"."""
        kind = "" if self.id.startswith(("GPU-", "MIG-")) else "GPU "
        return f"{kind}{self.id}" + (f" ({self.name})" if self.name else "")

    @property
    def memory(self) -> str:
        """What is free of it, in words."""
        return f"{gib(self.free)} of {gib(self.total)} free"

    @property
    def busy(self) -> bool:
        """Whether others have so much of its memory that it is theirs."""
        return self.free < FREE_ENOUGH * self.total


@dataclass(frozen=True)
class Gpus:
    """All that this process may use, those that a run uses, and what is to be said about the others."""

    all: tuple[Gpu, ...] = ()
    used: tuple[Gpu, ...] = ()
    notes: tuple[str, ...] = ()


def gpus(device: str) -> Gpus:
    """Those for a run on `device`; none where that is no GPU of CUDA's or ROCm's. They are looked at once."""
    if device != "cuda":
        return Gpus()
    chosen = {name: os.environ[name] for name in (CUDA, ROCM) if name in os.environ}
    return choose(_found(tuple(chosen.items())), chosen=bool(chosen))


def answers(gpu: Gpu) -> bool:
    """Whether a process that begins now can use it."""
    named_alone = {gpu.variable: gpu.id}
    return not any(one.trouble for one in seen(named_alone, named_alone))


def choose(found: Sequence[Gpu], *, chosen: bool) -> Gpus:
    """Which of them a run uses: all that work where somebody chose them, and else those that are not busy; the one with
    most free memory where all are."""
    working = [gpu for gpu in found if not gpu.trouble]
    notes = [f"{gpu.title} cannot be used: {gpu.trouble}" for gpu in found if gpu.trouble]
    free = [gpu for gpu in working if not gpu.busy]
    used = working if chosen else free or sorted(working, key=lambda gpu: -gpu.free)[:1]
    for gpu in working:
        if gpu not in used:
            take = f"{gpu.variable}={','.join(one.id for one in working)} takes it too"
            notes.append(f"{gpu.title} is left out: other processes use it ({gpu.memory}); {take}")
        elif gpu.busy:
            notes.append(f"{gpu.title} is used by other processes too ({gpu.memory})")
    return Gpus(tuple(found), tuple(used), tuple(notes))


@functools.cache
def _found(chosen: tuple[tuple[str, str], ...]) -> tuple[Gpu, ...]:
    """What is seen with these variables set. Slices are looked at one by one."""
    by_name = dict(chosen)
    slices = [] if ROCM in by_name else separate(by_name.get(CUDA), listing())
    if not slices:
        return seen({}, by_name)
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda one: seen({CUDA: one}, {CUDA: one}), slices)
    return tuple(gpu for answer in answers for gpu in answer)


def separate(visible: str | None, listed: str) -> list[str]:
    """The ids of what must be looked at one by one: all, where there are MIG slices among them. listed: by
    `nvidia-smi -L`, where a GPU's slices follow it."""
    if visible is not None:
        ids = named(visible)
        return ids if any(one.startswith("MIG-") for one in ids) else []
    found: list[list[str]] = []  # a GPU and its slices each
    for kind, one in re.findall(r"^\s*(GPU|MIG) .*\(UUID: ((?:GPU|MIG)-[^)]+)\)", listed, re.MULTILINE):
        if kind == "GPU" or not found:
            found.append([])
        found[-1].append(one)
    if all(len(parts) == 1 for parts in found):
        return []
    return [one for gpu, *slices in found for one in slices or [gpu]]


def named(visible: str) -> list[str]:
    """The ids in such a variable; CUDA reads none behind one that is empty or negative."""
    ids = []
    for one in visible.split(","):
        if not (name := one.strip()) or name.startswith("-"):
            break
        ids.append(name)
    return ids


def listing() -> str:
    """GPUs and MIG slices by `nvidia-smi -L`; "" where there is none."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, check=False)
        return done.stdout if done.returncode == 0 else ""
    return ""


def seen(extra: Mapping[str, str], chosen: Mapping[str, str]) -> tuple[Gpu, ...]:
    """What torch sees in a process of its own, with `extra` in its environment; `chosen`: what is set of the variables
    there."""
    name_user()
    command, first = [sys.executable, "-P", "-c", LOOK], next(iter(named(chosen.get(CUDA, "0"))), "0")
    environment = {**os.environ, **extra}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return (Gpu(first, trouble=f"it does not answer: {error}"),)
    if done.returncode != 0:
        return (Gpu(first, trouble=(done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]),)
    found = as_gpus(json.loads(done.stdout.splitlines()[-1]), chosen)
    return found or (Gpu(first, trouble="torch sees no such GPU"),)


def as_gpus(answer: Mapping[str, Any], chosen: Mapping[str, str]) -> tuple[Gpu, ...]:
    """What such a process answers; each with the id that shows a worker this one alone."""
    variable = ROCM if answer["rocm"] else CUDA
    given = chosen.get(variable, chosen.get(CUDA))
    found = [Gpu(str(k), **one, variable=variable) for k, one in enumerate(answer["gpus"])]
    if given is None:
        return tuple(found)
    return tuple(replace(gpu, id=one) for gpu, one in zip(found, named(given), strict=False))
