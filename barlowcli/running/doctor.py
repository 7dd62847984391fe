"""What this machine has, what keeps barlow from running on it, and what a run would use."""

import importlib
import os
import platform
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from barlowcli import __version__
from barlowcli.engines.causes import cannot_start
from barlowcli.errors import BarlowError
from barlowcli.experiment.files import load_experiment
from barlowcli.machine.facts import free_in_shared_memory, gib, job_memory, limits, usable_cores
from barlowcli.machine.gpus import Gpus, gpus
from barlowcli.machine.provenance import PACKAGES, commit, cpu_name
from barlowcli.machine.surroundings import is_writable
from barlowcli.records.obstacles import obstacle
from barlowcli.running.reporting import try_report
from barlowcli.running.request import Request

EXAMPLE = "shuffle-test"
"""The experiment that is said of what a run would use."""


@dataclass(frozen=True)
class Examination:
    """found: name -> value as text; problems: what keeps barlow from running; would_use: device, preset, workers."""

    found: Mapping[str, str]
    problems: tuple[str, ...]
    would_use: str


def examine(results: Path) -> Examination:
    """Look at versions, devices, memory, and the disk that `results` would lie on."""
    found = {
        "barlow": f"{__version__}" + (f" (commit {commit()})" if commit() else ""),
        "python": f"{platform.python_version()} on {sys.platform}",
        **resources(),
    }
    packages, problems = installed()
    found |= packages
    devices = ["cpu"]
    try:
        importlib.import_module("torchvision")  # this import is what fails beside a torch of another build
        from barlowcli.machine.devices import available
        from barlowcli.machine.provenance import device_name

        devices = available()
        found["devices"] = ", ".join(f"{device} ({device_name(device)})" for device in devices)
        found |= cards(gpus(devices[0]))
    except (ImportError, RuntimeError, OSError, MemoryError) as error:
        problems.append("; ".join(cannot_start(error)))
    place = nearest_folder(results)
    found["disk"] = f"{gib(shutil.disk_usage(place).free, digits=0)} free at {place}"
    if what := obstacle(results):
        problems.append(f"results cannot be written to {results}: {what}")
    elif not is_writable(place):
        problems.append(f"{place} cannot be written")
    try:
        try_report(place)
    except BarlowError as error:
        problems.append(f"{error.message}; {error.hint}")
    request = Request(load_experiment(EXAMPLE), device=devices[0], results=results)
    room = request.room_for(len(request.plan().all_cells))
    why = f" (no more, for memory: {room.why})" if room.why else ""
    many = f"{room.workers} cells" if room.workers > 1 else "1 cell"
    would_use = f"device {request.device}, preset {request.preset}, {many} {str(room).partition(' ')[2]}{why}"
    return Examination(found, tuple(problems), would_use)


def cards(found: Gpus) -> dict[str, str]:
    """The GPUs of CUDA or ROCm, number -> name, what names it in CUDA_VISIBLE_DEVICES, memory, and why a run would not
    use it."""
    lines = {}
    for number, gpu in enumerate(found.all):
        about = [gpu.name or "GPU", *([gpu.id] if gpu.id != str(number) else [])]
        state = f"cannot be used: {gpu.trouble}" if gpu.trouble else gpu.memory
        left = "; left out, for other processes use it" if not gpu.trouble and gpu not in found.used else ""
        lines[f"GPU {number}"] = f"{', '.join(about)}: {state}{left}"
    return lines


def nearest_folder(path: Path) -> Path:
    """The folder itself, or that above it in which it would be made."""
    whole = Path(os.path.realpath(path))
    return next(folder for folder in (whole, *whole.parents) if os.path.isdir(folder))


def resources() -> dict[str, str]:
    """Cores, memory and what limits them, and the other limits of a process."""
    usable, most = usable_cores(), job_memory()
    many = f"{usable.count} cores" if usable.count > 1 else "1 core"
    found = {
        "processor": f"{cpu_name()}, {many} for this process{_by(usable.by)}",
        "memory": f"{gib(most.total, digits=0)}{_by(most.total_by)}",
        "free memory": f"{gib(most.available)}{_by(most.available_by)}",
        **limits(),
    }
    shared = free_in_shared_memory()
    return found if shared is None else {**found, "shared memory": f"{gib(shared)} free in /dev/shm"}


def _by(source: str) -> str:
    """Where a limit comes from; nothing where it is the machine itself."""
    return f": {source}" if source else ""


def installed() -> tuple[dict[str, str], list[str]]:
    """Package -> version or "missing", and a problem for each that is missing or too old."""
    found, problems = {}, []
    for package, bound in {**dict.fromkeys(PACKAGES), **lower_bounds()}.items():
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
            problems.append(f"{package} is not installed; `make install` builds the environment")
            continue
        if bound is not None and _numbers(found[package]) < _numbers(bound):
            problems.append(
                f"{package} {found[package]} is too old, {bound} is the oldest that barlow is tested with; "
                f"install a newer one: uv pip install '{package}>={bound}'"
            )
    return found, problems


def lower_bounds() -> dict[str, str]:
    """Package -> the oldest version that this installation of barlow asks for; nothing where it is not installed."""
    try:
        asked = requires("barlowcli") or []
    except PackageNotFoundError:  # run from its folder
        return {}
    found = (re.fullmatch(r"([\w.-]+)>=([\d.]+)", line) for line in asked)  # an extra's line has more
    return {match[1]: match[2] for match in found if match}


def _numbers(version: str) -> list[int]:
    """Of "2.11.0+cu130" [2, 11]: zeros at the end say nothing."""
    match = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(number) for number in match[0].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers
