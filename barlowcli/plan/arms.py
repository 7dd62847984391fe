"""The arms of a plan: of the grid, of its controls and of a screening; and the cells that are made of one."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from barlowcli.errors import ConfigError
from barlowcli.experiment.axes import NOWHERE, SHUFFLE, Axis, AxisValue
from barlowcli.experiment.first_stage import FIRST_SEEDS, SCREENING
from barlowcli.experiment.model import Control, Experiment
from barlowcli.plan.layers import NOTHING, Given, resolve
from barlowcli.plan.plan import PlannedCell
from barlowcli.settings.cell import CellConfig, cell_id


@dataclass(frozen=True)
class PlannedArm:
    """A setting of the axes, less those that have no meaning for it, and the seeds it is run at."""

    axes: Mapping[str, str]
    seeds: range
    control: bool = False


def grid_arms(experiment: Experiment, axes: Mapping[str, Axis], seeds: int, winner: str) -> list[PlannedArm]:
    """The arms of grid and controls; of a screened experiment the parents and the winner, as far as it is known.

    axes: with the values that are asked for.
    """
    screen = experiment.screen
    judged = None if screen is None else {*screen.parents, winner}
    numbers = range(seeds)
    found = [
        PlannedArm(arm, numbers) for arm in product(axes) if judged is None or arm[screen_axis(experiment)] in judged
    ]
    for control in experiment.controls:
        few = range(min(seeds, control.seeds or seeds))
        found += [PlannedArm(arm, few, control=True) for arm in control_arms(control, axes)]
    return found


def screened_arms(experiment: Experiment, axes: Mapping[str, Axis]) -> list[PlannedArm]:
    """The arms of the screening, at seeds of their own; none where there is no screening."""
    screen = experiment.screen
    if screen is None:
        return []
    first = FIRST_SEEDS[SCREENING]
    seeds = range(first, first + screen.seeds)
    return [PlannedArm(arm, seeds) for arm in product(axes) if arm[screen.axis] in screen.candidates]


def screen_axis(experiment: Experiment) -> str:
    """The axis that is screened; "" where none is."""
    return experiment.screen.axis if experiment.screen is not None else ""


def product(axes: Mapping[str, Axis]) -> list[dict[str, str]]:
    """All combinations of the axes' values."""
    names = list(axes)
    return [
        dict(zip(names, values, strict=True)) for values in itertools.product(*(axes[name].names() for name in names))
    ]


def control_arms(control: Control, axes: Mapping[str, Axis]) -> list[dict[str, str]]:
    """The control's arms over the axes it follows; what it neither sets nor follows has no meaning for it."""
    followed = {name: axis for name, axis in axes.items() if name in control.follow}
    return [control.set | arm for arm in product(followed)]


@dataclass(frozen=True)
class Maker:
    """Makes cells of arms. problems: every mistake that was found in their settings, once."""

    given: Given
    axes: Mapping[str, Axis]
    on_cuda: bool
    problems: dict[str, None] = field(default_factory=dict)

    def cells(self, arm: PlannedArm, tuned: Mapping[str, Any] = NOTHING) -> list[PlannedCell]:
        """The arm's cells, one a seed. tuned: settings that were chosen for it, by dotted key."""
        try:
            config = resolve(self.given, self.axes, arm.axes, on_cuda=self.on_cuda, tuned=tuned)
        except ConfigError as error:
            self.problems.update(dict.fromkeys(error.problems))
            return []
        return [_planned(config.model_copy(update={"seed": seed}), arm, self.axes) for seed in arm.seeds]


def _planned(config: CellConfig, arm: PlannedArm, axes: Mapping[str, Axis]) -> PlannedCell:
    at = {name: AxisValue((arm.axes[name],)) if name in arm.axes else NOWHERE for name in axes}
    if config.views is None:  # an untrained control is probed in the standard domains whatever the arm
        standard = CellConfig().evaluation.domains
        at |= {name: NOWHERE for name in axes if axes[name].key == SHUFFLE and arm.axes.get(name) in standard}
    return PlannedCell(id=cell_id(config), at=at, seed=config.seed, control=arm.control, config=config)
