"""The runs that a results folder has, and how far each is."""

import errno
import glob
import os
from dataclasses import dataclass
from pathlib import Path

from barlowcli.errors import ConfigError, ResultsError
from barlowcli.experiment.files import load_experiment
from barlowcli.machine.places import expanded
from barlowcli.plan.freezing import plan_of
from barlowcli.plan.plan import Plan
from barlowcli.records.folder import PLAN, ResultsFolder, planned
from barlowcli.records.obstacles import obstacle, unreadable
from barlowcli.records.record import read_record, read_records
from barlowcli.running.show import SILENT, Show

REFERENCE = "reference"
"""The folder of `results/` that committed results lie in: only who asks for it gets them."""
LEVELS = 3
"""From a record up to the folder of its run."""


def find_runs(
    results: Path, experiment: str | None = None, preset: str | None = None, show: Show = SILENT
) -> list[Path]:
    """Folders with a frozen plan: `results/<experiment>/<preset>`, or those at the path that `experiment` is.

    A name with results is that name, also where a folder here is called the same; any other name of a folder is its
    path. Raises ResultsError where there is none.
    """
    if experiment == "":
        raise ResultsError("the name of the experiment is empty", hint="without one, all that have results are meant")
    try:
        return _find_runs(results, experiment, preset, show)
    except OSError as error:
        raise unreadable(Path(error.filename or experiment or results), error) from error


def _find_runs(results: Path, experiment: str | None, preset: str | None, show: Show) -> list[Path]:
    if preset is not None and any(mark in preset for mark in ("/", "..", "*")):
        raise ResultsError("a preset is given by name", hint="`barlow status` lists those with results")
    if experiment is not None and experiment.lower().endswith(".toml"):
        experiment = load_experiment(experiment).name
    if experiment is not None and is_path(experiment):
        return runs_at(experiment, preset)
    found = _by_name(results, experiment, preset)
    if experiment is not None and os.path.lexists(experiment):
        if not found:
            return runs_at(experiment, preset)
        here = Path(experiment)
        if here.exists() and not here.samefile(found[0].parent) and _below(here):
            show.note(f"{experiment} is read as the experiment in {results}/; the folder here is ./{experiment}")
    if not found and experiment is None and (below := _below(results)):
        return _of_preset(below, preset, results)
    if not found:
        raise _none(results, experiment, preset)
    for path in _locked(results):
        show.note(f"left out: {path} may not be read")
    return found


def is_path(text: str) -> bool:
    """Whether a word is the path of a folder rather than a name."""
    return "/" in text or text in (".", "..") or text.startswith(("~", "$"))


def runs_at(given: str, preset: str | None = None) -> list[Path]:
    """The folder of a run, from its path, that of a file in it, or of a folder above it: then all that lie below.

    Raises ResultsError where there is none.
    """
    try:
        path = expanded(given)
    except ConfigError as error:
        raise ResultsError(error.message, hint=error.hint) from error
    hint = f"it would have a {PLAN} in it"
    if what := obstacle(path.parent if path.is_file() else path):
        raise ResultsError(f"{given} is not the folder of a run: {what}", hint=hint)
    if not path.exists():
        raise ResultsError(f"{given} is not the folder of a run: there is nothing of that name", hint=hint)
    start = path.parent if path.is_file() else path
    for folder in (start, *start.resolve().parents[:LEVELS]) if _in_a_run(path) else (start,):
        if ResultsFolder(folder).plan.is_file():
            return _of_preset([folder], preset, path)
    found = [] if path.is_file() else _below(start)
    if not found:
        raise ResultsError(f"{given} is not the folder of a run: it has no {PLAN}", hint=hint)
    return _of_preset(found, preset, path)


def _in_a_run(path: Path) -> bool:
    """Whether a path leads to a part of a run: its cells, one of them, its plots."""
    return bool({"cells", "plots"} & {*path.resolve().parts[-LEVELS:]})


def _by_name(results: Path, experiment: str | None, preset: str | None) -> list[Path]:
    name, under = (glob.escape(part) if part else "*" for part in (experiment, preset))
    return sorted(planned(results, name, under) - planned(results, REFERENCE))


def _below(folder: Path) -> list[Path]:
    """The folders of runs at `folder`, one or two levels below it."""
    if ResultsFolder(folder).plan.is_file():
        return [folder]
    below = [path.parent for path in sorted(folder.glob(f"*/{PLAN}"))]
    return below or sorted(planned(folder) - planned(folder, REFERENCE))


def _of_preset(folders: list[Path], preset: str | None, path: Path) -> list[Path]:
    """Those of the folders that are of the preset, all where none is named. Raises ResultsError."""
    found = [folder for folder in folders if preset is None or plan_of(folder).preset == preset]
    if not found:
        raise ResultsError(f"no run of the preset {preset} at {path}", hint="leave --preset out to see what is there")
    return found


def _none(results: Path, experiment: str | None, preset: str | None) -> ResultsError:
    """Why there is no run of that name."""
    what = " ".join(part for part in (experiment, preset and f"preset {preset}") if part) or "any experiment"
    if why := obstacle(results):
        return ResultsError(f"no results of {what} in {results}/: {why}", hint="name another folder with --results")
    if locked := _locked(results):
        return unreadable(locked[0], PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    missing = "" if results.exists() else ", which is not there"
    return ResultsError(
        f"no results of {what} in {results}/{missing}",
        hint=f"barlow run {experiment or 'shuffle-test'}, or another --results",
    )


def _locked(results: Path) -> list[Path]:
    """Folders of experiments and runs that cannot be looked into."""
    inner = [path for path in (*results.glob("*"), *results.glob("*/*")) if path.is_dir()] if results.is_dir() else []
    return [path for path in (results, *inner) if path.is_dir() and not _opens(path)]


def _opens(folder: Path) -> bool:
    """Whether the names in a folder can be read, and what they stand for."""
    try:
        with os.scandir(folder) as names:
            for name in names:
                name.stat(follow_symlinks=False)
                break
    except PermissionError:
        return False
    return True


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
