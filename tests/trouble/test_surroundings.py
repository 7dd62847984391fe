"""What a process finds around it: no home, no name, no shared memory, a foreign backend, folders that refuse."""

import errno
import getpass
import multiprocessing.synchronize
import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pytest

from barlowcli.data.load import load_dataset
from barlowcli.data.paths import DATA_ROOT
from barlowcli.engines.pool import Pool
from barlowcli.engines.stop import asked
from barlowcli.errors import BarlowError, DataError
from barlowcli.machine import surroundings
from barlowcli.machine.drawing import has_own_folders
from barlowcli.machine.surroundings import at_home, give_temporary_folder, is_writable, name_user
from barlowcli.measuring.space import Space, space_of
from barlowcli.records.files import refused
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.refusals import way_in, way_out
from barlowcli.report import page
from barlowcli.running import beforehand, experiment, reporting
from barlowcli.running.beforehand import try_writing
from barlowcli.settings.data import DataSettings
from tests.cli.conftest import Command
from tests.faults.test_disk import OWN_MOUNTS, allowed
from tests.grids import options_for
from tests.synthetic_grids import grid_plan
from tests.synthetic_results import BEYOND, quick_plan, records_of, write_results

RUN = ("run", "shuffle-test", "--preset", "quick", "--device", "cpu", "--seeds", "1", "--method", "random-init")
DISK_SPACE = "disk space"


