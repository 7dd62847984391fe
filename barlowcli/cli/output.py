"""Where words go: results to stdout, all else to stderr."""

import contextlib
import functools
import json
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barlowcli.cli.streams import Stream
from barlowcli.errors import BarlowError

if TYPE_CHECKING:  # rich takes its time, and `barlow --help` needs none of it
    from rich.console import Console

    from barlowcli.engines.base import Event
    from barlowcli.plan.plan import PlannedCell
    from barlowcli.records.inventory import Inventory

NARROWEST = 20
"""Columns that a terminal has at the least, whatever is said of it."""


@functools.cache
def console(*, stderr: bool) -> "Console":
    """Standard output or standard error; what goes to the latter is wrapped by the terminal."""
    from rich.console import Console

    made = Console(stderr=stderr, soft_wrap=stderr, highlight=False)
    if made.width < NARROWEST:  # COLUMNS=0 says that nobody knows; on so wide a terminal not a word would be written
        made.width = NARROWEST
    return made


def plain(text: str) -> str:
    """`text` with what would steer a terminal as escapes: names in files from outside can have anything in them."""
    if text.isprintable():
        return text
    steering = ("Cc", "Cf", "Cs")
    return "".join(ascii(c)[1:-1] if unicodedata.category(c) in steering and c not in "\n\t" else c for c in text)


def log(message: str, *, quiet: bool = False) -> None:
    """A line for the person who waits."""
    if not quiet:
        console(stderr=True).print(plain(message), markup=False)


def say(message: str) -> None:
    """A line of the result; on a terminal it is wrapped at words."""
    if sys.stdout.isatty():
        console(stderr=False).print(plain(message), markup=False)
    else:
        print(plain(message))


def columns(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Lines with the columns of `rows` one below the other. right: the columns that are aligned to the right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    for index in range(len(rows[0])):
        table.add_column(justify="right" if index in right else "left")
    for row in rows:
        table.add_row(*(Text(plain(text)) for text in row))
    wide = Console(width=100_000, color_system=None)
    with wide.capture() as found:
        wide.print(table)
    return [line.rstrip() for line in found.get().splitlines()]


def print_json(value: Any) -> None:
    """One JSON document on stdout, in ASCII, which every encoding has."""
    print(json.dumps(value, indent=2))


def kept(place: Path) -> None:
    """Note that what is printed now is in `place` too: a command whose result lies in files has not failed where its
    words could not be written."""
    if isinstance(sys.stdout, Stream):
        sys.stdout.kept = str(place)


def lost(out: Stream) -> int:
    """Say why standard output could not be written, and give the exit code for that: 0 where nothing is lost by it.

    A reader that has gone had enough, and is no failure.
    """
    if out.refused is None or isinstance(out.refused, BrokenPipeError):
        return 0
    message = f"cannot write standard output: {out.refused.strerror}"
    if out.kept:
        log(f"{message}; all that it would say is in {out.kept}")
        return 0
    print_error(BarlowError(message, hint="send it to a file that can be written, or to /dev/null"))
    return 2


def print_error(error: BarlowError) -> None:
    """`error: …` and `hint: …` on stderr; several problems one a line."""
    err = console(stderr=True)
    for line in error.message.splitlines():
        err.print("[bold red]error:[/] ", end="")
        err.print(plain(line), markup=False)
    if error.hint:
        err.print("[bold cyan]hint:[/] ", end="")
        err.print(plain(error.hint), markup=False)


def paragraph(message: str, *, indent: str = "") -> str:
    """A message for stderr, where that is a terminal wrapped at words, its further lines with an indent."""
    err = console(stderr=True)
    if not err.is_terminal:
        return message
    return textwrap.fill(message, err.width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def warn(message: str) -> None:
    """`warning: …` on stderr: what a person must know who asked for quiet too."""
    from rich.text import Text

    text = Text(paragraph(f"warning: {plain(message)}", indent="  "))
    text.stylize("bold yellow", 0, len("warning:"))
    console(stderr=True).print(text)  # in one go: live bars may be below it


class Terminal:
    """Shows how a run goes on stderr: what `running.show.Show` asks for."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.told: list[Inventory] = []

    def note(self, text: str) -> None:
        """A line for the person who waits."""
        log(text, quiet=self.quiet)

    @contextlib.contextmanager
    def cells(self, cells: "Sequence[PlannedCell]") -> "Iterator[Callable[[Event], None]]":
        """Bars or lines for the time that `cells` run."""
        from barlowcli.cli.progress import reporter

        with reporter(cells, console(stderr=True), quiet=self.quiet) as shown:

            def tell(event: "Event") -> None:
                if event.inventory is not None:
                    self.tell(event.inventory)
                shown.show(event)

            yield tell

    def tell(self, read: "Inventory") -> None:
        """What was read of a data set, once, and what may be wrong with it."""
        from barlowcli.analysis.inventory import doubts, facts

        if read in self.told:
            return
        self.told.append(read)
        first, *others = facts(read)
        for line in (f"read {first}", *(f"  {line}" for line in others)):
            log(paragraph(line, indent="    "), quiet=self.quiet)
        for doubt in doubts(read):
            warn(doubt)
