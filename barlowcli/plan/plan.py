"""The plan: cells, each with its resolved config and an id that is a hash of it; frozen before the first is run."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, model_validator

from barlowcli.experiment.axes import NOWHERE, AxisText, AxisValue
from barlowcli.experiment.claims import Claim
from barlowcli.experiment.first_stage import SCREENING, TUNING
from barlowcli.experiment.model import Experiment
from barlowcli.records.files import SCHEMA
from barlowcli.records.record import CellId
from barlowcli.settings.base import Settings
from barlowcli.settings.cell import CellConfig, digest, without_later
from barlowcli.settings.mistakes import quoted


class PlannedCell(Settings):
    """An arm with a seed.

    at: axis name -> where on the axis the cell lies.
    """

    id: CellId
    at: dict[str, AxisText] = Field(alias="axes")
    seed: int
    control: bool
    config: CellConfig

    @property
    def axes(self) -> dict[str, str]:
        """Axis name -> value as text, as in files and tables."""
        return {name: str(value) for name, value in self.at.items()}

    def label(self, *, plain: Collection[str] = ()) -> str:
        """The arm in a line, as in "method barlow, jitter off"; of the axes in `plain` the value alone."""
        return ", ".join(str(at) if name in plain else f"{name} {at}" for name, at in self.at.items() if at)

    def merged(self, other: "PlannedCell") -> "PlannedCell":
        """This cell at the values of `other` too, an arm that comes to the same cell; a control stays beside a grid."""
        if self.control != other.control:
            return self
        at = {name: value | other.at.get(name, NOWHERE) for name, value in self.at.items()}
        return self.model_copy(update={"at": at})

    def in_order(self, axes: Mapping[str, Sequence[str]]) -> "PlannedCell":
        """The cell with several values on an axis in the order of `axes`."""
        several = {
            name: AxisValue(tuple(ordered(axes[name], at.values)))
            for name, at in self.at.items()
            if len(at.values) > 1 and name in axes
        }
        return self.model_copy(update={"at": {**self.at, **several}}) if several else self

    def blanked(self, values: Mapping[str, Sequence[str]]) -> "PlannedCell":
        """The cell with no value on the axes of which it lies at every one of several `values`."""
        whole = {
            name: NOWHERE
            for name, value in self.at.items()
            if len(value.values) > 1 and value.covers(values.get(name, value.values))
        }
        return self.model_copy(update={"at": {**self.at, **whole}})


class TrialCell(PlannedCell):
    """A cell of a first stage: it is run to choose something, touches no test image, and is no part of the grid.

    stage: tuning or screening. group: axis -> value, the arms that the choice is for; of a screening all. candidate:
    what is tried, dotted key of a setting -> value, or of a screening the axis -> value.
    """

    stage: Literal["tuning", "screening"]
    group: dict[str, str]
    candidate: dict[str, Any]

    @property
    def candidate_text(self) -> str:
        """ "training.lr=0.2"."""
        return assigned(self.candidate)

    def label(self, *, plain: Collection[str] = ()) -> str:
        """The stage and what is tried, before the arm."""
        arm = super().label(plain=plain)
        return f"{self.stage}, {arm}" + (f", {self.candidate_text}" if self.stage == TUNING else "")


class Choice(Settings):
    """The settings that tuning chose for a group of arms, by dotted key."""

    group: dict[str, str]
    settings: dict[str, Any]


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
    """Axis -> the values of the grid: at all of them lies a cell of it to which the axis makes no difference."""
    winner: str = ""
    """Of a screened experiment, the candidate that won the first stage; "" as long as that is not known."""
    first: tuple[TrialCell, ...] = ()
    """The cells of the first stages, as far as they are known. One that two groups share is there twice."""
    tuned: tuple[Choice, ...] = ()
    """What tuning chose, of the groups that it is finished for."""

    @model_validator(mode="after")
    def _cells_stand_on_its_axes(self) -> "Plan":
        if self.preset not in self.experiment.presets:
            raise ValueError(f"the experiment has no preset {quoted(self.preset)}")
        axes = self.experiment.axes.keys()
        if wrong := [cell.id for cell in self.all_cells if cell.at.keys() != axes]:
            raise ValueError(f"cell {wrong[0]} does not stand on the axes of the experiment")
        return self

    @property
    def hash(self) -> str:
        """Digest of the claims, what they are tested by, and the cells."""
        claims = [_hashed(claim) for claim in self.experiment.claims]
        tested = [] if self.experiment.variance == "paired" else [self.experiment.variance]
        return digest([claims, sorted(cell.id for cell in self.all_cells), *tested])

    @property
    def all_cells(self) -> tuple[PlannedCell, ...]:
        """Everything to be run: the first stages' cells, each once, then those of the grid and the controls."""
        return (*{cell.id: cell for cell in self.first}.values(), *self.cells)

    @property
    def open(self) -> list[str]:
        """The first stages that have not chosen yet: tuning, screening."""
        chosen = [choice.group for choice in self.tuned]
        tuning = any(cell.stage == TUNING and cell.group not in chosen for cell in self.first)
        screening = self.experiment.screen is not None and not self.winner
        return [TUNING] * tuning + [SCREENING] * screening

    @property
    def axes(self) -> dict[str, list[str]]:
        """Axis -> the values that occur among the grid's cells, in the experiment's order, then as planned."""
        grid = [cell for cell in self.cells if not cell.control]
        return {
            name: ordered(axis.names(), [value for cell in grid for value in self.values_of(cell, name)])
            for name, axis in self.experiment.axes.items()
        }

    def values_of(self, cell: PlannedCell, axis: str) -> list[str]:
        """The values of an axis at which the cell lies: all of the grid's where they make no difference; none for a
        control that the axis has no meaning for."""
        own = cell.at.get(axis, NOWHERE)
        if own:
            return list(own.values)
        if cell.control:
            return []
        return self.values.get(axis) or self.experiment.axes[axis].names()

    def with_cells(self, cells: Iterable[PlannedCell]) -> "Plan":
        """This plan with `cells`, in the order of the axes: the same whatever the order they were asked for in."""
        axes = {name: axis.names() for name, axis in self.experiment.axes.items()}

        def order(cell: PlannedCell) -> tuple[Any, ...]:
            texts = {name: str(cell.at.get(name, NOWHERE)) for name in axes}
            arm = [
                (names.index(texts[name]) if texts[name] in names else -1, texts[name]) for name, names in axes.items()
            ]
            return (cell.control, arm, cell.seed, cell.id)

        placed = (cell.in_order(axes) for cell in cells)
        return self.model_copy(update={"cells": tuple(sorted(placed, key=order))})


def assigned(settings: Mapping[str, Any]) -> str:
    """Settings as a flag has them: "training.lr=0.2, method.tau=0.99"."""
    return ", ".join(f"{key}={value}" for key, value in settings.items())


def ordered(known: Iterable[str], found: Iterable[str]) -> list[str]:
    """What was found, in the order of what is known, the rest behind it by name."""
    seen = set(found)
    first = [name for name in known if name in seen]
    return first + sorted(seen - set(first))


def _hashed(claim: Claim) -> dict[str, Any]:
    """A claim as JSON, less what came later and stands at its default, in its parts too."""
    value = without_later(claim.model_dump(mode="json"), Claim)
    parts = {"within", "along"} & value.keys()
    return value | claim.model_dump(mode="json", include=parts, exclude_defaults=True)
