"""Cores and memory that this process may use: those of the machine, less what a container or a batch system keeps."""

import math
from dataclasses import dataclass
from pathlib import Path

import psutil

from barlowcli.machine.cgroups import ROOT, cpu_quota, memory_limits


@dataclass(frozen=True)
class Memory:
    """Bytes. total: what this process can ever have; available: what it can still have now without swapping."""

    total: int
    available: int


def cores(root: Path = ROOT) -> int:
    """Cores that this process may use; part of one counts as one.

    root: of the file system that tells of control groups, for tests.
    """
    process = psutil.Process()
    usable = len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else psutil.cpu_count() or 1
    quota = cpu_quota(root)
    return usable if quota is None else max(1, min(usable, math.ceil(quota)))


def memory(root: Path = ROOT) -> Memory:
    """Memory that this process may use. root: as for `cores`."""
    machine, limits = psutil.virtual_memory(), memory_limits(root)
    total = min([machine.total, *(limit.limit for limit in limits)])
    available = min([machine.available, *(max(0, limit.limit - limit.used) for limit in limits)])
    return Memory(total, available)


def gib(size: int, digits: int = 1) -> str:
    """Bytes as text: "3.5 GiB"."""
    return f"{size / 2**30:.{digits}f} GiB"
