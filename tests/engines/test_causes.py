"""Each kind of death has a hint of its own, by what is known of machine and cell."""

import errno
import resource
import signal

import pytest

from barlowcli.engines import causes
from barlowcli.engines.causes import Death, cannot_start, in_words
from barlowcli.machine.facts import Memory
from barlowcli.machine.needs import Need

GIB = 2**30
LARGE_IMAGES, LARGE_STEP = Need(images=3 * GIB, step=GIB // 2), Need(images=GIB // 2, step=3 * GIB)
GROUP = "/sys/fs/cgroup/job/memory.max"


@pytest.fixture(autouse=True)
def a_machine_with_some_memory(monkeypatch):
    monkeypatch.setattr(causes, "job_memory", lambda: Memory(4 * GIB, GIB, f"the limit of this job in {GROUP}"))
    monkeypatch.setattr(causes, "memory", lambda: Memory(4 * GIB, GIB))
    monkeypatch.setattr(causes, "free_in_shared_memory", lambda: 0)
    limited(monkeypatch)


def limited(monkeypatch, **limits: int) -> None:
    known = {getattr(resource, name): value for name, value in limits.items()}
    monkeypatch.setattr(resource, "getrlimit", lambda which: (known.get(which, -1), -1))


def death(name: str, need: Need = LARGE_IMAGES, **facts: object) -> tuple[str, str]:
    facts = {"before": {GROUP: 0, "": 7}, "after": {GROUP: 0, "": 7}} | facts
    return Death(-signal.Signals[name], need, **facts).in_words()  # type: ignore[arg-type]


def test_the_limit_of_the_job_is_named_where_the_system_counts_that_it_was_reached():
    message, hint = death("SIGKILL", after={GROUP: 1, "": 8})
    assert message == (
        "the worker process died (killed by SIGKILL): the job had reached its 4.0 GiB of memory "
        f"(the limit of this job in {GROUP})"
    )
    assert hint.startswith("more memory for the job, or a smaller --image-size or --limit (the images take 3.0 GiB")


def test_the_machines_own_memory_ran_out():
    message, hint = death("SIGKILL", LARGE_STEP, workers=4, after={GROUP: 0, "": 8})
    assert message.endswith("this machine had no memory left")
    assert hint.startswith(
        "fewer --workers (now 4), or a smaller training.batch_size or projector.dim (a training step"
    )


def test_a_kill_that_was_not_for_memory_is_not_blamed_on_it():
    assert death("SIGKILL")[1].startswith("not for want of memory, as far as the system counts: somebody ended it")
    assert death("SIGKILL", before={}, after={})[1].startswith("if it was the system's memory killer: a smaller --im")


def test_processor_time_that_is_used_up(monkeypatch):
    limited(monkeypatch, RLIMIT_CPU=600)
    for found in (death("SIGXCPU"), death("SIGKILL", seconds=599.5)):
        assert found[0].endswith("it had used its 600 s of processor time")
        assert "ulimit -t" in found[1]
    assert "processor time" not in death("SIGKILL", seconds=20.0)[0]


def test_shared_memory_a_crash_and_somebody(monkeypatch):
    assert "/dev/shm has 0.0 GiB free" in death("SIGBUS")[1]
    assert "does not suit this processor (`barlow doctor`)" in death("SIGILL")[1]
    assert death("SIGSEGV")[1].startswith("torch or a library crashed")
    assert death("SIGTRAP")[1].startswith("somebody ended it")
    limited(monkeypatch, RLIMIT_AS=4 * GIB)
    assert death("SIGSEGV")[1].startswith(
        "perhaps `ulimit -v` (4.0 GiB a process): raise it, or a smaller --image-size"
    )
    assert Death(1, LARGE_STEP).in_words() == (
        "the worker process died (exit code 1)",
        "perhaps `ulimit -v` (4.0 GiB a process): raise it, or a smaller training.batch_size or projector.dim (a "
        "training step takes about 3.0 GiB), or a smaller --image-size or --limit (the images take 0.5 GiB in each "
        "worker); or what it said is above, or in the cell's log.txt",
    )


def test_memory_that_torch_asked_for_in_vain():
    error = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 5368709120 bytes. Error 12")
    assert in_words(error, LARGE_STEP)[0] == "out of memory: 5.0 GiB asked for, 1.0 GiB free"
    assert in_words(error, LARGE_STEP)[1].startswith("a smaller training.batch_size")
    assert in_words(MemoryError(), LARGE_IMAGES, 2)[1].startswith("fewer --workers (now 2), or a smaller --image-size")
    assert in_words(OSError(errno.ENOMEM, "Cannot allocate memory"))[0].startswith("out of memory: [Errno 12]")


def test_memory_that_the_limit_of_the_address_space_is_short_by(monkeypatch):
    limited(monkeypatch, RLIMIT_AS=4 * GIB)
    monkeypatch.setattr(causes, "memory", lambda: Memory(4 * GIB, GIB, "ulimit -v", "ulimit -v"))
    message, hint = in_words(MemoryError("no"))
    assert message == "out of memory: no, 1.0 GiB free (ulimit -v)"
    assert hint.startswith("a higher `ulimit -v` (now 4.0 GiB a process), or a smaller training.batch_size")


def test_threads_files_and_space(monkeypatch):
    limited(monkeypatch, RLIMIT_NPROC=64, RLIMIT_NOFILE=256)
    message, hint = in_words(RuntimeError("can't start new thread"), workers=3)
    assert message.startswith("no more threads or processes can be started")
    assert hint.startswith("fewer --workers (now 3), or a higher limit of the job (processes and threads 64 (ulimit -u")
    files = OSError(errno.EMFILE, "Too many open files", "a.parquet")
    assert in_words(files)[0].startswith("too many open files, of 256 a process (ulimit -n)")
    assert "ulimit -n 4096" in in_words(files)[1]
    assert "/dev/shm has 0.0 GiB free" in in_words(RuntimeError("unable to write to shared memory object"))[0]
    assert in_words(OSError(errno.ENOSPC, "No space left on device", "/tmp/x"))[0].startswith("no space: [Errno 28]")
    assert in_words(ValueError("something else")) == ("ValueError: something else", "")


def test_torch_that_cannot_be_imported_is_not_always_another_build():
    squeezed = ImportError("libtorch_cpu.so: failed to map segment from shared object")
    assert cannot_start(squeezed)[0].startswith("torch cannot be used here: out of memory: libtorch_cpu.so")
    assert "same place" not in cannot_start(squeezed)[1]
    assert "same place" in cannot_start(ImportError("undefined symbol: _ZN2at4"))[1]
