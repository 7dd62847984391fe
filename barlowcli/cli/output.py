"""Where words go: results to stdout, all else to stderr."""

import functools
import json
import sys
import unicodedata
from typing import TYPE_CHECKING, Any

from barlowcli.errors import BarlowError

if TYPE_CHECKING:  # rich takes its time, and `barlow --help` needs none of it
    from rich.console import Console


@functools.cache
def console(*, stderr: bool) -> "Console":
    """Standard output or standard error; what goes to the latter is wrapped by the terminal."""
    from rich.console import Console

    return Console(stderr=stderr, soft_wrap=stderr, highlight=False)


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


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_error(error: BarlowError) -> None:
    """`error: …` and `hint: …` on stderr; several problems one a line."""
    err = console(stderr=True)
    for line in error.message.splitlines():
        err.print("[bold red]error:[/] ", end="")
        err.print(plain(line), markup=False)
    if error.hint:
        err.print("[bold cyan]hint:[/] ", end="")
        err.print(plain(error.hint), markup=False)
