"""`barlow doctor`: what this machine has, and what barlow would do with it."""

import importlib
import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

from barlowcli import __version__
from barlowcli.cli import output
from barlowcli.engines.base import worker_count
from barlowcli.machine.facts import cores, gib, memory
from barlowcli.machine.provenance import PACKAGES, commit, cpu_name


def doctor(
    results: Annotated[Path, typer.Option(help="Where results would go.")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Check versions, devices, memory and disk; say what a run would use here. Exit 1 where something is wrong."""
    facts = examine(results)
    if as_json:
        output.print_json(facts)
    else:
        width = max(map(len, facts["found"]))
        for name, value in facts["found"].items():
            output.say(f"{name.ljust(width)}  {value}")
        for problem in facts["problems"]:
            output.say(f"problem: {problem}")
        output.say(f"\nbarlow run shuffle-test would use: {facts['would_use']}")
    if facts["problems"]:
        raise typer.Exit(1)


def examine(results: Path) -> dict[str, Any]:
    """found: name -> value as text; problems: what keeps barlow from running; would_use: device, preset, workers."""
    problems = []
    found = {
        "barlow": f"{__version__}" + (f" (commit {commit()})" if commit() else ""),
        "python": f"{platform.python_version()} on {sys.platform}",
        "processor": f"{cpu_name()}, {cores()} cores for this process",
        "memory": gib(memory().total, digits=0),
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
            problems.append(f"{package} is not installed; `make install` builds the environment")
    devices = ["cpu"]
    try:
        importlib.import_module("torchvision")  # this import is what fails beside a torch of another build
        from barlowcli.machine.devices import available
        from barlowcli.machine.provenance import device_name

        devices = available()
        found["devices"] = ", ".join(f"{device} ({device_name(device)})" for device in devices)
    except (ImportError, RuntimeError) as error:
        problems.append(f"torch and torchvision do not fit together: {error}; install both from the same place with uv")
    existing = next(path for path in (results.resolve(), *results.resolve().parents) if path.exists())
    found["disk"] = f"{shutil.disk_usage(existing).free / 2**30:.0f} GiB free at {existing}"
    if not os.access(existing, os.W_OK):
        problems.append(f"{existing} cannot be written")
    best = devices[0]
    preset = "cifar10" if best == "cuda" else "quick"
    return {
        "found": found,
        "problems": problems,
        "would_use": f"device {best}, preset {preset}, {worker_count(best, 36)} cells at once",
    }
