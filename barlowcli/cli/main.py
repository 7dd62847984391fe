"""`barlow`: the commands, and the one place where an error becomes a message and an exit code."""

import os
import sys
from collections.abc import Sequence

import typer

from barlowcli import __version__
from barlowcli.cli import output
from barlowcli.errors import BarlowError
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
    pass


def main() -> None:
    """Run the command line; a BarlowError ends it with its message, its hint and its exit code."""
    try:
        build_app(sys.argv[1:])()
    except BarlowError as error:
        output.print_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        output.log("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone: `barlow ls | head -1`
        sys.exit(0)
    except OSError as error:  # what nobody nearer to the file foresaw: a name too long, a folder that is locked
        if error.filename is None:
            raise
        hint = "check the path, and who may read and write there"
        output.print_error(BarlowError(f"{error.filename}: {error.strerror or error}", hint=hint))
        sys.exit(2)
