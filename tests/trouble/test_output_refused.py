"""Output that cannot be written: signs that the terminal does not have, readers that go, disks that are full."""

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from barlowcli.cli import main as cli
from barlowcli.cli import output
from barlowcli.cli.progress import Live
from barlowcli.cli.streams import SPELLED, Stream, spelled
from barlowcli.engines.base import Event
from barlowcli.report import Report
from barlowcli.running import experiment
from tests.synthetic_results import quick_plan

RUN = ("run", "shuffle-test", "--preset", "quick", "--device", "cpu")
LOCALES = ("latin-1", "cp1252", "ascii", "koi8-r")
FOLDER = Path("results/shuffle-test/quick")
SENTENCE = "λ 0.01 ± 0.005, “tied” …"


class Place(io.RawIOBase):
    """Where a standard stream leads: takes `room` bytes, and refuses more for a reason of the system's."""

    def __init__(self, room: int | None = None, reason: int = 0) -> None:
        self.room, self.reason, self.taken = room, reason, b""

    def writable(self) -> bool:
        return True

    def write(self, content: bytes) -> int:  # type: ignore[override]
        if self.room is not None and len(self.taken) + len(content) > self.room:
            raise OSError(self.reason, os.strerror(self.reason))
        self.taken += bytes(content)
        return len(content)


OPEN = Place()


def text_to(place: Place, encoding: str) -> io.TextIOWrapper:
    """A standard stream that leads to `place`."""
    return io.TextIOWrapper(io.BufferedWriter(place), encoding)  # type: ignore[type-var]


@dataclass(frozen=True)
class Ending:
    """How a command ended, and what reached the other ends of its streams."""

    code: int
    out: str
    err: str