@pytest.fixture
def no_cell(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The cells that a run came to; none of them is run."""
    come_to: list[object] = []
    monkeypatch.setattr(experiment, "execute", lambda cells, request, show, anew: come_to.extend(cells))
    monkeypatch.setattr(experiment, "write_report", nothing_to_report)
    return come_to


def nothing_to_report(folder: Path) -> None:
    raise BarlowError("the cells would be run now")


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user number that no file knows, as containers and batch systems give them, and no variable that helps."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR", *surroundings.NAMES):
        monkeypatch.setenv(name, "")  # so that it is put back whatever the code under test sets
        monkeypatch.delenv(name)

    def unknown(number: int) -> object:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)


# No home, no name


@pytest.mark.usefixtures("homeless", "unmeasured")
def test_without_home_and_name_what_needs_neither_goes_on(run: Command, tmp_path: Path, no_cell: list[object]) -> None:
    results = ("--results", str(tmp_path))
    assert run(*RUN, *results, "--dry-run")[0] == 0
    _, _, err = run(*RUN, *results)
    assert "the cells would be run now" in err
    assert no_cell
    assert at_home(DATA_ROOT) == DATA_ROOT
    name_user()
    assert getpass.getuser() == f"user-{os.getuid()}"


@pytest.mark.usefixtures("homeless")
def test_without_home_a_download_has_no_place_and_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="there is no home folder here") as error:
        load_dataset(DataSettings(name="cifar10"), root=at_home(DATA_ROOT))
    assert error.value.hint == "--data-root names another folder"
    assert not list(tmp_path.iterdir())  # and above all no folder called ~


def test_a_user_with_a_name_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "anna")
    name_user()
    assert os.environ["LOGNAME"] == "anna"


# Folders for what is passing


@pytest.fixture
def no_temporary_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine whose temporary folders cannot be written."""

    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setenv("TMPDIR", "")
    monkeypatch.setattr(tempfile, "gettempdir", none)
    monkeypatch.setattr(surroundings, "MEMORY", tmp_path / "none")


@pytest.mark.usefixtures("no_temporary_folder")
def test_without_temporary_folder_memory_is_taken_and_then_the_results(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    give_temporary_folder(results)
    assert os.environ["TMPDIR"] == str(results)
    monkeypatch.setattr(surroundings, "MEMORY", tmp_path)
    give_temporary_folder(results)
    assert os.environ["TMPDIR"] == str(tmp_path)
    assert not list(results.iterdir())


@pytest.mark.usefixtures("no_temporary_folder")
def test_a_rerun_without_any_temporary_folder_ends_in_words(run: Command, tmp_path: Path) -> None:
    plan = quick_plan(seeds=1, axes={"method": ["barlow"], "shuffle": ["none"]})
    write_results(tmp_path, plan, records_of(plan, BEYOND))
    code, _, err = run("rerun", str(tmp_path / "cells" / plan.cells[0].id))
    assert code == 2
    assert "error: no folder for temporary files can be written" in err
    assert "hint: TMPDIR=FOLDER" in err


def test_a_home_that_cannot_be_written_is_found_by_trying(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert has_own_folders()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]  # the trial is gone
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # one of the two is enough
    assert not has_own_folders()
    assert not is_writable(Path("/proc/self"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "own"))
    assert has_own_folders()


HOSTILE = """
closed() { mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 77; }
for folder in /tmp /var/tmp /dev/shm "$HOME"; do [ ! -d "$folder" ] || closed "$folder"; done
mount -t tmpfs -o size=8m none "$RESULTS" || exit 77
cd "$HOME" && exec "$PYTHON" -c "
import pathlib, sys
sys.path[0] = '$SOURCE'
from barlowcli.running.reporting import try_report
results = pathlib.Path('$RESULTS')
try_report(results)
import matplotlib
assert matplotlib.get_cachedir().startswith(str(results)), matplotlib.get_cachedir()
"
"""


def test_a_report_is_made_where_everything_but_the_results_is_read_only_and_a_notebook_named_a_backend(
    tmp_path: Path,
) -> None:
    if not allowed():
        pytest.skip("this system lets nobody mount a file system of his own")
    home, results = tmp_path / "home", tmp_path / "place"
    home.mkdir()
    results.mkdir()
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")}
    environment = {
        **kept,
        "HOME": str(home),
        "RESULTS": str(results),
        "PYTHON": sys.executable,
        "SOURCE": str(Path(__file__).parents[2]),
        "MPLBACKEND": "module://a_notebook.backend_inline",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [*OWN_MOUNTS, "bash", "-c", HOSTILE], capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    if done.returncode == 77:
        pytest.skip(f"this system makes no folder read-only: {done.stderr}")
    said = done.stderr.replace("Matplotlib is building the font cache; this may take a moment.", "").strip()
    assert (done.returncode, done.stdout, said) == (0, "", "")


# Shared memory


def test_workers_are_told_to_stop_where_no_semaphore_can_be_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*arguments: object, **named: object) -> object:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(multiprocessing.synchronize.SemLock, "__init__", full)
    with Pool(1, options_for(tmp_path)) as pool:
        assert not pool.stopping
        assert not asked(pool.stop.seen)
        pool.stop.set()
        pool.stop.set()  # a second signal
        assert pool.stopping
        assert asked(pool.stop.seen)
        assert asked(pool.stop.seen)  # the first look takes nothing away from other workers


# The end, tried at the beginning


def disk(free: int, files: int = 10**6) -> SimpleNamespace:
    """What the system says of a disk with so many bytes and files free."""
    return SimpleNamespace(f_blocks=10**9, f_bavail=free, f_frsize=1, f_files=10**6, f_favail=files)


Refuses = Callable[[str], str]


@pytest.fixture
def refuses(run: Command, tmp_path: Path, no_cell: list[object]) -> Refuses:
    """`refuses("a word")`: `barlow run` ends before its first cell, that word in its refusal; all that it says."""

    def run_and_see(word: str) -> str:
        code, out, err = run(*RUN, "--results", str(tmp_path))
        assert (code, out, no_cell) == (2, "", [])
        assert word in err
        assert "hint: " in err
        assert "Traceback" not in err
        return err

    return run_and_see


def test_a_disk_that_is_too_small_is_refused_with_the_numbers(
    refuses: Refuses, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: disk(2**20))
    err = refuses("has 1.0 MiB free, and the run writes ")
    assert "hint: free some, choose another folder with --results, or ask for fewer cells" in err
    assert not (tmp_path / "shuffle-test" / "quick" / "plan.json").exists()  # as if it had not been asked for


def test_a_disk_that_is_nearly_too_small_is_said_and_the_run_goes_on(
    run: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_cell: list[object]
) -> None:
    need = Space(kept=10 * 2**20, passing=50 * 2**20, files=10)
    monkeypatch.setattr(beforehand, "space_of", lambda cells, at_once: need)
    monkeypatch.setattr(os, "statvfs", lambda path: disk(20 * 2**20))
    _, _, err = run(*RUN, "--results", str(tmp_path))
    assert "has 20 MiB free: the run leaves about 10 MiB there, and its checkpoints need up to 50 MiB more" in err
    assert no_cell


def test_a_disk_without_room_for_more_files_is_refused(refuses: Refuses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: disk(10**12, files=20))
    assert "delete some" in refuses("has room for 20 more files")


def test_a_disk_that_does_not_say_how_large_it_is_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = SimpleNamespace(f_blocks=0, f_bavail=0, f_frsize=0, f_files=0, f_favail=0)
    monkeypatch.setattr(os, "statvfs", lambda path: nothing)
    assert not list(beforehand.check_room(space_of(quick_plan().cells, 2), Path("results")))


def test_the_room_for_large_projectors_is_that_of_their_weights() -> None:
    plan = grid_plan("dims", "cifar10", seeds=1)
    wide = [cell for cell in plan.cells if cell.axes["dims"] == "16384" and cell.axes["method"] == "barlow"]
    need = space_of(wide[:1], 1)
    assert wide[0].config.projector is not None
    assert need.kept > 4 * 16384 * 2048
    assert need.passing > 2 * need.kept - 2**22
    assert space_of(wide[:2], 1).passing >= need.passing


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("cells", "is a file, and a folder is needed there: move it away"),
        ("plots", "is a file, and a folder is needed there: move it away"),
        ("report.html/", "is a folder, and a file is needed there: move it away"),
        ("runs.csv/", "is a folder, and a file is needed there: move it away"),
    ],
)
def test_what_lies_in_the_place_of_a_result_is_found_before_the_first_cell(
    refuses: Refuses, tmp_path: Path, name: str, reason: str
) -> None:
    place = tmp_path / "shuffle-test" / "quick" / name
    place.parent.mkdir(parents=True)
    place.mkdir() if name.endswith("/") else place.touch()
    err = refuses("cannot write ")
    assert f"{place} {reason}" in err
    assert DISK_SPACE not in err


