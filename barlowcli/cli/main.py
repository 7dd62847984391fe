"""`barlow`: the commands, and the one place where an error becomes a message and an exit code."""

import sys

import typer

from barlowcli import __version__
from barlowcli.cli import output
from barlowcli.cli.bench import bench
from barlowcli.cli.cp import cp
from barlowcli.cli.doctor import doctor
from barlowcli.cli.ls import ls
from barlowcli.cli.report import report
from barlowcli.cli.run import run
from barlowcli.cli.status import status
from barlowcli.cli.validate import validate
from barlowcli.cli.views import views
from barlowcli.errors import BarlowError

app = typer.Typer(
    name="barlow",
    help="Run experiments that test claims about self-supervised learning of images, and judge them.",
    epilog="Start with: barlow run shuffle-test",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(run)
app.command("sweep", help="Run an experiment whose question is one axis, such as dims; the same flags as `run`.")(run)
for command in (report, ls, status, cp, validate, views, doctor, bench):
    app.command()(command)


def _version(value: bool) -> None:
    if value:
        print(f"barlow {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def main() -> None:
    """Run the command line; a BarlowError ends it with its message, its hint and its exit code."""
    try:
        app()
    except BarlowError as error:
        output.print_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        output.log("interrupted")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output is gone: `barlow ls | head -1`
        sys.exit(0)
