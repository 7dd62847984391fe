"""An experiment file checked under each of its presets: its plans, or every mistake; nothing is run."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from barlowcli.data.fingerprint import fingerprint_of
from barlowcli.errors import ConfigError, DataError
from barlowcli.experiment.model import Experiment, Preset
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan
from barlowcli.registry import DATASETS
from barlowcli.settings.tables import expand, merge


@dataclass(frozen=True)
class Validation:
    """plans: of the presets without a mistake. mistakes: problem -> the presets that have it. hint: what to do."""

    experiment: Experiment
    plans: tuple[Plan, ...]
    mistakes: Mapping[str, tuple[str, ...]]
    hint: str

    def check(self) -> None:
        """Raise ConfigError with every mistake and where it is."""
        if self.mistakes:
            said = [f"{self._place(presets)}: {problem}" for problem, presets in self.mistakes.items()]
            raise ConfigError(said, hint=self.hint)

    def _place(self, presets: Collection[str]) -> str:
        """In a preset, in several or in every one, and then mostly in what they share."""
        if len(presets) == 1:
            return f"preset {next(iter(presets))}"
        every = len(presets) == len(self.experiment.presets)
        return "every preset" if every else f"presets {', '.join(presets)}"


def validate(experiment: Experiment) -> Validation:
    """Plan every preset; of those that cannot be planned gather the mistakes."""
    plans, mistakes = [], dict[str, tuple[str, ...]]()
    hints: list[str] = []
    for name in experiment.presets:
        try:
            plans.append(plan_preset(experiment, name))
        except ConfigError as error:
            hints += [error.hint] if error.hint else []
            for problem in error.problems:
                mistakes[problem] = (*mistakes.get(problem, ()), name)
    return Validation(experiment, tuple(plans), mistakes, "; ".join(dict.fromkeys(hints)))


def plan_preset(experiment: Experiment, name: str) -> Plan:
    """The plan of one preset. Raises ConfigError with every mistake in its settings, and in the files of its data."""
    unusable = check_data(data_names(experiment, experiment.presets[name]))
    problems, hint = list(unusable.values()), ""
    try:
        plan = build_plan(with_other_data(experiment, name, unusable), name, Overrides(), on_cuda=False)
    except ConfigError as error:
        problems += error.problems
        hint = error.hint
    except DataError as error:
        problems.append(data_problem(error))
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)), hint=hint)
    return plan


def data_names(experiment: Experiment, preset: Preset) -> list[str]:
    """The data sets given by a path, each once, in settings, axes and controls as the preset has them."""
    axes = [preset.axes.get(name, axis.values) for name, axis in experiment.axes.items()]
    shared = merge(expand(experiment.settings), expand(preset.settings))
    controls = [control.set for control in experiment.controls]
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
    """Name -> what is wrong with its files, of those with something wrong; images alone may be skipped by the plan."""
    problems = {}
    for name in names:
        try:
            fingerprint_of(name, "skip")
        except DataError as error:
            problems[name] = data_problem(error)
    return problems


def data_problem(error: DataError) -> str:
    """A mistake in data as one of the setting that names them."""
    return f"data.name: {error.message}" + (f"; {error.hint}" if error.hint else "")


def with_other_data(experiment: Experiment, name: str, data: Collection[str]) -> Experiment:
    """The experiment with other data in place of `data` under one preset, so that the rest of it can be checked."""
    preset = experiment.presets[name]
    parts = {part: embedded(getattr(preset, part), data) for part in ("settings", "axes", "methods")}
    axes = {
        key: axis.model_copy(update={"values": embedded(axis.values, data)}) for key, axis in experiment.axes.items()
    }
    controls = [control.model_copy(update={"set": embedded(control.set, data)}) for control in experiment.controls]
    presets = {**experiment.presets, name: preset.model_copy(update=parts)}
    settings = embedded(experiment.settings, data)
    return experiment.model_copy(update={"settings": settings, "axes": axes, "controls": controls, "presets": presets})


def embedded(value: Any, data: Collection[str]) -> Any:
    """Nested values with an embedded data set in place of each of `data`."""
    if isinstance(value, Mapping):
        return {key: embedded(item, data) for key, item in value.items()}
    if isinstance(value, list):
        return [embedded(item, data) for item in value]
    return DATASETS.check("colour-digits") if isinstance(value, str) and value in data else value


@dataclass(frozen=True)
class Size:
    """How large a plan is. arms: controls included; controls: those among the arms."""

    cells: int
    arms: int
    controls: int
    seeds: int


def size_of(plan: Plan) -> Size:
    """Count the cells, arms, controls and seeds of a plan."""
    arms = {(cell.control, cell.label()) for cell in plan.all_cells}
    controls = sum(control for control, _ in arms)
    return Size(len(plan.all_cells), len(arms), controls, len({cell.seed for cell in plan.cells or plan.first}))
