"""What a run does on a disk that is full or read-only, or whose folder is deleted: a small tmpfs, filled on purpose.

    unshare -rm python -m tests.faults.disk checkpoint FOLDER

Mounts a tmpfs on FOLDER, which needs a mount namespace of one's own, and prints what each command of the scenario came
to as JSON: exit code, what it said, the cells that have a record, half-written files left.
"""

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

TINY = (
    *("shuffle-test", "--preset", "quick", "--shuffle", "none", "--jitter", "on", "--seeds", "1", "--limit", "200"),
    *("--epochs", "2", "--set", "data.test_limit=100", "--set", "training.batch_size=32"),
    *("--set", "evaluation.mlp_epochs=2", "--workers", "1", "--checkpoint-seconds", "0"),
)


class Disk:
    """A tmpfs and the runs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results = folder / "results"
        self.said: list[dict[str, Any]] = []
        self.mount("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs")

    def mount(self, *words: str) -> None:
        """Mount or remount."""
        subprocess.run([*words, str(self.folder)], check=True)

    def run(self, *words: str) -> None:
        """A command of barlow on this disk, waited for."""
        done = subprocess.run(
            [sys.executable, "-m", "barlowcli", *words, "--results", str(self.results)],
            capture_output=True,
            text=True,
            check=False,
        )
        self.note(words[0], done.returncode, done.stderr)

    def run_and_fill(self, *words: str) -> None:
        """A command that finds the disk full once its first checkpoint is there."""
        process = subprocess.Popen(
            [sys.executable, "-m", "barlowcli", *words, "--results", str(self.results)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not list(self.results.rglob("checkpoint.pt")) and process.poll() is None:
            time.sleep(0.02)
        while process.poll() is None:
            self.fill(100_000)  # again and again: a checkpoint that takes the place of another makes room
            time.sleep(0.02)
        self.note(words[0], process.returncode, process.communicate()[1])

    def note(self, command: str, code: int, said: str) -> None:
        """Keep what a command came to."""
        cells = self.results / "shuffle-test" / "quick" / "cells"
        self.said.append(
            {
                "command": command,
                "code": code,
                "said": said,
                "records": len(list(cells.glob("*/record.json"))),
                "half": [path.name for path in self.results.rglob("*.tmp")],
            }
        )

    def fill(self, left: int) -> None:
        """Leave `left` bytes free, in whole pages."""
        free = shutil.disk_usage(self.folder).free
        with contextlib.suppress(OSError), (self.folder / "filler").open("ab") as filler:
            filler.write(bytes(max(0, free - left)))

    def empty(self) -> None:
        """Make room again."""
        (self.folder / "filler").unlink()


def checkpoint(disk: Disk) -> None:
    """Full while a checkpoint is written: what came before it is kept."""
    long = (*TINY, "--epochs", "12")
    disk.run("run", *long, "--method", "histogram,random-init")
    disk.run_and_fill("run", *long, "--method", "byol")
    disk.empty()
    disk.run("run", *long, "--method", "byol")


def beginning(disk: Disk) -> None:
    """Full before the first cell: nothing is run."""
    disk.fill(40_000)
    disk.run("run", *TINY, "--method", "barlow")
    disk.empty()
    disk.run("run", *TINY, "--method", "barlow")


def report(disk: Disk) -> None:
    """Full while the report is written: the records are there to write it again."""
    disk.run("run", *TINY, "--method", "barlow")
    for path in (disk.results / "shuffle-test" / "quick").iterdir():
        if path.is_file() and path.name != "plan.json":
            path.unlink()
    disk.fill(8_000)
    disk.run("report", "shuffle-test")
    disk.empty()
    disk.run("report", "shuffle-test")


def read_only(disk: Disk) -> None:
    """Read-only from the beginning, and after some cells are done."""
    disk.mount("mount", "-o", "remount,ro")
    disk.run("run", *TINY, "--method", "barlow")
    disk.mount("mount", "-o", "remount,rw")
    disk.run("run", *TINY, "--method", "barlow")
    disk.mount("mount", "-o", "remount,ro")
    disk.run("run", *TINY, "--method", "byol")
    disk.run("status")


def deleted(disk: Disk) -> None:
    """The folder is deleted under the run."""
    words = ("run", *TINY, "--method", "barlow,byol", "--epochs", "20")
    process = subprocess.Popen(
        [sys.executable, "-m", "barlowcli", *words, "--results", str(disk.results)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(disk.results.rglob("record.json")) and process.poll() is None:
        time.sleep(0.05)
    shutil.rmtree(disk.results, ignore_errors=True)
    said = process.communicate()[1]
    disk.note("run", process.returncode, said)
    disk.run(*words)


SCENARIOS: dict[str, Callable[[Disk], None]] = {
    "checkpoint": checkpoint,
    "beginning": beginning,
    "report": report,
    "read-only": read_only,
    "deleted": deleted,
}


def main() -> int:
    """Run the scenario that the command line names."""
    disk = Disk(Path(sys.argv[2]))
    SCENARIOS[sys.argv[1]](disk)
    print(json.dumps(disk.said, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
