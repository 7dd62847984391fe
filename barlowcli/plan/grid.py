"""Experiment x flags x seeds -> the plan: every cell with its resolved config."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from barlowcli.entries import did_you_mean
from barlowcli.errors import ConfigError
from barlowcli.experiment.axes import AXIS_KEYS, NOWHERE, SHUFFLE, Axis, AxisValue
from barlowcli.experiment.model import MOST_CELLS, SCREEN, STAGE, TEST, Control, Experiment, Preset, Screen, grid_size
from barlowcli.plan.layers import Given, base_of, check_shared, idle, methods_of, resolve
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.registry import METHODS
from barlowcli.settings.any_method import settings_of
from barlowcli.settings.cell import CellConfig, cell_id, digest
from barlowcli.settings.tables import expand, merge


@dataclass(frozen=True)
class Overrides:
    """What the flags say. axes: axis -> values; settings: dotted key -> value; seeds: how many, or None."""

    axes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    seeds: int | None = None


def build_plan(
    experiment: Experiment, preset_name: str, overrides: Overrides, *, on_cuda: bool, winner: str = ""
) -> Plan:
    """All cells of `experiment` under a preset and the flags; of a screened one the second stage needs the `winner`.

    Raises ConfigError with every mistake: unknown preset, axis, setting or value; a setting no cell has.
    """
    preset = _preset(experiment, preset_name)
    seeds = overrides.seeds or preset.seeds
    cut = _cut_axes(experiment, preset, overrides)
    _check_size({name: len(axis.values) for name, axis in cut.items()}, seeds)
    experiment = experiment.model_copy(update={"axes": cut}).after(experiment)
    given = _given(experiment, preset, overrides)
    problems = dict.fromkeys([*check_shared(given, experiment.axes), *_check_recipe(preset, given, cut)])
    arms = _planned_arms(experiment, cut, seeds, winner)
    cells: dict[str, PlannedCell] = {}
    for arm in arms:
        try:
            config = resolve(given, experiment.axes, arm.axes, on_cuda=on_cuda)
        except ConfigError as error:
            problems |= dict.fromkeys(error.problems)
            continue
        for seed in arm.seeds:
            cell = _planned(config.model_copy(update={"seed": seed}), arm, experiment.axes)
            cells[cell.id] = cells[cell.id].merged(cell) if cell.id in cells else cell
    if not problems:
        problems = dict.fromkeys(idle(given, experiment.axes, [arm.axes for arm in arms], on_cuda=on_cuda))
    if problems:
        hint = "`barlow ls` lists names; --dry-run --json of a plan without mistakes shows every setting"
        raise ConfigError(list(problems), hint=hint)
    values = {name: axis.names() for name, axis in cut.items()}
    used = {cell.config.method.name for cell in cells.values()}
    base = digest([base_of(given, used, on_cuda=on_cuda), sorted(experiment.axes)])
    plan = Plan(experiment=experiment, preset=preset_name, base=base, cells=(), values=values, winner=winner)
    return plan.with_cells(cell.blanked(values) for cell in cells.values())


def _preset(experiment: Experiment, name: str) -> Preset:
    if name not in experiment.presets:
        hint = did_you_mean(name, list(experiment.presets))
        raise ConfigError([f"{experiment.name} has no preset `{name}`"], hint=hint)
    return experiment.presets[name]


def _check_size(axes: Mapping[str, int], seeds: int) -> None:
    cells = grid_size(axes, (), seeds)
    if cells > MOST_CELLS:
        raise ConfigError([f"{cells:,} cells, more than {MOST_CELLS:,}"], hint="fewer seeds, or values of axes")


def _given(experiment: Experiment, preset: Preset, overrides: Overrides) -> Given:
    return Given(
        shared=merge(expand(experiment.settings), expand(preset.settings)),
        by_method={name: expand(settings) for name, settings in preset.methods.items()},
        flags=expand(overrides.settings),
        fixed=expand(experiment.fixed),
        fixed_by_method={name: expand(settings) for name, settings in experiment.methods.items()},
    )


def _check_recipe(preset: Preset, given: Given, axes: Mapping[str, Axis]) -> list[str]:
    """Methods of the grid that a recipe has nothing for."""
    if not preset.recipe:
        return []
    lacking = [
        name
        for name in methods_of(given.everywhere, axes)
        if name not in preset.methods and not (name in METHODS and settings_of(name).is_control())
    ]
    return [
        f"method.name: no recipe for `{name}` among {preset.recipe}; known: {', '.join(preset.methods)}"
        for name in lacking
    ]


@dataclass(frozen=True)
class _PlannedArm:
    """A setting of the axes, less those that have no meaning for it, and the seeds it is run at."""

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
        stages = {SCREEN: (screen.candidates, range(screen.seeds)), TEST: (tested, _fresh(screen, seeds))}
        chosen = [(arm, *stages[arm[STAGE]]) for arm in _product(axes)]
        arms = [_PlannedArm(arm, numbers) for arm, names, numbers in chosen if arm[screen.axis] in names]
    first = 0 if screen is None else screen.seeds
    for control in controls:
        numbers = range(first, first + min(seeds, control.seeds or seeds))
        arms += [_PlannedArm(arm, numbers, control=True) for arm in _control_arms(control, axes)]
    return arms


def _fresh(screen: Screen, seeds: int) -> range:
    """The seeds of the second stage: none of the first."""
    return range(screen.seeds, screen.seeds + seeds)


def _planned(config: CellConfig, arm: _PlannedArm, axes: Mapping[str, Axis]) -> PlannedCell:
    at = {name: AxisValue((arm.axes[name],)) if name in arm.axes else NOWHERE for name in axes}
    if config.views is None:  # an untrained control is probed in the standard domains whatever the arm
        standard = CellConfig().evaluation.domains
        at |= {name: NOWHERE for name in axes if axes[name].key == SHUFFLE and arm.axes.get(name) in standard}
    return PlannedCell(id=cell_id(config), at=at, seed=config.seed, control=arm.control, config=config)


def _cut_axes(experiment: Experiment, preset: Preset, overrides: Overrides) -> dict[str, Axis]:
    """The axes with their values as preset and flags have them; a flag can add an axis."""
    axes = dict(experiment.axes)
    for source in (preset.axes, overrides.axes):
        for name, values in source.items():
            axes[name] = axes[name].cut(name, values) if name in axes else _added_axis(experiment, name, values)
    return axes


def _added_axis(experiment: Experiment, name: str, values: Sequence[str]) -> Axis:
    """An axis that a flag adds to the experiment's own. Raises ConfigError where it cannot."""
    if name not in AXIS_KEYS:
        hint = did_you_mean(name, [*experiment.axes, *(key for key in AXIS_KEYS if key not in experiment.axes)])
        raise ConfigError(
            [f"{experiment.name} has no axis `{name}`"], hint=f"{hint}; a setting is changed with --set key=value"
        )
    _check_added(experiment, name)
    return Axis(key=AXIS_KEYS[name], values=list(values))


def _check_added(experiment: Experiment, name: str) -> None:
    """Raise ConfigError where an axis that a flag adds sets what arms of the experiment's own axes set."""
    for other, axis in experiment.axes.items():
        if AXIS_KEYS[name] in axis.varies() and name not in experiment.overridable:
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
    """The control's arms over the axes it follows; what it neither sets nor follows has no meaning for it."""
    followed = {name: axis for name, axis in axes.items() if name in control.follow}
    return [control.set | arm for arm in _product(followed)]
