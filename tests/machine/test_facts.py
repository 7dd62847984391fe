"""Cores and memory under control groups of both versions, laid out as files."""

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from barlowcli.machine.cgroups import killed_for_memory
from barlowcli.machine.facts import cores, gib, memory, usable_cores
from barlowcli.machine.limits import CORES_GIVEN

GIB = 2**30
NO_LIMIT = 9223372036854771712
"""What version 1 says where nothing limits memory."""


@pytest.fixture(autouse=True)
def a_machine_of_16_cores_and_64_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda self: list(range(16)))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=64 * GIB, available=40 * GIB))
    monkeypatch.setattr("barlowcli.machine.facts.address_space", list)
    for name in (*CORES_GIVEN, "SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU"):
        monkeypatch.delenv(name, raising=False)


def lay_out(root: Path, groups: str, files: dict[str, object]) -> Path:
    """A file system with /proc/self/cgroup and files under /sys/fs/cgroup."""
    for name, text in {"proc/self/cgroup": groups, **{f"sys/fs/cgroup/{name}": files[name] for name in files}}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


def version_1(group: str, quota: int, period: int = 100_000, mount: str = "cpu") -> dict[str, object]:
    return {f"{mount}{group}/cpu.cfs_quota_us": quota, f"{mount}{group}/cpu.cfs_period_us": period}


def test_without_control_groups_it_is_the_machine(tmp_path):
    assert cores(tmp_path) == 16
    assert (memory(tmp_path).total, memory(tmp_path).available) == (64 * GIB, 40 * GIB)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("200000 100000", 2),
        ("250000 100000", 3),  # two and a half: the third worker gets its half
        ("50000 100000", 1),
        ("100 1000000", 1),
        ("3200000 100000", 16),  # more than there are
        ("max 100000", 16),
        ("", 16),
        ("nonsense", 16),
        ("0 0", 16),
    ],
)
def test_cores_of_version_2(tmp_path, text, expected):
    lay_out(tmp_path, "0::/job", {"job/cpu.max": text})
    assert cores(tmp_path) == expected


@pytest.mark.parametrize(
    ("own", "parent", "expected"), [("max 100000", "400000 100000", 4), ("800000 100000", "400000 100000", 4)]
)
def test_a_group_has_no_more_than_those_it_is_nested_in(tmp_path, own, parent, expected):
    files = {"batch/job/step/cpu.max": own, "batch/job/cpu.max": "max 100000", "batch/cpu.max": parent}
    lay_out(tmp_path, "0::/batch/job/step", files)
    assert cores(tmp_path) == expected


def test_another_group_limits_nothing_here(tmp_path):
    lay_out(tmp_path, "0::/mine", {"mine/cpu.max": "max 100000", "theirs/cpu.max": "100000 100000"})
    assert cores(tmp_path) == 16


@pytest.mark.parametrize(("quota", "expected"), [(-1, 16), (300_000, 3), (150_000, 2), (10_000, 1)])
def test_cores_of_version_1(tmp_path, quota, expected):
    lay_out(tmp_path, "4:memory:/job\n1:cpu:/job\n0::/", version_1("/job", quota))
    assert cores(tmp_path) == expected


def test_version_1_with_two_controllers_in_one_mount_and_nested_groups(tmp_path):
    files = version_1("/a/b", -1, mount="cpu,cpuacct") | version_1("/a", 500_000, mount="cpu,cpuacct")
    lay_out(tmp_path, "2:cpu,cpuacct:/a/b", files)
    assert cores(tmp_path) == 5


def test_version_1_with_two_controllers_in_a_mount_of_another_name(tmp_path):
    lay_out(tmp_path, "2:cpuacct,cpu:/a", version_1("/a", 700_000))
    assert cores(tmp_path) == 7


def test_in_a_container_the_path_is_the_hosts_and_the_mount_is_its_own_group(tmp_path):
    files: dict[str, object] = {
        **version_1("", 200_000),
        "memory/memory.limit_in_bytes": 8 * GIB,
        "memory/memory.usage_in_bytes": 3 * GIB,
    }
    lay_out(tmp_path, "4:memory:/docker/0a1b\n1:cpu:/docker/0a1b", files)
    assert cores(tmp_path) == 2
    assert memory(tmp_path).total == 8 * GIB
    assert memory(tmp_path).available == 5 * GIB


def test_a_path_that_leads_out_of_the_mount_is_not_followed(tmp_path):
    lay_out(tmp_path, "0::/../other", {"cpu.max": "300000 100000", "../other/cpu.max": "100000 100000"})
    assert cores(tmp_path) == 3


def test_memory_of_version_2_less_what_is_only_cache(tmp_path):
    files = {
        "job/memory.max": 10 * GIB,
        "job/memory.current": 9 * GIB,
        "job/memory.stat": f"anon {2 * GIB}\nfile {7 * GIB}\ninactive_file {6 * GIB}",
    }
    lay_out(tmp_path, "0::/job", files)
    assert memory(tmp_path).total == 10 * GIB
    assert memory(tmp_path).available == 7 * GIB


def test_memory_of_version_1(tmp_path):
    files = {
        "memory/a/b/memory.limit_in_bytes": NO_LIMIT,
        "memory/a/b/memory.usage_in_bytes": GIB,
        "memory/a/memory.limit_in_bytes": 4 * GIB,
        "memory/a/memory.usage_in_bytes": 3 * GIB,
        "memory/a/memory.stat": f"inactive_file {GIB // 4}\ntotal_inactive_file {GIB}",
    }
    lay_out(tmp_path, "9:name=systemd:/a\n4:memory:/a/b\n0::/", files)
    assert memory(tmp_path).total == 4 * GIB
    assert memory(tmp_path).available == 2 * GIB


