"""plan.json: frozen before the first cell, joined with what was planned before, and read back."""

import os
from pathlib import Path

from pydantic import ValidationError

from barlowcli.errors import ConfigError, ResultsError
from barlowcli.experiment.axes import AxisValue
from barlowcli.plan.plan import Choice, Plan, PlannedCell, TrialCell, ordered
from barlowcli.records.files import read_versioned, write_json, write_text
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import read_record
from barlowcli.settings.mistakes import describe

ANEW = "move it away: the same `barlow run` writes the plan anew, and what is done is not run again"


def freeze(folder: Path, plan: Plan) -> tuple[Plan, int]:
    """Add `plan` to the one frozen in `folder`, write it, and return it with the number of cells left out.

    Cells of the same base stand together in one report. Where the base differs (another data set, other epochs),
    the new plan takes the place of the old one; the old cells' records stay, outside the report. Raises
    ConfigError where a claim was changed after cells were run under it.
    """
    old = read_plan(folder)
    left_out = 0
    if old is not None:
        _check_same_run(old, plan, folder)
        _check_claims(old, plan, folder)
    if old is not None and old.base == plan.base:
        plan = _added(old, plan)
    elif old is not None:
        left_out = len({cell.id for cell in old.all_cells} - {cell.id for cell in plan.all_cells})
    if plan != old:
        write_plan(folder, plan)
    return plan, left_out


def plan_text(folder: Path) -> str | None:
    """plan.json as it stands, None where there is none."""
    path = ResultsFolder(folder).plan
    return path.read_text(encoding="utf-8") if path.is_file() else None


def restore_plan(folder: Path, text: str | None) -> None:
    """Put plan.json back as `plan_text` read it."""
    if text is None:
        ResultsFolder(folder).plan.unlink(missing_ok=True)
    else:
        write_text(ResultsFolder(folder).plan, text)


def _added(old: Plan, new: Plan) -> Plan:
    """The cells of both plans, less those of a former winner, or of settings chosen formerly."""
    cells = {cell.id: _spelled(new, cell) for cell in new.cells}
    for cell in old.cells:
        if cell.id in cells:
            cells[cell.id] = cells[cell.id].merged(_spelled(old, cell))
        elif not _former(old, new, cell):
            cells[cell.id] = _spelled(old, cell)
    experiment = new.experiment.after(old.experiment)
    values = {
        name: ordered(experiment.axes[name].names(), [*old.values.get(name, []), *new.values.get(name, [])])
        for name in (*new.values, *(name for name in old.values if name not in new.values))
    }
    first, tuned = _first(old, new), _tuned(old, new)
    update = {"experiment": experiment, "values": values, "first": first, "tuned": tuned}
    both = new.model_copy(update={**update, "winner": new.winner or old.winner})
    return both.with_cells(cell.blanked(values) for cell in cells.values())


def _spelled(plan: Plan, cell: PlannedCell) -> PlannedCell:
    """The cell with all values of the grid on axes that make no difference to it."""
    at = {name: AxisValue(tuple(plan.values_of(cell, name))) for name in cell.at}
    return cell.model_copy(update={"at": at})


def _first(old: Plan, new: Plan) -> tuple[TrialCell, ...]:
    """The cells of the first stages of both; a choice is made among those of the new plan alone, where it has any."""
    anew = [(cell.stage, cell.group) for cell in new.first]
    return (*new.first, *(cell for cell in old.first if (cell.stage, cell.group) not in anew))


def _tuned(old: Plan, new: Plan) -> tuple[Choice, ...]:
    """The choices of both, the new plan's in place of the old one's."""
    anew = [choice.group for choice in new.tuned]
    return (*new.tuned, *(choice for choice in old.tuned if choice.group not in anew))


def _former(old: Plan, new: Plan, cell: PlannedCell) -> bool:
    """Whether a cell is of a candidate that is no longer the winner, or has settings that are no longer the choice."""
    before, now = _choice_of(old, cell), _choice_of(new, cell)
    if before is not None and now is not None and before.settings != now.settings:
        return True
    screen = new.experiment.screen
    if screen is None or not new.winner or new.winner == old.winner:
        return False
    return cell.axes[screen.axis] == old.winner and old.winner not in screen.parents


def _choice_of(plan: Plan, cell: PlannedCell) -> Choice | None:
    """What was chosen for the arm of a cell; None where nothing was."""
    tune = plan.experiment.tuned_under(plan.preset)
    if tune is None:
        return None
    group = {name: plan.values_of(cell, name) for name in tune.per}
    group = {name: values for name, values in group.items() if values}  # what a control has no value of
    fits = (
        choice
        for choice in plan.tuned
        if choice.group.keys() == group.keys() and all(value in group[name] for name, value in choice.group.items())
    )
    return next(fits, None)


def _check_same_run(old: Plan, new: Plan, folder: Path) -> None:
    """Raise ResultsError where the folder is another run's, copied or moved to this name."""
    names = [f"{plan.experiment.name}, preset {plan.preset}" for plan in (old, new)]
    if names[0] != names[1]:
        raise ResultsError(
            f"{ResultsFolder(folder).plan} is the plan of {names[0]}, not of {names[1]}",
            hint="move that folder to where it was, or choose another one with --results",
        )


def _check_claims(old: Plan, new: Plan, folder: Path) -> None:
    words = {"title", "supported", "refuted", "inconclusive"}
    before, now = (
        [plan.experiment.variance, *(claim.model_dump(exclude=words) for claim in plan.experiment.claims)]
        for plan in (old, new)
    )
    if before != now:
        raise ConfigError(
            [f"the claims of {new.experiment.name} differ from those frozen in {ResultsFolder(folder).plan}"],
            hint="claims and margins are fixed before the run: choose another folder with --results for the new ones",
        )


def status_of(folder: Path, cell: PlannedCell) -> str:
    """ "done", "failed" or "todo" for a cell of the plan in `folder`."""
    record = read_record(ResultsFolder(folder).cell(cell.id))
    if record is None:
        return "todo"
    return "done" if record.finished else "failed"


def write_plan(folder: Path, plan: Plan) -> None:
    """Freeze a plan in `folder`."""
    value = plan.model_dump(mode="json", by_alias=True)
    write_json(ResultsFolder(folder).plan, {"hash": plan.hash, **value})


def plan_of(folder: Path) -> Plan:
    """The plan frozen in `folder`. Raises ResultsError where there is none, or it is damaged or foreign."""
    plan = read_plan(folder)
    if plan is None:
        raise ResultsError(f"no plan.json in {folder}", hint="`barlow run EXPERIMENT` makes one")
    return plan


def read_plan(folder: Path) -> Plan | None:
    """The plan frozen in `folder`, None where there is none; raises ResultsError where it is damaged or foreign."""
    path = ResultsFolder(folder).plan
    if not path.is_file():
        if os.path.lexists(path):
            raise ResultsError(f"{path} is not a file", hint=ANEW)
        return None
    value = read_versioned(path, hint=ANEW)
    stored = value.pop("hash", None)
    try:
        plan = Plan.model_validate(value)
    except ValidationError as error:
        raise ResultsError(
            f"{path} is not a plan: {describe(error, Plan)[0]}",
            hint=f"read it with the barlow that wrote it, or {ANEW}",
        ) from error
    if plan.hash != stored:
        raise ResultsError(
            f"{path} was changed after it was frozen (its hash does not fit)",
            hint="a plan is not edited: choose another folder with --results",
        )
    return plan.with_cells(plan.cells)
