"""The machine is read rightly: limits of a job, memory that does not suffice, deaths of workers, modules in the way."""

import os
import resource
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from barlowcli.data import room
from barlowcli.engines import base, causes, pool
from barlowcli.engines.base import at_once
from barlowcli.engines.local import run_cells
from barlowcli.engines.queue import Queue
from barlowcli.engines.starting import safe_environment, safe_path, undisturbed
from barlowcli.machine import facts
from barlowcli.machine.facts import Memory
from barlowcli.machine.provenance import PACKAGE
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import Record, read_record
from barlowcli.running import doctor
from tests.cli.conftest import Command
from tests.cli.conftest import run as run  # the command
from tests.grids import options_for, tiny_plan

MIB, GIB = 2**20, 2**30
JOB = "the limit of this job in /sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes"


def job(root: Path, **files: object) -> Path:
    """A file system in which this process is in the group of a batch job, of version 1."""
    place = root / "sys/fs/cgroup/memory/slurm/job_7"
    place.mkdir(parents=True)
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("4:memory:/slurm/job_7/step_0\n")
    for name, value in files.items():
        (place / name.replace("__", ".")).write_text(f"{value}\n")
    return root


def cells_of(*methods: str, **settings: object) -> list[PlannedCell]:
    plan = tiny_plan({"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]}, settings)
    return [next(cell for cell in plan.cells if cell.config.method.name == method) for method in methods]


def record_of(folder: Path, cell: PlannedCell) -> Record:
    record = read_record(ResultsFolder(folder).cell(cell.id))
    assert record is not None
    return record


def memory_is(monkeypatch: pytest.MonkeyPatch, total: int, available: int, by: str = JOB) -> None:
    """What this process finds of the machine's memory."""
    found = Memory(total, available, by, by)
    for module in (base, pool, causes, doctor):
        monkeypatch.setattr(module, "job_memory", lambda: found)
    monkeypatch.setattr(room, "memory", lambda: found)


def test_a_job_of_a_batch_system_with_a_memory_limit(run: Command, monkeypatch, tmp_path):
    root = job(tmp_path, memory__limit_in_bytes=2_000_000_000, memory__usage_in_bytes=500_000_000)
    for module in (doctor, base):
        monkeypatch.setattr(module, "job_memory", partial(facts.job_memory, root))
    code, out, _ = run("doctor", "--results", str(tmp_path))
    assert code == 0
    lines = {line.split("  ")[0]: line for line in out.splitlines()}
    assert lines["memory"].endswith(f"2 GiB: {JOB}")
    assert lines["free memory"].endswith(f"1.4 GiB: {JOB}")


def test_a_process_that_is_bound_to_a_core_and_may_open_few_files(run: Command, monkeypatch, tmp_path):
    soft = {resource.RLIMIT_NOFILE: 64, resource.RLIMIT_AS: 9 * GIB}
    monkeypatch.setattr(resource, "getrlimit", lambda which: (soft.get(which, -1), -1))
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda self: [5])
    monkeypatch.setattr(psutil, "cpu_count", lambda: 96)
    _, out, _ = run("doctor", "--results", str(tmp_path))
    assert "1 core for this process: bound to these of 96 (taskset, or a batch system)" in out
    assert "64 a process (ulimit -n)" in out
    assert "9.0 GiB a process (ulimit -v)" in out
    assert "1 cell at once" in out


def test_images_larger_than_the_job_may_have_are_refused_before_any_is_read(run: Command, monkeypatch, tmp_path):
    memory_is(monkeypatch, 400 * MIB, 300 * MIB)
    monkeypatch.setattr("barlowcli.engines.worker.private_bytes", lambda: 0)
    cell = cells_of("random-init", **{"data.image_size": 640, "data.limit": 500, "data.test_limit": 50})[0]
    from barlowcli.data.load import load_dataset
    from barlowcli.errors import DataError

    with pytest.raises(DataError) as error:
        load_dataset(cell.config.data, root=tmp_path)
    assert error.value.message.startswith("550 images of 640 x 640 pixels need 0.8 GiB of memory, and ")
    assert error.value.message.endswith(f"({JOB})")
    assert "--image-size" in error.value.hint
    assert "--limit" in error.value.hint


def test_many_cores_and_little_memory(monkeypatch):
    monkeypatch.setattr(base, "cores", lambda: 64)
    memory_is(monkeypatch, 4 * GIB, 3 * GIB)
    found = at_once("cpu", 90)
    assert found.workers == 6
    assert found.why == f"a worker takes 0.5 GiB or more, and 3.0 GiB are free ({JOB})"
    assert at_once("cpu", 2).why == ""
    memory_is(monkeypatch, GIB, 0)
    assert at_once("cpu", 90).workers == 1


def test_two_cells_at_once_of_which_only_one_fits(monkeypatch, tmp_path):
    """Each worker says what it needs; the one there is no room for leaves, and its cell is run after the other."""
    memory_is(monkeypatch, 800 * MIB, 500 * MIB)
    plan = tiny_plan({"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]}, seeds=2)
    cells = [cell for cell in plan.cells if cell.config.method.name == "histogram"]
    assert len(cells) == 2
    events = list(run_cells(cells, options_for(tmp_path), workers=2))
    said = [event.message for event in events if event.kind == "crowded"]
    assert len(said) == 1
    assert said[0].startswith("no memory for 2 cells at once: one needs ")
    assert said[0].endswith(f" of 0.5 GiB ({JOB}); from now on 1 at once")
    assert {record_of(tmp_path, cell).status for cell in cells} == {"ok"}


class Dead:
    """A process that has ended."""

    def __init__(self, code: int) -> None:
        self.exitcode = code

    def join(self, timeout: float | None = None) -> None:
        pass

    def is_alive(self) -> bool:
        return False


class Silent:
    """The end of a pipe whose other end is gone."""

    def recv(self) -> object:
        raise EOFError

    send = close = lambda self, *given: None


def test_a_worker_that_the_system_ended_for_memory_beside_others_is_tried_again_with_fewer(monkeypatch, tmp_path):
    counts = iter([{"/group": 0}, {"/group": 1}])  # when the run begins, and when the worker has died
    monkeypatch.setattr(pool, "killed_for_memory", lambda: next(counts))
    cell = cells_of("random-init")[0]
    with Queue([cell], options_for(tmp_path), anew=False, patience=9.0) as queue:
        found = pool.Pool(3, options_for(tmp_path))
        found.workers = [pool.Worker(Dead(-signal.SIGKILL), Silent()) for _ in range(3)]  # type: ignore[arg-type]
        victim = found.workers[0]
        victim.task = queue.next()
        event = found._hear(victim)
        assert event.kind == "crowded"
        assert event.message.endswith("from now on 2 at once; its cell is tried again")
        found._take_back(victim, event, queue)
        found._do_with_fewer(victim)
        assert found.size == 2
        assert queue.open
        assert read_record(ResultsFolder(tmp_path).cell(cell.id)) is None


def test_a_worker_that_was_alone_and_ended_for_memory_is_a_failed_cell_with_the_limit(monkeypatch, tmp_path):
    memory_is(monkeypatch, 2 * GIB, GIB)
    counts = iter([{"/group": 0}, {"/group": 1}])
    monkeypatch.setattr(pool, "killed_for_memory", lambda: next(counts))
    cell = cells_of("random-init")[0]
    with Queue([cell], options_for(tmp_path), anew=False, patience=9.0) as queue:
        found = pool.Pool(1, options_for(tmp_path))
        found.workers = [pool.Worker(Dead(-signal.SIGKILL), Silent(), task=queue.next())]  # type: ignore[arg-type]
        event = found._hear(found.workers[0])
    assert (event.kind, event.status) == ("done", "failed")
    assert f"the job had reached its 2.0 GiB of memory ({JOB})" in record_of(tmp_path, cell).message


def test_modules_of_the_working_directory_are_not_taken_for_pythons_own(monkeypatch, tmp_path):
    """Files named like Python's or torch's modules lie where the command is run."""
    for name in ("signal", "random", "socket", "numpy", "torch", "typing_extensions"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('the wrong {name}')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    cell = cells_of("histogram")[0]
    assert [event.status for event in run_cells([cell], options_for(tmp_path), workers=1) if event.kind == "done"] == [
        "ok"
    ]


def test_an_empty_entry_of_pythonpath_means_the_working_directory(monkeypatch, tmp_path):
    assert safe_environment({"PYTHONPATH": ":/a::/b"}) == {"PYTHONSAFEPATH": "1", "PYTHONPATH": "/a:/b"}
    assert safe_environment({}) == {"PYTHONSAFEPATH": "1"}
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert safe_path(["", str(tmp_path), ".", "/usr/lib"]) == ["/usr/lib"]
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # who names it wants it
    assert safe_path([str(tmp_path), "/usr/lib"]) == [str(tmp_path), "/usr/lib"]
    monkeypatch.delenv("PYTHONPATH")
    monkeypatch.chdir(PACKAGE.parent)  # a checkout in which the command is run
    assert safe_path([str(PACKAGE.parent), "/usr/lib"]) == ["/usr/lib", str(PACKAGE.parent)]


def test_what_a_start_changes_is_put_back(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    path, environment = list(sys.path), dict(os.environ)
    with undisturbed():
        assert "" not in sys.path
        assert os.environ["PYTHONSAFEPATH"] == "1"
    assert (sys.path, dict(os.environ)) == (path, environment)


def test_a_working_directory_that_was_deleted(monkeypatch, tmp_path):
    def gone() -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "cwd", gone)
    assert safe_path(["", "/usr/lib"]) == ["/usr/lib"]


def test_python_m_barlowcli_where_a_module_has_the_name_of_pythons_own(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')\n")
    (tmp_path / "typer.py").write_text("raise SystemExit('the wrong typer')\n")
    done = subprocess.run(
        [sys.executable, "-m", "barlowcli", "--version"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout[:7]) == (0, "barlow "), done.stderr