@pytest.mark.parametrize(
    "words", [RUN, ("doctor",), ("rerun", "x"), ("views",), ("status",)], ids=lambda words: words[0]
)
def test_a_working_directory_that_was_deleted_ends_every_command_in_words(
    run: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """torch's libraries would end the process where they are loaded there."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    code, _, err = run(*words)
    monkeypatch.chdir(tmp_path)
    assert code == 2
    assert "error: the folder that this command was started in was deleted\nhint: change to another one" in err


@pytest.mark.parametrize("kind", ["loop", "nowhere", "file", "read-only"])
def test_the_doctor_says_where_no_results_can_be_written(run: Command, tmp_path: Path, kind: str) -> None:
    place = tmp_path / kind
    if kind == "file":
        place.touch()
    elif kind != "read-only":
        place.symlink_to(kind if kind == "loop" else "/gone")
    results = Path("/proc/self/results") if kind == "read-only" else place
    code, out, _ = run("doctor", "--results", str(results))
    assert code == 1
    problem = {
        "loop": f"{place}: Too many levels of symbolic links",
        "nowhere": f"{place} is a link to /gone, which is not there",
        "file": f"{place} is a file, not a folder",
        "read-only": f"/proc/{os.getpid()} cannot be written",
    }
    assert problem[kind] in out


def test_the_doctor_tries_a_report_too(run: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(otherwise: Path) -> None:
        raise ImportError("no module named matplotlib")

    monkeypatch.setattr(reporting, "import_matplotlib", broken)
    code, out, _ = run("doctor", "--results", str(tmp_path))
    assert code == 1
    assert "problem: no report can be made here: ImportError: no module named matplotlib" in out


def test_a_trial_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "plots").mkdir()
    try_writing(ResultsFolder(tmp_path))
    assert [path.name for path in tmp_path.rglob("*")] == ["plots"]


@pytest.mark.parametrize(
    ("error", "words", "hint"),
    [
        (ImportError("libfreetype.so.6: cannot open shared object file"), "ImportError: libfreetype.so.6", "doctor"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "UnicodeDecodeError: ", "matplotlibrc"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files", "ulimit -n"),
    ],
)
def test_a_matplotlib_that_does_not_work_is_found_before_the_first_cell(
    refuses: Refuses, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str, hint: str
) -> None:
    def broken(otherwise: Path) -> None:
        raise error

    monkeypatch.setattr(reporting, "import_matplotlib", broken)
    err = refuses("error: no report can be made here: ")
    assert words in err
    assert hint in err.partition("hint: ")[2]


def test_a_page_without_its_template_is_found_before_the_first_cell(
    refuses: Refuses, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = jinja2.DictLoader({})
    monkeypatch.setattr(page, "PackageLoader", lambda package: empty)
    refuses("TemplateNotFound: report.html.j2")


# Refusals


HINTS = {
    errno.ENOSPC: "free some disk space",
    errno.EDQUOT: "your quota on that disk is used up",
    errno.EROFS: "its file system is mounted read-only",
    errno.ENAMETOOLONG: "a shorter name",
    errno.EMFILE: "ulimit -n",
    errno.ENFILE: "this machine has too many files open",
    errno.EIO: "the disk itself reports a fault",
    errno.ESTALE: "the network file system does not answer",
    errno.ENOTCONN: "the network file system does not answer",
    errno.EFBIG: "ulimit -f",
    errno.ELOOP: "its links lead in a circle",
    errno.EACCES: "may not be written",
    errno.EPERM: "may not be written",
    errno.ENOMEM: "no more memory",
    errno.EBUSY: "check the path and who may write there",
}


@pytest.mark.parametrize("number", HINTS, ids=errno.errorcode.get)
def test_every_reason_has_its_own_way_out(tmp_path: Path, number: int) -> None:
    error = refused(tmp_path / "plan.json", OSError(number, os.strerror(number)))
    assert error.message == f"cannot write {tmp_path}/plan.json: {os.strerror(number)}"
    assert HINTS[number] in error.hint
    assert (DISK_SPACE in error.hint) == (number == errno.ENOSPC)
    assert ("shorter" in error.hint) == (number == errno.ENAMETOOLONG)


def test_a_disk_that_is_full_of_files_is_not_short_of_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "statvfs", lambda path: disk(10**12, files=0))
    hint = way_out(tmp_path / "file", OSError(errno.ENOSPC, "No space left on device"))
    assert "for no more files (inodes)" in hint
    assert DISK_SPACE not in hint


def test_a_folder_of_another_user_names_its_owner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    owner = pwd.getpwuid(os.getuid()).pw_name
    forbidden = OSError(errno.EACCES, "Permission denied")
    assert f"{tmp_path} is yours and may not be written" in way_out(tmp_path / "a" / "b.json", forbidden)
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert f"{tmp_path} belongs to {owner}, and this is user 54321" in way_out(tmp_path / "a" / "b.json", forbidden)
    (tmp_path / "plan.json").touch()
    hint = way_in(tmp_path / "plan.json", forbidden)
    assert f"{tmp_path}/plan.json belongs to {owner}, and this is user 54321" in hint


def test_a_link_to_nothing_and_a_file_in_the_way_are_named(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    (tmp_path / "file").touch()
    exists = OSError(errno.EEXIST, "File exists")
    assert f"{tmp_path}/link is a link to nothing" in way_out(tmp_path / "link" / "plan.json", exists)
    assert f"{tmp_path}/file is a file, and a folder is needed" in way_out(tmp_path / "file" / "a" / "b", exists)


def test_a_report_that_may_not_be_written_does_not_blame_the_disks_size(
    run: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "shuffle-test" / "quick"
    plan = quick_plan(seeds=1, axes={"method": ["barlow"], "shuffle": ["none"]})
    write_results(folder, plan, records_of(plan, BEYOND))

    def refuse(number: int) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "fsync", refuse)
    code, out, err = run("report", "--results", str(tmp_path))
    assert (code, out) == (2, "")
    assert f"error: cannot write {folder}/" in err
    assert "Permission denied" in err
    assert f"hint: {folder} " in err
    assert DISK_SPACE not in err


def test_a_picture_and_a_copy_name_their_own_way_out(run: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = run("views", "--preset", "quick", "--images", "1", "--out", str(tmp_path / "file" / "views.png"))
    assert code == 2
    assert "name another place with --out" in err
    assert "--results" not in err


def test_a_system_without_memory_or_files_left_is_said_where_nobody_foresaw_it(
    run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*words: object) -> None:
        raise OSError(errno.ENFILE, os.strerror(errno.ENFILE))

    monkeypatch.setattr("barlowcli.cli.status.find_runs", full)
    code, _, err = run("status")
    assert code == 2
    assert "error: Too many open files in system" in err
    assert "hint: this machine has too many files open" in err
