"""The plan: cells, each with its resolved config and an id that is a hash of it; frozen before the first is run."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError, model_validator

from barlowcli.config import digest
from barlowcli.errors import ConfigError, ResultsError
from barlowcli.records import SCHEMA, CellId, read_record, read_versioned, write_json
from barlowcli.settings import CellConfig, Settings
from barlowcli.spec import SAME, Experiment, axis_text, describe, quoted


class PlannedCell(Settings):
    """An arm with a seed.

    axes: axis name -> value as text; "a|b" where values a and b come to this very cell, "-" where all of the grid's do
    or where the axis has no meaning for it.
    """

    id: CellId
    axes: dict[str, str]
    seed: int
    control: bool
    config: CellConfig


class Plan(Settings):
    """`plan.json`: everything a report is judged by, frozen before the first cell.

    base: digest of what all cells share; cells of one base can stand in one report. hash: digest of claims and
    cells.
    """

    schema_version: int = SCHEMA
    experiment: Experiment
    preset: str
    base: str
    cells: tuple[PlannedCell, ...]
    values: dict[str, list[str]] = {}
    """Axis -> the values of the grid: what "-" stands for in a cell of it."""
    winner: str = ""
    """Of a screened experiment, the candidate that won the first stage; "" as long as that is not known."""

    @model_validator(mode="after")
    def _cells_stand_on_its_axes(self) -> "Plan":
        if self.preset not in self.experiment.presets:
            raise ValueError(f"the experiment has no preset {quoted(self.preset)}")
        axes = self.experiment.axes.keys()
        if wrong := [cell.id for cell in self.cells if cell.axes.keys() != axes]:
            raise ValueError(f"cell {wrong[0]} does not stand on the axes of the experiment")
        return self

    @property
    def hash(self) -> str:
        """Digest of the claims and the cells."""
        claims = [claim.model_dump(mode="json") for claim in self.experiment.claims]
        return digest([claims, sorted(cell.id for cell in self.cells)])

    @property
    def axes(self) -> dict[str, list[str]]:
        """Axis -> the values that occur among the grid's cells, in the experiment's order, then as planned."""
        grid = [cell for cell in self.cells if not cell.control]
        return {
            name: _ordered(axis.names(), [value for cell in grid for value in self.values_of(cell, name)]) or ["-"]
            for name, axis in self.experiment.axes.items()
        }

    def values_of(self, cell: PlannedCell, axis: str) -> list[str]:
        """The values of an axis at which the cell stands: several where they come to the same; none for a control's
        "-"."""
        own = cell.axes.get(axis, "-")
        if own != "-":
            return own.split(SAME)
        if cell.control:
            return []
        return self.values.get(axis) or self.experiment.axes[axis].names()

    def with_cells(self, cells: Iterable[PlannedCell]) -> "Plan":
        """This plan with `cells`, in the order of the axes: the same whatever the order they were asked for in."""
        axes = {name: axis.names() for name, axis in self.experiment.axes.items()}

        def order(cell: PlannedCell) -> tuple[Any, ...]:
            arm = [
                (names.index(v) if (v := cell.axes.get(name, "-")) in names else -1, v) for name, names in axes.items()
            ]
            return (cell.control, arm, cell.seed, cell.id)

        return self.model_copy(update={"cells": tuple(sorted(cells, key=order))})


def one_cell(first: PlannedCell, second: PlannedCell) -> PlannedCell:
    """Two arms that come to the same cell: it stands at the values of both."""
    if first.control != second.control:
        return first
    axes = {
        name: value
        if value == (other := second.axes.get(name, "-"))
        else SAME.join(dict.fromkeys([*value.split(SAME), *other.split(SAME)]))
        for name, value in first.axes.items()
    }
    return first.model_copy(update={"axes": axes})


def blank(cell: PlannedCell, values: Mapping[str, Sequence[str]]) -> PlannedCell:
    """The cell with "-" on the axes of which it stands at every value of the grid."""
    whole = {
        name: "-"
        for name, value in cell.axes.items()
        if SAME in value and set(value.split(SAME)) >= set(values.get(name, [value]))
    }
    return cell.model_copy(update={"axes": {**cell.axes, **whole}})


def _spelled(plan: Plan, cell: PlannedCell) -> PlannedCell:
    """The cell with the values that each "-" stands for."""
    axes = {name: SAME.join(plan.values_of(cell, name)) or value for name, value in cell.axes.items()}
    return cell.model_copy(update={"axes": axes})


def _ordered(known: Iterable[str], found: Iterable[str]) -> list[str]:
    seen = set(found) - {"-"}
    first = [name for name in known if name in seen]
    return first + sorted(seen - set(first))


def freeze(folder: Path, plan: Plan) -> tuple[Plan, int]:
    """Add `plan` to the one frozen in `folder`, write it, and return it with the number of cells left out.

    Cells of the same base stand together in one report. Where the base differs (another data set, other epochs),
    the new plan takes the place of the old one; the old cells' records stay, outside the report. Raises
    ConfigError where a claim was changed after cells were run under it.
    """
    old = read_plan(folder)
    left_out = 0
    if old is not None:
        _check_claims(old, plan, folder)
    if old is not None and old.base == plan.base:
        plan = _added(old, plan)
    elif old is not None:
        left_out = len({cell.id for cell in old.cells} - {cell.id for cell in plan.cells})
    if plan != old:
        write_plan(folder, plan)
    return plan, left_out


def _added(old: Plan, new: Plan) -> Plan:
    """The cells of both plans, those of a former winner's second stage left out."""
    cells = {cell.id: _spelled(new, cell) for cell in new.cells}
    for cell in old.cells:
        if cell.id in cells:
            cells[cell.id] = one_cell(cells[cell.id], _spelled(old, cell))
        elif not _former(old, new, cell):
            cells[cell.id] = _spelled(old, cell)
    experiment = joined(old.experiment, new.experiment)
    values = {
        name: _ordered(experiment.axes[name].names(), [*old.values.get(name, []), *new.values.get(name, [])])
        for name in (*new.values, *(name for name in old.values if name not in new.values))
    }
    update = {"experiment": experiment, "values": values}
    both = new.model_copy(update={**update, "winner": new.winner or old.winner})
    return both.with_cells(blank(cell, values) for cell in cells.values())


