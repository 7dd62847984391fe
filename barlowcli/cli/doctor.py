"""`barlow doctor`: what this machine has, and what barlow would do with it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from barlowcli.cli import flags, output, readers
from barlowcli.running.doctor import EXAMPLE, examine


def doctor(
    results: Annotated[
        Path, typer.Option(parser=readers.path, metavar=readers.PATH, help="Where results would go.")
    ] = Path("results"),
    as_json: flags.Json = False,
) -> None:
    """Check versions, devices, memory and disk; say what a run would use here. Exit 1 where something is wrong."""
    facts = examine(results)
    if as_json:
        output.print_json(asdict(facts))
    else:
        for line in output.columns([*facts.found.items()]):
            output.say(line)
        for problem in facts.problems:
            output.say(f"problem: {problem}")
        output.say(f"\nbarlow run {EXAMPLE} would use: {facts.would_use}")
    if facts.problems:
        raise typer.Exit(1)
