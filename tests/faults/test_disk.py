"""A disk that is full, read-only or loses the folder: a clear error, nothing lost, and a rerun completes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from barlowcli.errors import ResultsError
from barlowcli.records import append_line, write_text

OWN_MOUNTS = ("unshare", "-rm")
"""A user may mount in a namespace of his own, where the system lets him."""


def allowed() -> bool:
    try:
        return subprocess.run([*OWN_MOUNTS, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def scenario(name: str, folder: Path) -> list[dict[str, object]]:
    if not allowed():
        pytest.skip("this system lets nobody mount a tmpfs")
    done = subprocess.run(
        [*OWN_MOUNTS, sys.executable, "-m", "tests.faults.disk", name, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    found: list[dict[str, object]] = json.loads(done.stdout)
    assert not any("Traceback" in str(one["said"]) or one["half"] for one in found)
    return found


@pytest.mark.parametrize(
    ("name", "file", "records"),
    [("checkpoint", "checkpoint.pt", [4, 4, 5]), ("report", "summary.csv", [5, 5, 5])],
)
def test_a_full_disk_is_named_keeps_what_is_finished_and_the_next_run_completes(tmp_path, name, file, records):
    found = scenario(name, tmp_path)
    assert [one["code"] for one in found] == [0, 2, 0]
    assert [one["records"] for one in found] == records
    said = str(found[1]["said"])
    assert f"/{file}: No space left on device" in said
    assert "hint: free some disk space or choose another folder with --results; what was finished is kept" in said


def test_a_disk_that_is_read_only_is_named_and_can_be_looked_at(tmp_path):
    refused, done, again, status = scenario("read-only", tmp_path)
    for one in (refused, again):
        assert one["code"] == 2
        assert "plan.json: Read-only file system" in str(one["said"])
    assert (done["code"], done["records"], again["records"]) == (0, 5, 5)
    assert status["code"] == 0


def test_a_folder_deleted_under_the_run_makes_the_report_partial_and_the_next_run_completes(tmp_path):
    first, second = scenario("deleted", tmp_path)
    assert first["code"] == 1
    assert (second["code"], second["records"]) == (0, 6)


def test_a_device_that_is_full_refuses_a_line_and_a_file(tmp_path):
    with pytest.raises(ResultsError, match="cannot write /dev/full: No space left on device"):
        append_line(Path("/dev/full"), "a line")
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match="Not a directory"):
        write_text(tmp_path / "file" / "plan.json", "{}")
