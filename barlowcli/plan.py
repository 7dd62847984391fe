"""Experiment x flags x seeds -> cells, each with its resolved config and an id that is a hash of it."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from barlowcli.config import Given, base_of, check_shared, digest, idle, methods_of, resolve
from barlowcli.errors import ConfigError, ResultsError
from barlowcli.nested import expand, flatten, merge
from barlowcli.records import SCHEMA, read_record, read_versioned, write_json
from barlowcli.registry import did_you_mean
from barlowcli.settings import CellConfig, Settings
from barlowcli.spec import SAME, Axis, Control, Experiment, Preset, Screen, axis_text, describe

AXIS_KEYS = {
    "method": "method.name",
    "shuffle": "views.shuffle",
    "jitter": "views.jitter",
    "grayscale": "views.grayscale",
    "dims": "projector.dim",
}
"""Axes that have a flag of their own, and the setting each stands for."""
CONTROLS = ("supervised", "random-init", "histogram")
"""Methods that stand beside a grid."""


class PlannedCell(Settings):
    """An arm with a seed.

    axes: axis name -> value as text; "a|b" where values a and b come to this very cell, "-" where all of the grid's do
    or where the axis has no meaning for it.
    """

    id: str
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


@dataclass(frozen=True)
class Overrides:
    """What the flags say. axes: axis -> values; settings: dotted key -> value; seeds: how many, or None."""

    axes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    seeds: int | None = None


def cell_id(config: CellConfig) -> str:
    """The id of a cell: a digest of its whole config, less the path of its data (their fingerprint stands in it)."""
    value = config.model_dump(mode="json", by_alias=True)
    if value["data"]["fingerprint"]:
        value["data"]["name"] = value["data"]["name"].partition(":")[0]
    return digest(value)


def build_plan(
    experiment: Experiment, preset_name: str, overrides: Overrides, *, on_cuda: bool, winner: str = ""
) -> Plan:
    """All cells of `experiment` under a preset and the flags; of a screened one the second stage needs the `winner`.

    Raises ConfigError with every mistake: unknown preset, axis, setting or value; a setting no cell has.
    """
    if preset_name not in experiment.presets:
        known = list(experiment.presets)
        raise ConfigError([f"{experiment.name} has no preset `{preset_name}`"], hint=did_you_mean(preset_name, known))
    preset = experiment.presets[preset_name]
    cut = _cut_axes(experiment, preset, overrides)
    experiment = _joined(experiment, experiment.model_copy(update={"axes": cut}))
    given = Given(
        shared=merge(expand(experiment.settings), expand(preset.settings)),
        by_method={name: expand(settings) for name, settings in preset.methods.items()},
        flags=expand(overrides.settings),
        fixed=expand(experiment.fixed),
        fixed_by_method={name: expand(settings) for name, settings in experiment.methods.items()},
    )
    problems = dict.fromkeys([*check_shared(given, experiment.axes), *_check_recipe(preset, given, cut)])
    arms = _planned_arms(experiment, cut, overrides.seeds or preset.seeds, winner)
    cells: dict[str, PlannedCell] = {}
    for arm in arms:
        try:
            config = resolve(given, experiment.axes, arm.axes, on_cuda=on_cuda)
        except ConfigError as error:
            problems |= dict.fromkeys(error.problems)
            continue
        for seed in arm.seeds:
            cell = _planned(config.model_copy(update={"seed": seed}), arm.axes, arm.control)
            cells[cell.id] = _one_cell(cells[cell.id], cell) if cell.id in cells else cell
    values = {name: axis.names() for name, axis in cut.items()}
    if not problems:
        problems = dict.fromkeys(idle(given, experiment.axes, [arm.axes for arm in arms], on_cuda=on_cuda))
    if problems:
        hint = "`barlow ls` lists names; --dry-run --json of a plan without mistakes shows every setting"
        raise ConfigError(list(problems), hint=hint)
    base = digest([base_of(given, on_cuda=on_cuda), sorted(experiment.axes)])
    plan = Plan(experiment=experiment, preset=preset_name, base=base, cells=(), values=values, winner=winner)
    return plan.with_cells(_blank(cell, values) for cell in cells.values())


def _check_recipe(preset: Preset, given: Given, axes: Mapping[str, Axis]) -> list[str]:
    """Methods of the grid that a recipe has nothing for."""
    if not preset.recipe:
        return []
    lacking = [name for name in methods_of(given.everywhere, axes) if name not in (*preset.methods, *CONTROLS)]
    return [
        f"method.name: no recipe for `{name}` among {preset.recipe}; known: {', '.join(preset.methods)}"
        for name in lacking
    ]


@dataclass(frozen=True)
class _PlannedArm:
    """A setting of the axes and the seeds it is run at."""

    axes: Mapping[str, str]
    seeds: range
    control: bool = False


def _planned_arms(experiment: Experiment, axes: Mapping[str, Axis], seeds: int, winner: str) -> list[_PlannedArm]:
    """The arms of grid and controls; of a screened experiment those of the first stage, and of the second as far as
    they are known."""
    screen, controls = experiment.screen, experiment.controls
    if screen is None:
        arms = [_PlannedArm(arm, range(seeds)) for arm in _product(axes)]
    else:
        tested = [*screen.parents, *([winner] if winner and winner not in screen.parents else [])]
        stages = {"screen": (screen.candidates, range(screen.seeds)), "test": (tested, _fresh(screen, seeds))}
        chosen = [(arm, *stages[arm["stage"]]) for arm in _product(axes)]
        arms = [_PlannedArm(arm, numbers) for arm, names, numbers in chosen if arm[screen.axis] in names]
    first = 0 if screen is None else screen.seeds
    for control in controls:
        numbers = range(first, first + min(seeds, control.seeds or seeds))
        arms += [_PlannedArm(arm, numbers, control=True) for arm in _control_arms(control, axes)]
    return arms


def _fresh(screen: Screen, seeds: int) -> range:
    """The seeds of the second stage: none of the first."""
    return range(screen.seeds, screen.seeds + seeds)


def _one_cell(first: PlannedCell, second: PlannedCell) -> PlannedCell:
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


def _blank(cell: PlannedCell, values: Mapping[str, Sequence[str]]) -> PlannedCell:
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


def _planned(config: CellConfig, arm: Mapping[str, str], is_control: bool) -> PlannedCell:
    axes = dict(arm)
    if config.views is None and "shuffle" in axes and axes["shuffle"] in CellConfig().evaluation.domains:
        axes["shuffle"] = "-"  # an untrained control is probed in the standard domains whatever the arm
    return PlannedCell(id=cell_id(config), axes=axes, seed=config.seed, control=is_control, config=config)


def _cut_axes(experiment: Experiment, preset: Preset, overrides: Overrides) -> dict[str, Axis]:
    """The axes with their values as preset and flags have them; a flag can add an axis."""
    axes = dict(experiment.axes)
    for source in (preset.axes, overrides.axes):
        for name, values in source.items():
            if name not in axes and name not in AXIS_KEYS:
                raise ConfigError(
                    [f"{experiment.name} has no axis `{name}`"],
                    hint=did_you_mean(name, list(dict.fromkeys([*axes, *AXIS_KEYS])))
                    + "; a setting is changed with --set key=value",
                )
            if name not in axes:
                _check_added(experiment, name)
            axis = axes.get(name) or Axis(key=AXIS_KEYS[name], values=list(values))
            if isinstance(axis.values, dict):
                unknown = [value for value in values if value not in axis.values]
                if unknown:
                    known = list(axis.values)
                    raise ConfigError([f"{name}: no value `{unknown[0]}`"], hint=did_you_mean(unknown[0], known))
                axes[name] = axis.model_copy(update={"values": {value: axis.values[value] for value in values}})
            else:
                typed = {axis_text(value): value for value in axis.values}
                axes[name] = axis.model_copy(update={"values": [typed.get(str(v), v) for v in values]})
    return axes


def _check_added(experiment: Experiment, name: str) -> None:
    """Raise ConfigError where an axis that a flag adds sets what arms of the experiment's own axes set."""
    for other, axis in experiment.axes.items():
        keys = {key for value in axis.names() for key in flatten(expand(axis.settings(value)))}
        if AXIS_KEYS[name] in keys and name not in experiment.overridable:
            raise ConfigError(
                [
                    f"--{name} sets {AXIS_KEYS[name]}, which the arms of the axis `{other}` set: they would not be "
                    "what they are called"
                ],
                hint=f"choose among them with --axis {other}=VALUE,…, or copy the experiment with `barlow cp`",
            )


