"""What Linux control groups leave a process of its machine: containers and batch systems limit cores and memory so.

A limit holds for a group and all within it, so every level from the process's own group to the root is asked. In a
container the path of the group is often the host's and does not exist; the mount's root is then the container's own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
MOUNT = Path("sys/fs/cgroup")
"""Where every distribution has them."""


@dataclass(frozen=True)
class MemoryLimit:
    """A group's memory in bytes: what it may use, and what it uses now less the file cache that can be given back."""

    limit: int
    used: int


def cpu_quota(root: Path = ROOT) -> float | None:
    """Cores' worth of time that this process may use, the least of all levels; None where nothing limits it.

    root: the file system's, for tests.
    """
    quotas = [_quota(folder) for folder in _levels(root, "cpu")]
    return min((quota for quota in quotas if quota is not None), default=None)


def memory_limits(root: Path = ROOT) -> list[MemoryLimit]:
    """The limit of every level that has one."""
    limits = [_memory(folder) for folder in _levels(root, "memory")]
    return [limit for limit in limits if limit is not None]


def _levels(root: Path, controller: str) -> Iterator[Path]:
    """Folders of this process's group and of all that it is nested in, of version 2 and of version 1."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if not group.startswith("/") or (controllers and controller not in controllers.split(",")):
            continue
        path = Path(group).relative_to("/")
        levels = [level for level in (path, *path.parents) if ".." not in level.parts]
        # version 2 names no controllers and is mounted as a whole; of version 1 several may share a mount, in any order
        for mount in {root / MOUNT / name for name in ((controllers, controller) if controllers else ("",))}:
            yield from (mount / level for level in levels if (mount / level).is_dir())


def _quota(folder: Path) -> float | None:
    version_1 = f"{_text(folder / 'cpu.cfs_quota_us')} {_text(folder / 'cpu.cfs_period_us')}"
    try:
        quota, period = map(int, (_text(folder / "cpu.max") or version_1).split())
    except ValueError:  # "max", or a group without a quota
        return None
    return quota / period if quota > 0 and period > 0 else None  # -1: no quota


def _memory(folder: Path) -> MemoryLimit | None:
    for limit, usage, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        most, used = _text(folder / limit).strip(), _text(folder / usage).strip()
        if most.isdecimal() and used.isdecimal():
            return MemoryLimit(int(most), max(0, int(used) - _counter(folder / "memory.stat", cache)))
    return None


def _counter(path: Path, name: str) -> int:
    """A number of a file of lines `name number`; 0 where there is none."""
    rows = (line.split() for line in _text(path).splitlines())
    return next((int(row[1]) for row in rows if len(row) == 2 and row[0] == name and row[1].isdecimal()), 0)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
