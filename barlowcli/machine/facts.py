"""Cores and memory that this process may use: those of the machine, less what a container or a batch system keeps."""

import contextlib
import math
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from barlowcli.machine.cgroups import ROOT, cpu_quota, memory_limits, process_limits
from barlowcli.machine.limits import CPU_TIME, FILES, PROCESSES, address_space, given_cores, given_memory, limit_of


@dataclass(frozen=True)
class Memory:
    """Bytes. total: what this process can ever have; available: what it can still have now without swapping. total_by,
    available_by: what sets these limits, in words; "" where it is the machine itself."""

    total: int
    available: int
    total_by: str = ""
    available_by: str = ""


@dataclass(frozen=True)
class Cores:
    """Cores that this process may use, and what sets the limit, in words; "" where it is the machine itself."""

    count: int
    by: str = ""


def cores(root: Path = ROOT) -> int:
    """Cores that this process may use; part of one counts as one.

    root: of the file system that tells of control groups, for tests.
    """
    return usable_cores(root).count


def usable_cores(root: Path = ROOT) -> Cores:
    """The same, with what limits them."""
    process, machine = psutil.Process(), psutil.cpu_count() or 1
    usable = len(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else machine
    bound = f"bound to these of {machine} (taskset, or a batch system)" if usable < machine else ""
    found, quota, given = [Cores(usable, bound)], cpu_quota(root), given_cores()
    if quota is not None:
        found.append(Cores(max(1, math.ceil(quota.cores)), f"{quota.cores:g} by {quota.source}"))
    if given is not None:
        found.append(Cores(given[0], f"given to this job by {given[1]}"))
    return min(found, key=lambda one: one.count)


def memory(root: Path = ROOT) -> Memory:
    """Memory that this process may use. root: as for `cores`."""
    found = job_memory(root)
    for limit in address_space():
        if limit.most < found.total:
            found = replace(found, total=limit.most, total_by=limit.source)
        if (left := max(0, limit.most - limit.used)) < found.available:
            found = replace(found, available=left, available_by=limit.source)
    return found


def job_memory(root: Path = ROOT) -> Memory:
    """Memory that this process and its workers may use together. root: as for `cores`."""
    machine = psutil.virtual_memory()
    groups = sorted(memory_limits(root), key=lambda one: one.source.endswith("memory.stat"))
    totals = [(machine.total, ""), *((group.limit, _of_group(group.source)) for group in groups)]
    left = [(machine.available, ""), *((max(0, one.limit - one.used), _of_group(one.source)) for one in groups)]
    if (given := given_memory()) is not None:
        totals.append((given[0], f"what {given[1]} gives this job"))
        left.append(totals[-1])
    total, available = (min(found, key=lambda one: one[0]) for found in (totals, left))
    return Memory(total[0], available[0], total[1], available[1])


def _of_group(source: str) -> str:
    return f"the limit of this job in {source}"


def limits(root: Path = ROOT) -> dict[str, str]:
    """What else limits this process, name -> value and where it comes from; what is not limited is left out."""
    found: dict[str, str] = {}
    files, seconds, users = limit_of(FILES), limit_of(CPU_TIME), limit_of(PROCESSES)
    if files is not None:
        found["open files"] = f"{files:,} a process (ulimit -n)"
    counts = [*([(users, "ulimit -u, all processes of this user")] if users is not None else []), *process_limits(root)]
    if counts:
        count, source = min(counts)
        found["processes and threads"] = f"{count:,} ({source})"
    if seconds is not None:
        found["processor time"] = f"{seconds:,} s a process (ulimit -t)"
    for limit in address_space():
        found[limit.name] = f"{gib(limit.most)} a process ({limit.source})"
    return found


def private_bytes() -> int:
    """Memory of this process that it shares with no other: less the libraries' code, which lies in memory once."""
    info = psutil.Process().memory_info()
    return max(0, int(info.rss) - int(getattr(info, "shared", 0)))


def free_in_shared_memory(folder: Path = Path("/dev/shm")) -> int | None:
    """Bytes left where processes share memory; None where there is no such place."""
    with contextlib.suppress(OSError):
        return int(psutil.disk_usage(str(folder)).free)
    return None


def gib(size: int, digits: int = 1) -> str:
    """Bytes as text: "3.5 GiB"; in MiB where that would be "0.0 GiB"."""
    if digits and 0 < size < 2**30 / 10:
        return f"{size / 2**20:.0f} MiB"
    return f"{size / 2**30:.{digits}f} GiB"