def _product(axes: Mapping[str, Axis]) -> list[dict[str, str]]:
    names = list(axes)
    return [
        dict(zip(names, values, strict=True)) for values in itertools.product(*(axes[name].names() for name in names))
    ]


def _control_arms(control: Control, axes: Mapping[str, Axis]) -> list[dict[str, str]]:
    """The control's arms over the axes it follows; all other axes are "-"."""
    followed = {name: axis for name, axis in axes.items() if name in control.follow}
    blank = dict.fromkeys(axes, "-")
    return [blank | control.set | arm for arm in _product(followed)]


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
            cells[cell.id] = _one_cell(cells[cell.id], _spelled(old, cell))
        elif not _former(old, new, cell):
            cells[cell.id] = _spelled(old, cell)
    experiment = _joined(old.experiment, new.experiment)
    values = {
        name: _ordered(experiment.axes[name].names(), [*old.values.get(name, []), *new.values.get(name, [])])
        for name in (*new.values, *(name for name in old.values if name not in new.values))
    }
    update = {"experiment": experiment, "values": values}
    joined = new.model_copy(update={**update, "winner": new.winner or old.winner})
    return joined.with_cells(_blank(cell, values) for cell in cells.values())


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


def _joined(old: Experiment, new: Experiment) -> Experiment:
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
