"""`barlow status`: how far each run is."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from barlowcli.cli import flags, output
from barlowcli.running.runs import count, find_runs


def status(
    experiment: Annotated[
        str | None, typer.Argument(help="Its name, or the path of a run or of a folder of runs; default: all.")
    ] = None,
    results: flags.Results = Path("results"),
    as_json: flags.Json = False,
) -> None:
    """Say how many cells of each run are done, failed, collapsed, diverged or still to do."""
    runs = [count(folder) for folder in find_runs(results, experiment, None, output.Terminal(quiet=False))]
    if as_json:
        output.print_json([asdict(run) for run in runs])
        return
    for run in runs:
        parts = [f"{n} {word}" for word, n in run.cells.items() if n]
        output.say(f"{run.experiment}, preset {run.preset}: {', '.join(parts)}")
        for stage, far in run.first.items():
            output.say(f"  {stage}: {far}")
        for line in run.problems:
            output.say(f"  {line}")
