"""`barlow validate`: every mistake in an experiment file, under every preset, before anything is run."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any

import typer

from barlowcli.cli import output
from barlowcli.data.fingerprint import fingerprint_of
from barlowcli.errors import ConfigError, DataError
from barlowcli.experiment.files import load_experiment
from barlowcli.experiment.model import Experiment, Preset
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan
from barlowcli.registry import DATASETS
from barlowcli.settings.tables import expand, merge


def validate(
    experiment: Annotated[str, typer.Argument(help="Its name (`barlow ls experiments`) or the path of a TOML file.")],
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, all else on stderr.")] = False,
) -> None:
    """Check an experiment under each of its presets and say how large they are; run nothing, write nothing."""
    try:
        spec = load_experiment(experiment)
    except ConfigError as error:
        if as_json:
            output.print_json(as_value(None, [], dict.fromkeys(error.problems, ())))
        raise
    plans, errors = plan_presets(spec)
    mistakes = by_problem(errors)
    if as_json:
        output.print_json(as_value(spec, plans, mistakes))
    if mistakes:
        said = [f"{place(presets, spec)}: {problem}" for problem, presets in mistakes.items()]
        raise ConfigError(said, hint="; ".join(dict.fromkeys(error.hint for error in errors.values() if error.hint)))
    if not as_json:
        width = max(map(len, spec.presets))
        for plan in plans:
            output.say(f"{plan.preset.ljust(width)}  {summary(plan)}")


def plan_presets(spec: Experiment) -> tuple[list[Plan], dict[str, ConfigError]]:
    """The plans of the presets that have one; preset -> its mistakes, of the others."""
    plans, errors = [], {}
    for name in spec.presets:
        try:
            plans.append(plan_preset(spec, name))
        except ConfigError as error:
            errors[name] = error
    return plans, errors


def plan_preset(spec: Experiment, name: str) -> Plan:
    """The plan of one preset. Raises ConfigError with every mistake in its settings, and in the files of its data."""
    unusable = check_data(data_names(spec, spec.presets[name]))
    problems, hint = list(unusable.values()), ""
    try:
        plan = build_plan(with_other_data(spec, name, unusable), name, Overrides(), on_cuda=False)
    except ConfigError as error:
        problems += error.problems
        hint = error.hint
    except DataError as error:
        problems.append(data_problem(error))
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)), hint=hint)
    return plan


def data_names(spec: Experiment, preset: Preset) -> list[str]:
    """The data sets given by a path, each once, in settings, axes and controls as the preset has them."""
    axes = [preset.axes.get(name, axis.values) for name, axis in spec.axes.items()]
    shared = merge(expand(spec.settings), expand(preset.settings))
    controls = [control.set for control in spec.controls]
    found = texts([shared, preset.methods, axes, controls])
    return list(dict.fromkeys(text for text in found if DATASETS.has_path(text)))


def texts(value: Any) -> Iterator[str]:
    """Every text among nested values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from texts(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def check_data(names: Collection[str]) -> dict[str, str]:
    """Name -> what is wrong with its files, of those with something wrong."""
    problems = {}
    for name in names:
        try:
            fingerprint_of(name)
        except DataError as error:
            problems[name] = data_problem(error)
    return problems


def data_problem(error: DataError) -> str:
    """A mistake in data as one of the setting that names them."""
    return f"data.name: {error.message}" + (f"; {error.hint}" if error.hint else "")


def with_other_data(spec: Experiment, name: str, data: Collection[str]) -> Experiment:
    """The experiment with other data in place of `data` under one preset, so that the rest of it can be checked."""
    preset = spec.presets[name]
    parts = {part: stand_in(getattr(preset, part), data) for part in ("settings", "axes", "methods")}
    axes = {key: axis.model_copy(update={"values": stand_in(axis.values, data)}) for key, axis in spec.axes.items()}
    controls = [control.model_copy(update={"set": stand_in(control.set, data)}) for control in spec.controls]
    presets = {**spec.presets, name: preset.model_copy(update=parts)}
    settings = stand_in(spec.settings, data)
    return spec.model_copy(update={"settings": settings, "axes": axes, "controls": controls, "presets": presets})


def stand_in(value: Any, data: Collection[str]) -> Any:
    """Nested values with an embedded data set in place of each of `data`."""
    if isinstance(value, Mapping):
        return {key: stand_in(item, data) for key, item in value.items()}
    if isinstance(value, list):
        return [stand_in(item, data) for item in value]
    return DATASETS.check("colour-digits") if isinstance(value, str) and value in data else value


def by_problem(errors: Mapping[str, ConfigError]) -> dict[str, tuple[str, ...]]:
    """Problem -> the presets that have it."""
    found: dict[str, tuple[str, ...]] = {}
    for preset, error in errors.items():
        for problem in error.problems:
            found[problem] = (*found.get(problem, ()), preset)
    return found


def place(presets: Collection[str], spec: Experiment) -> str:
    """Where a mistake is: in a preset, in several or in every one, and then mostly in what they share."""
    if len(presets) == 1:
        return f"preset {next(iter(presets))}"
    return "every preset" if len(presets) == len(spec.presets) else f"presets {', '.join(presets)}"


def sizes(plan: Plan) -> dict[str, int]:
    """How many cells, arms (controls included), controls among them, and seeds a plan has."""
    arms = {(cell.control, tuple(cell.axes.values())) for cell in plan.cells}
    return {
        "cells": len(plan.cells),
        "arms": len(arms),
        "controls": sum(control for control, _ in arms),
        "seeds": len({cell.seed for cell in plan.cells}),
    }


def summary(plan: Plan) -> str:
    """The sizes in words; what a screening will add to them is not known before it was run."""
    size = sizes(plan)
    controls = f" ({size['controls']} of them controls)" if size["controls"] else ""
    more = ", and the winner of the screening" if plan.experiment.screen else ""
    return f"{size['cells']} cells, {size['arms']} arms{controls}, {size['seeds']} seeds{more}"


def as_value(
    spec: Experiment | None, plans: Collection[Plan], mistakes: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """What --json prints; a mistake without presets is one in the file itself."""
    return {
        "experiment": spec and spec.name,
        "presets": [{"preset": plan.preset, **sizes(plan)} for plan in plans],
        "mistakes": [{"presets": list(presets), "problem": problem} for problem, presets in mistakes.items()],
    }