@pytest.mark.parametrize(
    ("limit", "used", "total", "available"),
    [
        ("max", GIB, 64, 40),
        (128 * GIB, GIB, 64, 40),  # more than there is
        (2 * GIB, 3 * GIB, 2, 0),  # beyond it already
        (50 * GIB, GIB, 50, 40),  # others have the rest
        ("", GIB, 64, 40),
    ],
)
def test_memory_is_the_least_of_limit_and_machine(tmp_path, limit, used, total, available):
    lay_out(tmp_path, "0::/job", {"job/memory.max": limit, "job/memory.current": used})
    assert (memory(tmp_path).total, memory(tmp_path).available) == (total * GIB, available * GIB)


def test_a_process_that_is_bound_to_some_cores_has_those(tmp_path, monkeypatch):
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda self: [3, 7])
    assert cores(tmp_path) == 2


def test_a_system_without_affinity_has_all_cores(tmp_path, monkeypatch):
    monkeypatch.delattr(psutil.Process, "cpu_affinity")
    monkeypatch.setattr(psutil, "cpu_count", lambda: 12)
    assert cores(tmp_path) == 12


def mounted(root: Path, *lines: str) -> None:
    """/proc/self/mountinfo with a line a mount: group, place, type and options."""
    rows = [f"3{n} 25 0:2{n} {line}" for n, line in enumerate(lines)]
    (root / "proc/self").mkdir(parents=True, exist_ok=True)
    (root / "proc/self/mountinfo").write_text("\n".join(rows) + "\n")


def test_groups_are_found_where_they_are_mounted(tmp_path):
    files = {"job/memory.max": 6 * GIB, "job/memory.current": GIB}
    lay_out(tmp_path, "0::/job", {})
    for name, value in files.items():
        path = tmp_path / "cgroups here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(value))
    mounted(tmp_path, "/ /cgroups\\040here rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate")
    found = memory(tmp_path)
    assert (found.total, found.available) == (6 * GIB, 5 * GIB)
    assert found.total_by == "the limit of this job in /cgroups here/job/memory.max"


def test_a_container_whose_mount_is_a_group_of_the_host(tmp_path):
    """Without a name space of its own, /proc/self/cgroup tells the host's path, and the mount begins there."""
    files: dict[str, object] = {
        "memory/in/memory.limit_in_bytes": 3 * GIB,
        "memory/in/memory.usage_in_bytes": GIB,
    }
    lay_out(tmp_path, "4:memory:/docker/0a1b/in", files)
    mounted(tmp_path, "/docker/0a1b /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory")
    assert memory(tmp_path).total == 3 * GIB


def test_a_container_that_sees_itself_as_the_root(tmp_path):
    lay_out(tmp_path, "0::/", {"memory.max": 2 * GIB, "memory.current": GIB, "cpu.max": "150000 100000"})
    mounted(tmp_path, "/../../pod/box /sys/fs/cgroup ro - cgroup2 cgroup rw")
    assert memory(tmp_path).total == 2 * GIB
    assert usable_cores(tmp_path).count == 2
    assert usable_cores(tmp_path).by == "1.5 by /sys/fs/cgroup/cpu.max"


def test_both_versions_at_once_each_with_its_controllers(tmp_path):
    files: dict[str, object] = {
        "unified/job/memory.max": 9 * GIB,
        "unified/job/memory.current": GIB,
        **version_1("/job", 400_000),
    }
    lay_out(tmp_path, "1:cpu:/job\n0::/job", files)
    cpu = "/ /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu"
    mounted(tmp_path, cpu, "/ /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw")
    assert (memory(tmp_path).total, cores(tmp_path)) == (9 * GIB, 4)


def test_memory_above_which_a_group_is_slowed_down_is_a_limit_too(tmp_path):
    lay_out(tmp_path, "0::/job", {"job/memory.max": "max", "job/memory.high": 4 * GIB, "job/memory.current": GIB})
    assert memory(tmp_path).total_by == "the limit of this job in /sys/fs/cgroup/job/memory.high"


def test_a_limit_of_a_group_that_cannot_be_seen_from_here(tmp_path):
    files = {
        "memory/memory.limit_in_bytes": NO_LIMIT,
        "memory/memory.usage_in_bytes": GIB,
        "memory/memory.stat": f"hierarchical_memory_limit {5 * GIB}",
    }
    lay_out(tmp_path, "4:memory:/far/away", files)
    assert memory(tmp_path).total == 5 * GIB


def test_files_that_were_read_are_given_back_where_memory_is_short(tmp_path):
    stat = f"inactive_file {GIB}\nactive_file {2 * GIB}"
    lay_out(tmp_path, "0::/", {"memory.max": 8 * GIB, "memory.current": 6 * GIB, "memory.stat": stat})
    assert memory(tmp_path).available == 5 * GIB


def test_processes_that_were_ended_for_want_of_memory_are_counted_by_group(tmp_path):
    files: dict[str, object] = {
        "job/memory.events": "low 0\noom 3\noom_kill 2",
        "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 5",
    }
    lay_out(tmp_path, "4:memory:/\n0::/job", files)
    (tmp_path / "proc/vmstat").write_text("nr_free_pages 7\noom_kill 9\n")
    assert killed_for_memory(tmp_path) == {
        "/sys/fs/cgroup/job/memory.max": 2,
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": 5,
        "": 9,
    }


def test_bytes_in_words():
    assert gib(3 * GIB + GIB // 2) == "3.5 GiB"
    assert gib(23_600_000_000, 0) == "22 GiB"


def test_this_machine_says_something_possible(monkeypatch):
    monkeypatch.undo()
    found = memory()
    assert 1 <= cores() <= (psutil.cpu_count() or 1)
    assert 0 < found.available <= found.total <= psutil.virtual_memory().total
