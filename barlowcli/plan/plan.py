"""The plan: cells, each with its resolved config and an id that is a hash of it; frozen before the first is run."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import model_validator

from barlowcli.experiment.axes import SAME
from barlowcli.experiment.model import Experiment
from barlowcli.records.files import SCHEMA
from barlowcli.records.record import CellId
from barlowcli.settings.base import Settings
from barlowcli.settings.cell import CellConfig, digest
from barlowcli.settings.mistakes import quoted


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
            name: ordered(axis.names(), [value for cell in grid for value in self.values_of(cell, name)]) or ["-"]
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


def ordered(known: Iterable[str], found: Iterable[str]) -> list[str]:
    """What was found, in the order of what is known, the rest behind it by name."""
    seen = set(found) - {"-"}
    first = [name for name in known if name in seen]
    return first + sorted(seen - set(first))
