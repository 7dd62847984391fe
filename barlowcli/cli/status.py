"""`barlow status`: how far each run is."""

from pathlib import Path
from typing import Annotated

import typer

from barlowcli.cli import output
from barlowcli.cli.report import find_runs
from barlowcli.plan import read_plan
from barlowcli.records import read_record


def status(
    experiment: Annotated[str | None, typer.Argument(help="Its name; default: every experiment with results.")] = None,
    results: Annotated[Path, typer.Option(help="Where the results lie.")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Say how many cells of each run are done, failed, collapsed, diverged or still to do."""
    rows = [count(folder) for folder in find_runs(results, experiment, None)]
    if as_json:
        output.print_json(rows)
        return
    for row in rows:
        parts = [f"{n} {word}" for word, n in row["cells"].items() if n]
        output.say(f"{row['experiment']}, preset {row['preset']}: {', '.join(parts)}")
        for line in row["problems"]:
            output.say(f"  {line}")


def count(folder: Path) -> dict[str, object]:
    """Cells of the run in `folder` by state, and a line for each that is not as it should be."""
    plan = read_plan(folder)
    assert plan is not None
    states = dict.fromkeys(("ok", "collapsed", "diverged", "failed", "to do"), 0)
    problems = []
    for cell in plan.cells:
        record = read_record(folder / "cells" / cell.id)
        state = record.status if record else "to do"
        states[state] += 1
        if record and record.status != "ok":
            arm = ", ".join(value for value in cell.axes.values() if value != "-")
            problems.append(f"{cell.id} ({arm}, seed {cell.seed}): {record.status}: {record.message}")
    return {"experiment": plan.experiment.name, "preset": plan.preset, "cells": states, "problems": problems}
