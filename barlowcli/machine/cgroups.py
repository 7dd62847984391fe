"""What Linux control groups leave a process of its machine: containers and batch systems limit cores and memory so.

A limit holds for a group and all within it, so every level from the process's own group to the root is asked. Where the
groups of a controller lie is what /proc/self/mountinfo says, else the usual place. In a container the path of the group
is often the host's and does not exist there; the mount itself is then the container's own group.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path("/")
MOUNT = Path("sys/fs/cgroup")
"""Where every distribution has them."""


@dataclass(frozen=True)
class MemoryLimit:
    """A group's memory in bytes: what it may use, and what it uses now less the file cache that can be given back.
    source: the file that says so."""

    limit: int
    used: int
    source: str = ""


@dataclass(frozen=True)
class Quota:
    """Cores' worth of time, and the file that says so."""

    cores: float
    source: str


@dataclass(frozen=True)
class Mount:
    """Where groups can be seen. at: the folder; root: the group that this folder is; controllers: of version 1, none of
    version 2."""

    at: Path
    root: str
    controllers: frozenset[str]


def cpu_quota(root: Path = ROOT) -> Quota | None:
    """The least cores' worth of time of all levels that this process may use; None where nothing limits it.

    root: the file system's, for tests.
    """
    quotas = (_quota(folder, root) for folder in _levels(root, "cpu"))
    return min((quota for quota in quotas if quota is not None), key=lambda quota: quota.cores, default=None)


def memory_limits(root: Path = ROOT) -> list[MemoryLimit]:
    """The limit of every level that has one."""
    return [limit for folder in _levels(root, "memory") for limit in _memory(folder, root)]


def process_limits(root: Path = ROOT) -> list[tuple[int, str]]:
    """How many processes and threads may run, and the file that says so, of every level that has such a limit."""
    found = ((_text(folder / "pids.max").strip(), folder / "pids.max") for folder in _levels(root, "pids"))
    return [(int(most), _shown(path, root)) for most, path in found if most.isdecimal()]


def killed_for_memory(root: Path = ROOT) -> dict[str, int]:
    """How many processes the system has ended for want of memory: in each group that this process is in, by the file
    that limits it, and "" for the whole machine. What cannot be known is left out."""
    found: dict[str, int] = {}
    for folder in _levels(root, "memory"):
        for events, limit in (("memory.events", "memory.max"), ("memory.oom_control", "memory.limit_in_bytes")):
            count = _counter(folder / events, "oom_kill")
            if count is not None:
                found[_shown(folder / limit, root)] = count
    machine = _counter(root / "proc/vmstat", "oom_kill")
    return found if machine is None else found | {"": machine}


def _levels(root: Path, controller: str) -> Iterator[Path]:
    """Folders of this process's group and of all that it is nested in, of version 2 and of version 1, each once."""
    seen = set[Path]()
    mounts = list(_mounts(root))
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        named, _, group = rest.partition(":")
        controllers = frozenset(named.split(",")) if named else frozenset[str]()
        if not group.startswith("/") or (controllers and controller not in controllers):
            continue
        for mount in mounts:
            if (controller in mount.controllers) if controllers else not mount.controllers:
                for folder in _nested(mount, group):
                    if folder not in seen and folder.is_dir():
                        seen.add(folder)
                        yield folder


def _nested(mount: Mount, group: str) -> Iterator[Path]:
    """The folder of a group and those above it, up to the mount."""
    path = PurePosixPath(group)
    if path.is_relative_to(mount.root) and ".." not in path.parts:
        path = path.relative_to(mount.root)
    else:  # the host's path, or one outside of this name space
        path = PurePosixPath(*[part for part in path.parts[1:] if part != ".."])
    yield from (mount.at / level for level in (path, *path.parents))


def _mounts(root: Path) -> Iterator[Mount]:
    """Where groups are mounted, by /proc/self/mountinfo; the usual places where that says nothing."""
    found = False
    for line in _text(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if len(fields) < 5 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        found = True
        names = frozenset(kind[2].split(",")) if kind[0] == "cgroup" else frozenset[str]()
        yield Mount(root / _unescaped(fields[4]).lstrip("/"), _unescaped(fields[3]), names)
    if not found:
        usual = root / MOUNT
        yield Mount(usual, "/", frozenset())
        with contextlib.suppress(OSError):
            yield from [Mount(folder, "/", frozenset(folder.name.split(","))) for folder in sorted(usual.iterdir())]


def _unescaped(text: str) -> str:
    """A path of mountinfo, where a space is written as \\040."""
    for code, letter in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, letter)
    return text


def _shown(path: Path, root: Path) -> str:
    """The path as this process sees it."""
    return f"/{path.relative_to(root).as_posix()}"


def _quota(folder: Path, root: Path) -> Quota | None:
    path = folder / "cpu.max"
    text = _text(path)
    if not text:
        path = folder / "cpu.cfs_quota_us"
        text = f"{_text(path)} {_text(folder / 'cpu.cfs_period_us')}"
    try:
        quota, period = map(int, text.split())
    except ValueError:  # "max", or a group without a quota
        return None
    return Quota(quota / period, _shown(path, root)) if quota > 0 and period > 0 else None  # -1: no quota


def _memory(folder: Path, root: Path) -> Iterator[MemoryLimit]:
    """The limits of a group. Above memory.high, too, a group is slowed down until nothing goes on; a group of version 1
    knows the least limit of those above it, which a container may not see."""
    for limits, usage, prefix in (
        (("memory.max", "memory.high"), "memory.current", ""),
        (("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_"),
    ):
        used = _text(folder / usage).strip()
        if not used.isdecimal():
            continue
        cache = sum(_counter(folder / "memory.stat", f"{prefix}{kind}_file") or 0 for kind in ("inactive", "active"))
        in_use = max(0, int(used) - cache)
        for name in limits:
            if (most := _text(folder / name).strip()).isdecimal():
                yield MemoryLimit(int(most), in_use, _shown(folder / name, root))
        above = _counter(folder / "memory.stat", "hierarchical_memory_limit")
        if above is not None:
            yield MemoryLimit(above, in_use, _shown(folder / "memory.stat", root))


def _counter(path: Path, name: str) -> int | None:
    """A number of a file of lines `name number`; None where there is none."""
    rows = (line.split() for line in _text(path).splitlines())
    return next((int(row[1]) for row in rows if len(row) == 2 and row[0] == name and row[1].isdecimal()), None)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
