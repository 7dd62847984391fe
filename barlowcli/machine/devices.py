"""Which device a run uses, and how."""

import gc
import os
from collections.abc import Sequence
from enum import StrEnum

from barlowcli.errors import BarlowError
from barlowcli.machine.surroundings import name_user

FP_FUSION = "TRITON_DEFAULT_FP_FUSION"
"""Whether Triton makes one operation of a product and a sum, which rounds once: its default changes with 3.10."""


class Way(StrEnum):
    """How training steps are taken, see `training/step.py`; the fastest first, and each falls back to the next."""

    captured = "captured"
    compiled = "compiled"
    eager = "eager"


ON_THE_PROCESSOR = {"mps": "sorts of integers, and what needs float64, are done on the processor"}
"""Device -> what is not done there, in words."""
OTHER_NAMES = {
    **dict.fromkeys(("rocm", "hip", "amd"), "--device cuda, which is what torch calls AMD's GPUs too"),
    "gpu": "--device auto takes one where there is one",
    "metal": "--device mps",
}
"""What a device may be called elsewhere -> what to do."""


def in_words(way: str, reasons: Sequence[str]) -> str:
    """That steps are taken in this way, and why not in each faster one that was tried."""
    return f"steps are {way}, which is slower: {'; '.join(reasons)}"


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
        raise BarlowError(f"no device named `{name}`", hint=OTHER_NAMES.get(name, "auto, cpu, cuda or mps"))
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
    bits every time; a CPU has the latter anyway. fp32 is float32 with all its bits: TF32, of 10, is for nobody who did
    not ask for it. Raises BarlowError where the device does not answer."""
    import torch

    if device != "cuda":
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it at its first call
    os.environ.setdefault(FP_FUSION, "1")
    if (why := ailment(device)) is not None:
        tool = "nvidia-smi" if torch.version.hip is None else "amd-smi"
        raise BarlowError(
            f"the GPU cannot be used: {why}",
            hint=f"`{tool}` says whether it is there, and who uses it; --device cpu does without",
        )
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = not deterministic
    torch.use_deterministic_algorithms(deterministic)


def ailment(device: str) -> str | None:
    """What a device says, in one line, that this process can use no more; None where it works, or is only full.

    After a wrong access in a kernel, or a failed assertion, every later call fails too until the process ends.
    """
    if device == "cpu":
        return None
    import torch

    try:
        torch.accelerator.synchronize()
        torch.ones(1, device=device).add_(1).cpu()
    except torch.OutOfMemoryError:
        return None
    except RuntimeError as error:
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    return None


def release(device: str) -> None:
    """Give back the memory of what is no longer used: after an error much of it lies in circles of references."""
    import torch

    gc.collect()
    if device != "cpu":
        torch.accelerator.empty_cache()
