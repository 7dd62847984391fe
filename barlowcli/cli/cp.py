"""`barlow cp`: an experiment as a file of one's own, to be edited."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from barlowcli.cli import flags, output, readers
from barlowcli.running.copying import as_argument, copy


def cp(
    experiment: flags.Experiment,
    destination: Annotated[
        Path,
        typer.Argument(parser=readers.path, help="The new file, ./NAME.toml; NAME is that of the new experiment."),
    ],
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Copy an experiment to a file of your own, to be edited and run by its path."""
    copy(experiment, destination, force=force)
    output.kept(destination)
    path = shlex.quote(as_argument(destination))
    output.say(f"{path}: a copy of {experiment}")
    output.say(f"next: edit it, then\n  barlow validate {path}\n  barlow run {path}")
