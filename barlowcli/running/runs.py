"""The runs that a results folder has, and how far each is."""

from dataclasses import dataclass
from pathlib import Path

from barlowcli.errors import ResultsError
from barlowcli.plan.freezing import plan_of
from barlowcli.plan.plan import Plan
from barlowcli.records.folder import ResultsFolder, planned
from barlowcli.records.record import read_record, read_records

REFERENCE = "reference"
"""The folder of `results/` that committed results lie in: only who asks for it gets them."""


def find_runs(results: Path, experiment: str | None = None, preset: str | None = None) -> list[Path]:
    """Folders with a frozen plan: `results/<experiment>/<preset>`, or the folder that `experiment` is the path of.

    Raises ResultsError where there is none.
    """
    try:
        return _find_runs(results, experiment, preset)
    except OSError as error:
        raise ResultsError(f"no results there: {error.strerror or error}", hint="a shorter name") from error


def _find_runs(results: Path, experiment: str | None, preset: str | None) -> list[Path]:
    if experiment and "/" in experiment:
        if not ResultsFolder(Path(experiment)).plan.is_file():
            raise ResultsError(f"{experiment} is not the folder of a run", hint="it would have a plan.json in it")
        return [Path(experiment)]
    if any(mark in (experiment or "") + (preset or "") for mark in ("/", "..", "*")):
        raise ResultsError("a preset is given by name", hint="`barlow status` lists those with results")
    folders = sorted(planned(results, experiment or "*", preset or "*") - planned(results, REFERENCE))
    if not folders:
        what = " ".join(part for part in (experiment, preset and f"preset {preset}") if part) or "any experiment"
        raise ResultsError(
            f"no results of {what} in {results}/",
            hint=f"barlow run {experiment or 'shuffle-test'}, or another --results",
        )
    return folders


@dataclass(frozen=True)
class Count:
    """How far a run is. cells: state -> how many; problems: a line for each cell that is not as it should be.
    first: first stage -> how far it is."""

    experiment: str
    preset: str
    cells: dict[str, int]
    problems: list[str]
    first: dict[str, str]


def count(folder: Path) -> Count:
    """Count the cells of the run in `folder` by state. Raises ResultsError where its plan or a record is damaged."""
    plan = plan_of(folder)
    states = dict.fromkeys(("ok", "collapsed", "diverged", "failed", "to do"), 0)
    problems = []
    for cell in plan.all_cells:
        record = read_record(ResultsFolder(folder).cell(cell.id))
        states[record.status if record else "to do"] += 1
        if record and record.status != "ok":
            arm = f"{cell.label(plain=cell.at)}, seed {cell.seed}"
            problems.append(f"{cell.id} ({arm}): {record.status}: {record.message}")
    return Count(plan.experiment.name, plan.preset, states, problems, first_stages(folder, plan))


def first_stages(folder: Path, plan: Plan) -> dict[str, str]:
    """First stage -> how far it is: "8 of 12 cells done"."""
    found: dict[str, str] = {}
    for stage in dict.fromkeys(cell.stage for cell in plan.first):
        ids = {cell.id for cell in plan.first if cell.stage == stage}
        done = len(read_records(ResultsFolder(folder), ids))
        found[stage] = f"{done} of {len(ids)} cells done" + (", not decided yet" if stage in plan.open else "")
    return found
