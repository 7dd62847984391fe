"""A command of barlow, run in the test's own process."""

import sys
from collections.abc import Callable
from functools import partial

import pytest

from barlowcli.cli import main as cli
from barlowcli.measuring import totals

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`run("ls", "methods")` -> exit code, stdout, stderr."""

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["barlow", *arguments])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        out, err = capsys.readouterr()
        return code, out, err

    return command


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run measures for one second instead of twenty."""
    monkeypatch.setattr(totals, "estimate", partial(totals.estimate, budget=1.0))


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run measures nothing: for what is said before it does."""
    nothing = totals.Estimate(seconds=0.0, workers=1, memory_bytes=0, groups=(), notes=())
    monkeypatch.setattr(totals, "estimate", lambda cells, **settings: nothing)