Typed = Callable[..., Ending]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """`typed("ls", encoding="ascii", out=Place(…))`: a command run here, its streams as given; None: closed."""

    def command(*words: str, encoding: str = "utf-8", out: Place | None = OPEN, err: Place | None = OPEN) -> Ending:
        places = [place and Place(place.room, place.reason) for place in (out, err)]
        for name, place in zip(("stdout", "stderr"), places, strict=True):
            monkeypatch.setattr(sys, name, place and text_to(place, encoding))
        monkeypatch.setattr(sys, "argv", ["barlow", *words])
        output.console.cache_clear()  # as in a process of its own
        with pytest.raises(SystemExit) as end:
            cli.main()
        output.console.cache_clear()
        for place in places:
            if place is not None:
                place.room = None  # what is left in the buffers goes there as they are closed
        assert isinstance(end.value.code, int)
        found = [b"" if place is None else place.taken for place in places]
        return Ending(end.value.code, *(text.decode(encoding) for text in found))

    return command


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`ran(partial=True)`: what `barlow run` comes to from now on, without running anything."""

    def as_if(*, partial: bool) -> None:
        report = Report(FOLDER, partial, {}, (), {"word": SENTENCE}, (SENTENCE,))
        monkeypatch.setattr(experiment, "run", lambda request, show: report)

    as_if(partial=False)
    return as_if


@pytest.mark.parametrize("encoding", LOCALES)
def test_a_terminal_of_eight_bits_gets_every_sign_in_letters_that_it_has(encoding):
    shown = spelled(SENTENCE, encoding)
    assert shown.encode(encoding)
    assert "\\" not in shown
    assert "?" not in shown
    assert shown.endswith("...") == (encoding != "cp1252")
    assert spelled(SENTENCE, "utf-8") is SENTENCE
    assert all(text.isascii() for text in SPELLED.values())


def test_a_name_that_the_terminal_does_not_have_stays_exact_as_an_escape():
    assert spelled("Äpfel/λ.png", "ascii") == "\\xc4pfel/lambda.png"
    assert spelled("猫", "latin-1") == "\\u732b"
    assert spelled("not UTF-8: \udcff", "utf-8") == "not UTF-8: \\udcff"


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("run", "--help"),
        ("bench", "--help"),
        ("ls",),
        ("validate", "target-network"),
        ("sweep", "dims", "--dims", "x"),
        ("status", "--results", "λ-results"),
    ],
    ids=lambda words: " ".join(words),
)
def test_no_command_ends_at_a_sign_that_the_terminal_does_not_have(typed, words, encoding):
    ending = typed(*words, encoding=encoding)
    assert ending.code == (2 if words[0] in ("sweep", "status") else 0)
    if words[0] == "status":
        assert "no results of any experiment in lambda-results/" in ending.err


@pytest.mark.parametrize("encoding", LOCALES)
def test_what_a_run_found_in_letters_that_the_terminal_has(typed, ran, encoding):
    ending = typed(*RUN, encoding=encoding)
    assert ending.code == 0
    assert spelled(SENTENCE, encoding) in ending.out


@pytest.mark.usefixtures("unmeasured")
def test_a_dry_run_in_letters_that_the_terminal_has(typed):
    ending = typed("run", "shuffle-test", "--preset", "quick", "--device", "cpu", "--dry-run", encoding="ascii")
    assert ending.code == 0
    assert "cells" in ending.out


def test_json_is_ascii_whatever_the_terminal_and_gives_every_name_back(typed, ran):
    for encoding in ("ascii", "utf-8"):
        ending = typed(*RUN, "--json", encoding=encoding)
        assert ending.out.isascii()
        assert json.loads(ending.out)["word"] == SENTENCE


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_bars_on_a_terminal_of_eight_bits(encoding):
    place = Place()
    stream = Stream(text_to(place, encoding))
    cell = quick_plan(seeds=1).cells[0]
    with Live([cell], Console(file=stream, force_terminal=True, width=40)) as live:  # type: ignore[arg-type]
        live.show(Event("started", cell.id))
        live.show(Event("progress", cell.id, step=3, total=9))
        live.show(Event("done", cell.id, status="failed", message="λ … é" * 20))
    stream.flush()
    assert stream.refused is None
    assert b"lambda" in place.taken


@pytest.mark.parametrize("room", [0, 100, 2000])
@pytest.mark.parametrize("words", [("ls",), ("ls", "--json"), ("--help",), ("validate", "target-network")])
def test_a_reader_that_has_had_enough_is_no_failure(typed, words, room):
    ending = typed(*words, out=Place(room, errno.EPIPE))
    assert (ending.code, ending.err) == (0, "")


@pytest.mark.parametrize("partial", [False, True])
def test_a_reader_that_goes_leaves_a_run_its_exit_code(typed, ran, partial):
    ran(partial=partial)
    gone = Place(0, errno.EPIPE)
    assert typed(*RUN, out=gone).code == int(partial)
    assert typed(*RUN, out=gone, err=gone).code == int(partial)


@pytest.mark.parametrize("words", [("ls",), ("ls", "methods", "--json"), ("validate", "target-network"), ("--help",)])
def test_a_full_disk_behind_the_output_is_said_and_is_a_failure(typed, words):
    ending = typed(*words, out=Place(0, errno.ENOSPC))
    assert ending.code == 2
    assert "error: cannot write standard output: No space left on device" in ending.err
    assert "hint: " in ending.err


@pytest.mark.parametrize("closed", [True, False])
def test_a_run_whose_words_are_lost_says_where_they_are_and_ends_as_the_run_did(typed, ran, closed):
    out = None if closed else Place(0, errno.ENOSPC)
    ending = typed(*RUN, out=out)
    assert ending.code == 0
    reason = "it is closed" if closed else "No space left on device"
    assert f"cannot write standard output: {reason}; all that it would say is in {FOLDER}/report.html" in ending.err


def test_a_run_that_was_asked_for_json_has_failed_where_there_is_none(typed, ran):
    assert typed(*RUN, "--json", out=Place(0, errno.ENOSPC)).code == 2


def test_a_closed_output_is_said(typed):
    ending = typed("ls", "methods", out=None)
    assert ending.code == 2
    assert "error: cannot write standard output: it is closed" in ending.err


@pytest.mark.parametrize("err", [None, Place(0, errno.ENOSPC), Place(0, errno.EPIPE), Place(0, errno.EIO)])
def test_where_errors_cannot_be_written_the_exit_code_still_tells(typed, err):
    assert typed("run", "no-such-experiment", err=err).code == 2
    assert typed("ls", "methods", err=err).code == 0
    assert typed("ls", "methods", out=None, err=err).code == 2


@pytest.mark.parametrize("columns", ["0", "1", "7", "-5", "many"])
def test_a_terminal_without_width(typed, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert typed("--help").code == 0
    assert "barlow" in typed("ls", "methods").out
    assert "error: " in typed("run", "no-such-experiment").err


def test_a_terminal_that_shows_nothing_but_text(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(Place, "isatty", lambda self: True)
    place = Place()
    stream = Stream(text_to(place, "utf-8"))
    cell = quick_plan(seeds=1).cells[0]
    with Live([cell], Console(file=stream)) as live:  # type: ignore[arg-type]
        live.show(Event("started", cell.id))
        live.show(Event("done", cell.id, status="failed", message="why"))
    stream.flush()
    assert b"FAILED: why" in place.taken
    assert b"\x1b" not in place.taken


def test_the_shells_own_pipes_and_closed_files():
    """What Python does at its very end is not seen from within it."""
    script = """
        barlow() { "$PYTHON" -m barlowcli "$@"; }
        barlow ls | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}"
        barlow ls methods >&-; echo "$?"
        barlow ls methods >/dev/full; echo "$?"
        barlow ls methods <&- 2>&- >/dev/null; echo "$?"
    """
    environment = {**os.environ, "PYTHON": sys.executable}
    command = ["bash", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.stdout.split() == ["0", "2", "2", "0"]
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.stderr.count("error: ") == 2


def test_a_file_that_is_opened_later_never_gets_the_number_of_a_closed_stream():
    code = """
import os, sys
os.close(0); os.close(1)
from barlowcli.cli.streams import occupy
occupy()
os.write(2, str(os.open(os.devnull, os.O_RDONLY)).encode())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert int(done.stderr) > 2


def test_every_sign_of_the_experiments_and_of_a_report_has_a_spelling():
    root = Path(__file__).parents[2]
    files = [*(root / "experiments").glob("*.toml")]
    files += [
        path
        for room in ("analysis", "report", "tables", "verdicts")
        for path in (root / "barlowcli" / room).glob("*.py")
    ]
    text = "".join(path.read_text("utf-8") for path in files)
    assert {sign for sign in text if not sign.isascii()} <= SPELLED.keys()
