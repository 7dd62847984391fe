"""`barlow`: the commands, and the one place where an error becomes a message and an exit code."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from barlowcli import __version__
from barlowcli.cli import output
from barlowcli.cli.streams import standing
from barlowcli.errors import BarlowError
from barlowcli.records.refusals import CHANGE, DELETED, of_the_machine
from barlowcli.registry import COMMANDS

COMPLETION = "_BARLOW_COMPLETE"
"""The shell sets it when it asks for completions, which are those of all commands."""


def build_app(words: Sequence[str]) -> typer.Typer:
    """The command line for the arguments `words`: of the commands only the one they name is imported, so that the
    others' imports cost nothing."""
    app = typer.Typer(
        name="barlow",
        help="Run experiments that test claims about self-supervised learning of images, and judge them.",
        epilog="Start with: barlow run shuffle-test",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name, entry in COMMANDS.entries.items():
        command = COMMANDS.load(name) if name in words or COMPLETION in os.environ else _not_named
        app.command(name, short_help=entry.summary)(command)
    return app


def _not_named() -> None:
    """Stands in the list for a command that was not asked for."""


def _version(value: bool) -> None:
    if value:
        print(f"barlow {__version__}")
        raise typer.Exit


def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Before every command: torch's libraries end a process whose working directory was deleted."""
    try:
        Path.cwd()
    except FileNotFoundError as error:
        raise BarlowError(DELETED, hint=CHANGE) from error


def main() -> None:
    """Run the command line, and end with its exit code; 2 where its output is lost."""
    with standing() as out:
        code = run_command()
        out.flush()
        code = code or output.lost(out)
    sys.exit(code)


def run_command() -> int:
    """Run the command line; a BarlowError ends it with its message, its hint and its exit code."""
    try:
        build_app(sys.argv[1:])()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BarlowError as error:
        output.print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        output.log("interrupted")
        return 130
    except OSError as error:  # what nobody nearer to the file foresaw: a name too long, a folder that is locked
        hint = of_the_machine(error)
        if error.filename is None and not hint:
            raise
        named = f"{error.filename}: " if error.filename is not None else ""
        hint = hint or "check the path, and who may read and write there"
        output.print_error(BarlowError(f"{named}{error.strerror or error}", hint=hint))
        return 2
    return 0
