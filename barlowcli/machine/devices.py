"""Which device a run uses, and how."""

import os
from enum import StrEnum

from barlowcli.errors import BarlowError
from barlowcli.machine.surroundings import name_user


class Way(StrEnum):
    """How training steps are taken, see `training/step.py`; the fastest first, and each falls back to the next."""

    captured = "captured"
    compiled = "compiled"
    eager = "eager"


def available() -> list[str]:
    """Devices of this machine that torch can use, best first."""
    name_user()
    import torch

    devices = ["cuda"] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def choose_device(name: str) -> str:
    """`auto` -> the best device here; any other name is checked. Raises BarlowError where there is no such device."""
    if name == "cpu":
        return name  # no need to import torch for that
    if name not in ("auto", "cuda", "mps"):
        raise BarlowError(f"no device named `{name}`", hint="auto, cpu, cuda or mps")
    devices = available()
    if name == "auto":
        return devices[0]
    if name not in devices:
        raise BarlowError(
            f"--device {name}: torch sees no such device here",
            hint=f"`barlow doctor` says what this machine has; usable: {', '.join(devices)}",
        )
    return name


def set_up(device: str, *, deterministic: bool) -> None:
    """Set this process's torch to the fastest algorithms of a CUDA device, or to those whose results have the same
    bits every time; a CPU has the latter anyway."""
    import torch

    if device != "cuda":
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it at its first call
    torch.backends.cudnn.benchmark = not deterministic
    torch.use_deterministic_algorithms(deterministic)
