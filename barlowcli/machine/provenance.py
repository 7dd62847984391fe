"""Where a number came from: command, commit, versions, device."""

import functools
import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from barlowcli import __version__
from barlowcli.machine.devices import FP_FUSION
from barlowcli.machine.private import command_without_folders

PACKAGE = Path(__file__).resolve().parents[1]
"""Where the code of barlow lies."""
PACKAGES = ("torch", "torchvision", "numpy", "pandas", "scipy", "mlxtend", "pillow")
LIBRARIES = ("cpu_capability", "cuda", "hip", "cudnn", "tf32", "fp_fusion", "macos")
DECISIVE = ("commit", "code", "barlow", "python", "platform", "device", "device_name", "threads", *LIBRARIES)
"""What of a record's provenance can make other numbers of the same config and data, besides versions."""


@functools.cache
def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(PACKAGE), *arguments], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(done.stdout).strip() if done.returncode == 0 else None


def commit() -> str | None:
    """The commit of the code that runs, with "-dirty" where the package or the experiments differ from it.

    None where the package does not lie in a checkout of its own.
    """
    top = _git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != PACKAGE.parent:
        return None
    changed = _git("status", "--porcelain", "--", str(PACKAGE), str(PACKAGE.parent / "experiments"))
    return f"{_git('rev-parse', 'HEAD')}{'-dirty' if changed else ''}"


@functools.cache
def code() -> str:
    """12 hex digits for the package's code, which tell apart what one changed commit, or none, does not."""
    total = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py"), key=lambda path: path.relative_to(PACKAGE).as_posix()):
        total.update(f"{path.relative_to(PACKAGE).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()[:12]


def device_name(device: str) -> str:
    """The name of the accelerator or of the processor."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return cpu_name()


def libraries(device: str) -> dict[str, Any]:
    """Vector instructions that torch uses on this processor, and what else chooses kernels. On CUDA: the versions of
    CUDA or of AMD's HIP and of cuDNN (there MIOpen), whether float32 may be computed as TF32 (convolutions, products),
    and whether Triton fuses a product with a sum. On Apple's devices: macOS, of which their kernels are a part."""
    import torch

    found: dict[str, Any] = {"cpu_capability": torch.backends.cpu.get_cpu_capability()}
    if device.startswith("cuda"):
        built_for = {"cuda": torch.version.cuda, "hip": torch.version.hip}
        found |= {name: value for name, value in built_for.items() if value is not None}
        found["cudnn"] = torch.backends.cudnn.version()
        found["tf32"] = torch.backends.cudnn.allow_tf32 or torch.backends.cuda.matmul.allow_tf32
        found["fp_fusion"] = os.environ.get(FP_FUSION, "1") == "1"
    elif device.startswith("mps"):
        found["macos"] = platform.mac_ver()[0]
    return found


def threads() -> int:
    """Threads that torch computes with on the processor: with another number, sums have another order."""
    import torch

    return torch.get_num_threads()


@functools.cache
def cpu_name() -> str:
    """The processor's model name as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def provenance(device: str, command: list[str]) -> dict[str, Any]:
    """What a record keeps so that its cell can be run again; no path of this machine is in it."""
    return {
        "command": command_without_folders(command),
        "commit": commit(),
        "code": code(),
        "barlow": __version__,
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        "device": device,
        "device_name": device_name(device),
        **libraries(device),
        "threads": threads(),
        "cpu_count": os.cpu_count(),
        "platform": sys.platform,
    }


def deciding(made: Mapping[str, Any]) -> dict[str, Any]:
    """What of a provenance can make other numbers."""
    return {name: made[name] for name in (*DECISIVE, "versions") if name in made}


def differences(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What, value in a record, value here, of everything decisive that the record names and that is another here."""
    versions = recorded.get("versions")
    then = {name: recorded[name] for name in DECISIVE if name in recorded}
    then |= versions if isinstance(versions, Mapping) else {}
    now = {**here, **here.get("versions", {})}
    return [(name, _text(value), _text(now.get(name))) for name, value in then.items() if value != now.get(name)]


def unsaid(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """What is decisive and known here, and not said in a record: whether it was the same then is unknown."""
    versions = recorded.get("versions")
    then = {*recorded, *(versions if isinstance(versions, Mapping) else ())}
    decisive = [name for name in (*DECISIVE, *here.get("versions", {})) if name in {**here, **here.get("versions", {})}]
    return [name for name in decisive if name not in then]


def _text(value: Any) -> str:
    return "-" if value is None else str(value)
