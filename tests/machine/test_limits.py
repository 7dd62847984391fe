"""Limits of a process, and what a batch system says that it gave."""

import resource

import psutil
import pytest

from barlowcli.machine.facts import cores, gib, job_memory, limits, memory, usable_cores
from barlowcli.machine.limits import CORES_GIVEN, address_space, given_cores, given_memory, limit_of
from barlowcli.machine.needs import Need

GIB = 2**30
SLURM = ("SLURM_STEP_NUM_TASKS", "SLURM_CPUS_PER_TASK", "SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU")


@pytest.fixture(autouse=True)
def no_batch_system(monkeypatch):
    for name in (*CORES_GIVEN, *SLURM):
        monkeypatch.delenv(name, raising=False)


def limited(monkeypatch, **bytes_or_count: int) -> None:
    """Set soft limits as `resource` tells them."""
    known = {getattr(resource, name): value for name, value in bytes_or_count.items()}
    monkeypatch.setattr(
        resource, "getrlimit", lambda which: (known.get(which, resource.RLIM_INFINITY), resource.RLIM_INFINITY)
    )


def test_a_system_without_limits_says_none(monkeypatch, tmp_path):
    limited(monkeypatch)
    assert limits(tmp_path) == {}
    assert address_space() == []
    assert limit_of("RLIMIT_NO_SUCH") is None


def test_each_limit_is_named_with_the_command_that_sets_it(monkeypatch, tmp_path):
    limited(monkeypatch, RLIMIT_NOFILE=256, RLIMIT_CPU=3600, RLIMIT_NPROC=500, RLIMIT_AS=8 * GIB, RLIMIT_DATA=GIB)
    assert limits(tmp_path) == {
        "open files": "256 a process (ulimit -n)",
        "processes and threads": "500 (ulimit -u, all processes of this user)",
        "processor time": "3,600 s a process (ulimit -t)",
        "address space": "8.0 GiB a process (ulimit -v)",
        "data segment": "1.0 GiB a process (ulimit -d)",
    }


def test_the_least_limit_of_processes_is_said_that_of_the_container_too(monkeypatch, tmp_path):
    limited(monkeypatch, RLIMIT_NPROC=500)
    for name, text in {"proc/self/cgroup": "0::/job", "sys/fs/cgroup/job/pids.max": "64"}.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    assert limits(tmp_path)["processes and threads"] == "64 (/sys/fs/cgroup/job/pids.max)"


def test_a_limit_of_the_address_space_bounds_this_process_and_not_what_all_share(monkeypatch, tmp_path):
    used = psutil.Process().memory_info().vms
    limited(monkeypatch, RLIMIT_AS=used + 2**20)
    assert memory(tmp_path).available <= 2**20
    assert memory(tmp_path).available_by == "ulimit -v"
    assert job_memory(tmp_path).available > 2**20


@pytest.mark.parametrize("name", CORES_GIVEN)
def test_the_cores_that_a_batch_system_gave_are_heeded(monkeypatch, tmp_path, name):
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda self: list(range(64)))
    monkeypatch.setenv(name, "8")
    assert cores(tmp_path) == 8
    assert usable_cores(tmp_path).by == f"given to this job by {name}"
    monkeypatch.setenv(name, "0")
    assert cores(tmp_path) == 64


def test_one_of_several_tasks_on_a_node_has_its_own_cores(monkeypatch):
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "32")
    assert given_cores() == (32, "SLURM_CPUS_ON_NODE")
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "4")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "8")
    assert given_cores() == (4, "SLURM_CPUS_PER_TASK")


def test_the_memory_that_slurm_gave_is_heeded(monkeypatch, tmp_path):
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "256")
    monkeypatch.setenv("SLURM_CPUS_ON_NODE", "2")
    assert given_memory() == (GIB // 2, "SLURM_MEM_PER_CPU")
    assert job_memory(tmp_path).total_by == "what SLURM_MEM_PER_CPU gives this job"
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "128")
    assert memory(tmp_path).total == GIB // 8


def test_what_to_make_smaller_begins_with_what_takes_most():
    assert Need(own=5, images=3 * GIB, step=GIB).total == 4 * GIB + 5
    assert Need(own=5 * GIB, images=3 * GIB, step=GIB, counted=True).total == 6 * GIB
    images, step = "a smaller --image-size or --limit (the images take 3.0 GiB", "a smaller training.batch_size or"
    assert Need(images=3 * GIB, step=GIB).less().startswith(f"{images} in each worker), or {step}")
    assert Need(images=GIB, step=3 * GIB).less().startswith(step)
    assert Need(images=GIB).less(4).startswith("fewer --workers (now 4), or a smaller --image-size")
    assert gib(50 * 2**20) == "50 MiB"


def test_a_batch_that_is_probed_is_named_and_what_takes_little_is_not():
    probed = Need(own=GIB, images=2**20, step=0, probe=2 * GIB, counted=True)
    assert probed.total == 3 * GIB
    assert probed.less() == "a smaller --image-size, --limit or projector.dim (what is probed takes about 2.0 GiB)"
    unknown = "a smaller training.batch_size or projector.dim, or a smaller --image-size or --limit"
    assert Need().less() == unknown
    assert Need(images=2**20).less() == "a smaller training.batch_size or projector.dim"
    assert Need(images=1, step=1, probe=1).less() == "more memory for the job"
