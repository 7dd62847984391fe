"""A short version of `disk.py`: a disk that is full makes a clear error, nothing is lost, and a rerun completes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from barlowcli.errors import ResultsError
from barlowcli.records.files import append_line, write_text

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


def test_a_full_disk_is_named_keeps_what_is_finished_and_the_next_run_completes(tmp_path):
    found = scenario("checkpoint", tmp_path)
    assert [one["code"] for one in found] == [0, 2, 0]
    assert [one["records"] for one in found] == [5, 5, 6]
    said = str(found[1]["said"])
    assert "/checkpoint.pt: No space left on device" in said
    assert "hint: free some disk space or choose another folder with --results; what was finished is kept" in said


def test_a_device_that_is_full_refuses_a_line_and_a_file(tmp_path):
    with pytest.raises(ResultsError, match="cannot write /dev/full: No space left on device"):
        append_line(Path("/dev/full"), "a line")
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match=r"cannot write .*plan\.json: (File exists|Not a directory)"):
        write_text(tmp_path / "file" / "plan.json", "{}")
