"""`barlow status`: how far each run is."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from barlowcli.cli import output
from barlowcli.cli.report import find_runs
from barlowcli.plan.freezing import read_plan
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import read_record


def status(
    experiment: Annotated[str | None, typer.Argument(help="Its name; default: every experiment with results.")] = None,
    results: Annotated[Path, typer.Option(help="Where the results lie.")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Say how many cells of each run are done, failed, collapsed, diverged or still to do."""
    runs = [count(folder) for folder in find_runs(results, experiment, None)]
    if as_json:
        output.print_json([asdict(run) for run in runs])
        return
    for run in runs:
        parts = [f"{n} {word}" for word, n in run.cells.items() if n]
        output.say(f"{run.experiment}, preset {run.preset}: {', '.join(parts)}")
        for line in run.problems:
            output.say(f"  {line}")


@dataclass(frozen=True)
class Count:
    """How far a run is. cells: state -> how many; problems: a line for each cell that is not as it should be."""

    experiment: str
    preset: str
    cells: dict[str, int]
    problems: list[str]


def count(folder: Path) -> Count:
    """Count the cells of the run in `folder` by state."""
    plan = read_plan(folder)
    assert plan is not None
    states = dict.fromkeys(("ok", "collapsed", "diverged", "failed", "to do"), 0)
    problems = []
    for cell in plan.cells:
        record = read_record(ResultsFolder(folder).cell(cell.id))
        state = record.status if record else "to do"
        states[state] += 1
        if record and record.status != "ok":
            arm = ", ".join(value for value in cell.axes.values() if value != "-")
            problems.append(f"{cell.id} ({arm}, seed {cell.seed}): {record.status}: {record.message}")
    return Count(plan.experiment.name, plan.preset, states, problems)
