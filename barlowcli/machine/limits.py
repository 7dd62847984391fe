"""The limits that the system puts on each process (`ulimit`), and what a batch system says that it gave this job."""

import contextlib
import os
from dataclasses import dataclass

import psutil

FILES, CPU_TIME, PROCESSES = "RLIMIT_NOFILE", "RLIMIT_CPU", "RLIMIT_NPROC"
CORES_GIVEN = ("SLURM_CPUS_ON_NODE", "NSLOTS", "PBS_NCPUS", "LSB_DJOB_NUMPROC")
"""Cores that SLURM, Grid Engine, PBS and LSF gave a job on this machine. Not every cluster enforces them."""


@dataclass(frozen=True)
class AddressSpace:
    """A limit of a process's address space in bytes, and what of it is used. source: the command that sets it."""

    name: str
    most: int
    used: int
    source: str


def limit_of(name: str) -> int | None:
    """The limit that holds now; None where there is none, or where the system does not have such limits."""
    try:
        import resource

        soft, _ = resource.getrlimit(getattr(resource, name))
    except (ImportError, AttributeError, OSError, ValueError):  # Windows has none, other systems not each of them
        return None
    return None if soft == resource.RLIM_INFINITY or soft < 0 else int(soft)


def address_space() -> list[AddressSpace]:
    """The limits of this process's own address space that are set."""
    found = []
    for limit, name, source, field in (
        ("RLIMIT_AS", "address space", "ulimit -v", "vms"),
        ("RLIMIT_DATA", "data segment", "ulimit -d", "data"),
    ):
        most = limit_of(limit)
        if most is not None:
            used = 0
            with contextlib.suppress(psutil.Error, OSError):
                used = int(getattr(psutil.Process().memory_info(), field, 0))
            found.append(AddressSpace(name, most, used, source))
    return found


def given_cores() -> tuple[int, str] | None:
    """The cores that a batch system gave this job, and the variable that says so; None outside of a job."""
    tasks = _number("SLURM_STEP_NUM_TASKS") or 1
    each = _number("SLURM_CPUS_PER_TASK")
    if tasks > 1 and each:  # several tasks share the node, and this is one of them
        return each, "SLURM_CPUS_PER_TASK"
    return next(((count, name) for name in CORES_GIVEN if (count := _number(name))), None)


def given_memory() -> tuple[int, str] | None:
    """The bytes that SLURM gave this job on this machine, and the variable that says so; None outside of a job. Where
    no control group holds a job to it, SLURM may look now and then, and end a job that has more."""
    if whole := _number("SLURM_MEM_PER_NODE"):
        return whole * 2**20, "SLURM_MEM_PER_NODE"
    each, count = _number("SLURM_MEM_PER_CPU"), _number("SLURM_CPUS_ON_NODE")
    return (each * count * 2**20, "SLURM_MEM_PER_CPU") if each and count else None


def _number(name: str) -> int | None:
    """A count in the environment; None where there is none."""
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() and int(text) > 0 else None
