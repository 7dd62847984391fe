"""Where words go: results to stdout, all else to stderr."""

import json
from typing import Any

from rich.console import Console

from barlowcli.errors import BarlowError

OUT = Console(highlight=False)
ERR = Console(stderr=True, soft_wrap=True, highlight=False)


def log(message: str, *, quiet: bool = False) -> None:
    """A line for the person who waits."""
    if not quiet:
        ERR.print(message, markup=False)


def say(message: str) -> None:
    """A line of the result; on a terminal it is wrapped at words."""
    OUT.print(message, markup=False, soft_wrap=not OUT.is_terminal)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_error(error: BarlowError) -> None:
    """`error: …` and `hint: …` on stderr; several problems one a line."""
    for line in error.message.splitlines():
        ERR.print("[bold red]error:[/] ", end="")
        ERR.print(line, markup=False)
    if error.hint:
        ERR.print("[bold cyan]hint:[/] ", end="")
        ERR.print(error.hint, markup=False)