def _former(old: Plan, new: Plan, cell: PlannedCell) -> bool:
    """Whether a cell is of the second stage of a candidate that is no longer the winner."""
    screen = new.experiment.screen
    if screen is None or not new.winner or new.winner == old.winner:
        return False
    return cell.axes.get("stage") == "test" and cell.axes.get(screen.axis) == old.winner


def _check_claims(old: Plan, new: Plan, folder: Path) -> None:
    words = {"title", "supported", "refuted", "inconclusive"}
    before, now = ([claim.model_dump(exclude=words) for claim in plan.experiment.claims] for plan in (old, new))
    if before != now:
        raise ConfigError(
            [f"the claims of {new.experiment.name} differ from those frozen in {folder / 'plan.json'}"],
            hint="claims and margins are fixed before the run: choose another folder with --results for the new ones",
        )


def joined(old: Experiment, new: Experiment) -> Experiment:
    """The new experiment with every axis value that was planned before."""
    axes = dict(old.axes)
    for name, axis in new.axes.items():
        before = axes.get(name)
        if before is None:
            axes[name] = axis
        elif isinstance(before.values, dict) and isinstance(axis.values, dict):
            axes[name] = axis.model_copy(update={"values": before.values | axis.values})
        else:
            values = list({axis_text(value): value for value in (*before.values, *axis.values)}.values())
            if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
                values.sort()
            axes[name] = axis.model_copy(update={"values": values})
    return new.model_copy(update={"axes": axes})


def status_of(folder: Path, cell: PlannedCell) -> str:
    """ "done", "failed" or "todo" for a cell of the plan in `folder`."""
    record = read_record(folder / "cells" / cell.id)
    if record is None:
        return "todo"
    return "done" if record.finished else "failed"


def write_plan(folder: Path, plan: Plan) -> None:
    """Write `folder`/plan.json."""
    value = plan.model_dump(mode="json", by_alias=True)
    write_json(folder / "plan.json", {"hash": plan.hash, **value})


def read_plan(folder: Path) -> Plan | None:
    """The plan frozen in `folder`, None where there is none; raises ResultsError where it is damaged or foreign."""
    path = folder / "plan.json"
    if not path.is_file():
        return None
    value = read_versioned(path)
    stored = value.pop("hash", None)
    try:
        plan = Plan.model_validate(value)
    except ValidationError as error:
        raise ResultsError(f"{path} is not a plan: {describe(error, Plan)[0]}") from error
    if plan.hash != stored:
        raise ResultsError(
            f"{path} was changed after it was frozen (its hash does not fit)",
            hint="a plan is not edited: choose another folder with --results",
        )
    return plan
