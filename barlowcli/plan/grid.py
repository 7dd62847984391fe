"""Experiment x flags x seeds -> the plan: every cell with its resolved config."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from barlowcli.entries import did_you_mean
from barlowcli.errors import ConfigError
from barlowcli.experiment.axes import AXIS_KEYS, Axis
from barlowcli.experiment.first_stage import Tune
from barlowcli.experiment.model import MOST_CELLS, Experiment, Preset, grid_size
from barlowcli.plan.arms import Maker, PlannedArm, grid_arms, screen_axis, screened_arms
from barlowcli.plan.layers import Given, base_of, check_shared, idle, methods_of, read_values
from barlowcli.plan.plan import Choice, Plan, PlannedCell
from barlowcli.plan.trials import Tuned, plan_screening, plan_tuning
from barlowcli.registry import METHODS
from barlowcli.settings.any_method import settings_of
from barlowcli.settings.cell import digest
from barlowcli.settings.mistakes import known_keys
from barlowcli.settings.tables import expand, flatten, merge


@dataclass(frozen=True)
class Overrides:
    """What the flags say. axes: axis -> values; settings: dotted key -> value; seeds: how many, or None."""

    axes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    seeds: int | None = None


def build_plan(
    experiment: Experiment,
    preset_name: str,
    overrides: Overrides,
    *,
    on_cuda: bool,
    winner: str = "",
    tuned: Sequence[Choice] = (),
) -> Plan:
    """All cells of `experiment` under a preset and the flags, as far as the first stages' choices are known.

    tuned: the settings chosen for groups of arms; winner: of a screening. Raises ConfigError with every mistake:
    unknown preset, axis, setting or value; a setting no cell has.
    """
    preset = _preset(experiment, preset_name)
    seeds = overrides.seeds or preset.seeds
    cut = _cut_axes(experiment, preset, overrides)
    _check_size({name: len(axis.values) for name, axis in cut.items()}, seeds)
    experiment = experiment.model_copy(update={"axes": cut}).after(experiment)
    given = read_values(_given(experiment, preset, overrides), experiment.axes)
    make = Maker(given, experiment.axes, on_cuda)
    tune = tuning_of(experiment, preset_name, overrides)
    make.problems.update(dict.fromkeys([*check_shared(given, experiment.axes), *_check_recipe(preset, given, cut)]))
    make.problems.update(dict.fromkeys(_check_tune(tune, given, cut)))
    arms, screened = grid_arms(experiment, cut, seeds, winner), screened_arms(experiment, cut)
    stage = plan_tuning(tune, [*arms, *screened], tuned, make)
    first = (*stage.cells, *plan_screening(screen_axis(experiment), screened, stage, make))
    cells = _merged(arms, stage, make)
    if not make.problems:
        make.problems.update(dict.fromkeys(idle(given, make.axes, [arm.axes for arm in arms], on_cuda=on_cuda)))
    if make.problems:
        hint = "`barlow ls` lists names; --dry-run --json of a plan without mistakes shows every setting"
        raise ConfigError(list(make.problems), hint=hint)
    values = {name: axis.names() for name, axis in cut.items()}
    base = _base(given, [*first, *cells], experiment, tune, on_cuda=on_cuda)
    plan = Plan(
        experiment=experiment,
        preset=preset_name,
        base=base,
        cells=(),
        values=values,
        winner=winner,
        first=first,
        tuned=stage.choices,
    )
    return plan.with_cells(cell.blanked(values) for cell in cells)


def tuning_of(experiment: Experiment, preset: str, overrides: Overrides) -> Tune | None:
    """What is tuned under a preset, less what flags set; None where nothing is left."""
    tune = experiment.tuned_under(preset)
    left = tune.without({*flatten(expand(overrides.settings))}) if tune is not None else None
    return left if left is not None and left.values else None


def _merged(arms: Sequence[PlannedArm], stage: Tuned, make: Maker) -> list[PlannedCell]:
    """The cells of the arms that are tuned already, or need not be; arms that come to one cell are one."""
    cells: dict[str, PlannedCell] = {}
    for arm in arms:
        settings = stage.settings(arm.axes)
        if settings is None:
            continue
        for cell in make.cells(arm, settings):
            cells[cell.id] = cells[cell.id].merged(cell) if cell.id in cells else cell
    return list(cells.values())


def _base(
    given: Given, cells: Iterable[PlannedCell], experiment: Experiment, tune: Tune | None, *, on_cuda: bool
) -> str:
    """Digest of what all cells share; which settings were tuned is part of it, and what they were chosen among not."""
    used = {cell.config.method.name for cell in cells}
    parts: list[Any] = [base_of(given, used, on_cuda=on_cuda), sorted(experiment.axes)]
    return digest([*parts, [tune.per, sorted(tune.values)]] if tune is not None else parts)


def _check_tune(tune: Tune | None, given: Given, axes: Mapping[str, Axis]) -> list[str]:
    """Tuned settings of a method that no method of the grid has; others are found with the cells."""
    if tune is None:
        return []
    methods = [name for name in methods_of(given.everywhere, axes) if name in METHODS]
    known = sorted({key for name in methods for key in known_keys(settings_of(name), ())})
    keys = [key.partition(".")[2] for key in tune.values if key.startswith("method.")]
    return [
        f"tune.values: no method of this grid ({', '.join(methods)}) has method.{key}; {did_you_mean(key, known)}"
        for key in keys
        if key not in known
    ]


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
