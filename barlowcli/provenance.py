"""Where a number came from: command, commit, versions, device."""

import functools
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from barlowcli import __version__

PACKAGES = ("torch", "torchvision", "numpy", "pandas", "scipy", "mlxtend")


@functools.cache
def _git(*arguments: str) -> str | None:
    here = Path(__file__).resolve().parent
    try:
        done = subprocess.run(
            ["git", "-C", str(here), *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def commit() -> str | None:
    """The commit of the code that runs, with "-dirty" where the package or the experiments differ from it.

    None where the package does not lie in a checkout of its own.
    """
    here = Path(__file__).resolve().parent
    top = _git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != here.parent:
        return None
    changed = _git("status", "--porcelain", "--", str(here), str(here.parent / "experiments"))
    return f"{_git('rev-parse', 'HEAD')}{'-dirty' if changed else ''}"


def device_name(device: str) -> str:
    """The name of the accelerator or of the processor."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return cpu_name()


@functools.cache
def cpu_name() -> str:
    """The processor's model name as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def without_folders(command: list[str]) -> str:
    """The command as typed, absolute paths cut to their last part: "parquet:/home/me/set" -> "parquet:…/set"."""
    return " ".join(re.sub(r"(?<![\w.])[~/][^\s:=,]*/(?=[^\s/])", "…/", argument) for argument in command)


def provenance(device: str, command: list[str]) -> dict[str, Any]:
    """What a record keeps so that its cell can be run again; no path of this machine is in it."""
    return {
        "command": without_folders(command),
        "commit": commit(),
        "barlow": __version__,
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        "device": device,
        "device_name": device_name(device),
        "cpu_count": os.cpu_count(),
        "platform": sys.platform,
    }
