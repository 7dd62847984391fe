"""From the layers of what is asked for (experiment, preset, flags, axes) to the config of an arm's cells, checked.

The config is canonical: what cannot change a number is brought to one value, so that it cannot make two cells of one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from barlowcli.data.fingerprint import fingerprint_of
from barlowcli.data.paths import located
from barlowcli.entries import did_you_mean
from barlowcli.errors import ConfigError, DataError
from barlowcli.experiment.axes import Axis
from barlowcli.registry import METHODS
from barlowcli.settings import methods
from barlowcli.settings.any_method import settings_of
from barlowcli.settings.cell import CellConfig, without_later
from barlowcli.settings.mistakes import describe, known_keys, quoted, unknown, unknown_names
from barlowcli.settings.tables import expand, flatten, look_up, merge, without
from barlowcli.settings.training import precision_on
from barlowcli.settings.values import misread, read_all

SECTIONS = ("data", "views", "method", "encoder", "projector", "training", "evaluation")


NOTHING: Mapping[str, Any] = {}
WARMUP = "training.warmup_epochs"


@dataclass(frozen=True)
class Given:
    """The settings of a plan before its arms, nested: of file and preset; of the preset by method; what the experiment
    fixes, and by method; of the flags. Later ones go over earlier ones."""

    shared: Mapping[str, Any]
    by_method: Mapping[str, Mapping[str, Any]]
    flags: Mapping[str, Any]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    fixed_by_method: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def everywhere(self) -> dict[str, Any]:
        """What holds whatever the method."""
        return merge(self.shared, self.fixed, self.flags)

    def of(self, method: str) -> dict[str, Any]:
        """What holds for a method: its own over the shared, the flags over both."""
        own, fixed = self.by_method.get(method, {}), self.fixed_by_method.get(method, {})
        return merge(self.shared, own, self.fixed, fixed, self.flags)


def read_values(given: Given, axes: Mapping[str, Axis]) -> Given:
    """The same layers, every value as its field has it: how it was spelled makes no difference to anything."""
    names = [name for name in methods_of(given.everywhere, axes) if name in METHODS]

    def read(tables: Mapping[str, Any], methods: Sequence[str] = names) -> dict[str, Any]:
        found = read_all(tables, methods)
        data = found.get("data")
        if isinstance(data, dict) and isinstance(data.get("name"), str):
            data["name"] = located(data["name"])
        return found

    def read_each(by_method: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        return {name: read(tables, [name] if name in METHODS else []) for name, tables in by_method.items()}

    return Given(
        read(given.shared),
        read_each(given.by_method),
        read(given.flags),
        read(given.fixed),
        read_each(given.fixed_by_method),
    )


def base_of(given: Given, used: Iterable[str], *, on_cuda: bool) -> Any:
    """What all cells of a plan share, whatever their axes: the settings, the defaults below them, the precision.

    used: the methods of its cells.
    """
    shared = given.everywhere
    name = str(shared.get("data", {}).get("name", ""))
    # where files lie makes no difference; images that cannot be read are refused where a cell says so
    place = {"data": {"name": fingerprint_of(name, "skip")}} if ":" in name else {}
    precision = shared.get("training", {}).get("precision", "auto")
    defaults = [CellConfig(), *(settings_of(method)() for method in _methods_of_a_base(used))]
    by_method = [
        {method: _as_once_spelled(tables) for method, tables in layer.items()}
        for layer in (given.by_method, given.fixed_by_method)
    ]
    return [
        _as_once_spelled(merge(shared, place)),
        by_method,
        precision_on(precision, on_cuda=on_cuda),
        [without_later(settings.model_dump(mode="json"), type(settings)) for settings in defaults],
    ]


def _as_once_spelled(tables: Mapping[str, Any]) -> Mapping[str, Any]:
    """The tables with a whole number of epochs of warm-up as an integer, which experiment files have it as: written
    otherwise, every frozen plan would be one of another base."""
    epochs = look_up(tables, WARMUP)
    whole = isinstance(epochs, float) and epochs.is_integer()
    return merge(tables, expand({WARMUP: int(epochs)})) if whole else tables


def _methods_of_a_base(used: Iterable[str]) -> list[str]:
    """The methods whose defaults a base is a digest of: all that come with barlow, those that are trained first, and
    others where they are used. Another list or order would make every frozen plan one of another base."""
    own = [name for name, entry in METHODS.entries.items() if entry.settings.startswith(f"{methods.__name__}:")]
    return [*sorted(own, key=lambda name: not settings_of(name).trains), *sorted(set(used) - set(own))]


def check_shared(given: Given, axes: Mapping[str, Axis]) -> list[str]:
    """What is wrong with settings before any arm is looked at: ones that would be ignored, and no tables."""
    shared = given.everywhere
    problems = [
        f"{section}: expected settings of its own, for example {section}.name, got {shared[section]!r}"
        for section in SECTIONS
        if section in shared and not isinstance(shared[section], Mapping)
    ]
    if "seed" in shared:
        problems.append("seed: the seeds are 0 to n - 1; --seeds says how many")
    varied = {key: name for name, axis in axes.items() for key in axis.varies()}
    problems += [
        f"{key} is what the axis `{varied[key]}` varies; choose its values with --axis {varied[key]}=VALUE,…"
        for key in flatten(given.flags)
        if key in varied
    ]
    problems += _misread(given) + [problem for axis in axes.values() for problem in axis.mistakes()]
    problems += _check_by_method(given.by_method) + _check_by_method(given.fixed_by_method)
    table = shared.get("method", {})
    if not isinstance(table, Mapping):
        return problems
    names = methods_of(shared, axes)
    missing = [name for name in names if name not in METHODS]
    if missing:
        return problems + [f"method.name: {unknown(METHODS, name)}" for name in missing]
    known = sorted({key for name in names for key in known_keys(settings_of(name), ())})
    return problems + [
        f"method.{key}: no method of this grid ({', '.join(names)}) has it; {did_you_mean(key, known)}"
        for key in table
        if key not in known
    ]


def _misread(given: Given) -> list[str]:
    """Values of flags and file that their fields would take for others."""
    layers = [given.everywhere, *given.by_method.values(), *given.fixed_by_method.values()]
    found = [
        misread(f"{section}.{key}", value)
        for layer in layers
        for section, table in layer.items()
        for key, value in (table.items() if isinstance(table, Mapping) else ())
    ]
    return [problem for problem in found if problem]


def _check_by_method(by_method: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Methods and keys of methods that a preset names and that do not exist."""
    found = []
    for name, settings in by_method.items():
        if name not in METHODS:
            found.append(f"methods.{name}: no method of that name; {did_you_mean(name, METHODS.names())}")
            continue
        known = known_keys(settings_of(name), ())
        table = settings.get("method", {})
        if not isinstance(table, Mapping):
            found.append(f"methods.{name}.method: expected settings of the method, got {quoted(table)}")
            continue
        found += [
            f"methods.{name}.method.{key}: no such key; {did_you_mean(key, known)}" for key in table if key not in known
        ]
    return found


def methods_of(shared: Mapping[str, Any], axes: Mapping[str, Axis]) -> list[str]:
    """Names of all methods of a grid: the values of the axis that sets method.name, else the one that is set."""
    found = []
    for axis in axes.values():
        named = [look_up(expand(axis.settings(value)), "method.name") for value in axis.names()]
        found += [str(name or look_up(shared, "method.name") or "barlow") for name in named if any(named)]
    return list(dict.fromkeys(found)) or [str(look_up(shared, "method.name") or "barlow")]


def idle(given: Given, axes: Mapping[str, Axis], arms: Sequence[Mapping[str, str]], *, on_cuda: bool) -> list[str]:
    """What a flag sets and no cell of these arms uses: without it, every one of them is the same."""
    asked = [resolve(given, axes, arm, on_cuda=on_cuda) for arm in arms] if given.flags else []
    methods = methods_of(given.everywhere, axes)
    found = []
    for key in flatten(given.flags):
        less = replace(given, flags=without(given.flags, key.split(".")))
        if _same_anyway(less, methods, key, look_up(given.flags, key)):
            continue
        try:
            same = all(resolve(less, axes, arm, on_cuda=on_cuda) == cell for arm, cell in zip(arms, asked, strict=True))
        except (ConfigError, DataError):
            same = False  # without it the rest makes no sense, or files that are skipped cannot be read
        if same:
            found.append(f"{key}: no cell of this grid uses it")
    return found


def _same_anyway(given: Given, methods: Sequence[str], key: str, value: Any) -> bool:
    """Whether `key` has that value already, by a setting or by default."""
    section, _, name = key.partition(".")
    there = look_up(given.everywhere, key)
    models = [settings_of(method) for method in methods] if section == "method" else [_model_of(section)]
    fields = [
        field
        for model in models
        for known, field in getattr(model, "model_fields", {}).items()
        if name in (known, field.alias)
    ]
    defaults = [list(default) if isinstance(default := field.default, tuple) else default for field in fields]
    return value == there or (there is None and value in defaults)


def _model_of(section: str) -> type:
    return type(getattr(CellConfig(), section, None))


def resolve(
    given: Given, axes: Mapping[str, Axis], arm: Mapping[str, str], *, on_cuda: bool, tuned: Mapping[str, Any] = NOTHING
) -> CellConfig:
    """The config of one arm at seed 0. tuned: dotted keys that no layer below sets; of a method's settings those that
    it does not have are left out. Raises ConfigError with every mistake in it."""
    chosen = [*(expand(axes[name].settings(value)) for name, value in arm.items()), expand(tuned)]
    table = merge(given.everywhere, *chosen).get("method", {})
    name = str(table.get("name", "barlow")) if isinstance(table, Mapping) else "barlow"
    value = merge(given.of(name), *chosen)
    problems = unknown_names(CellConfig, value)
    table = value.get("method", {})
    if isinstance(table, Mapping) and name in METHODS:
        own = known_keys(settings_of(name), ())
        value["method"] = {"name": "barlow"} | {key: item for key, item in table.items() if key in own}
    try:
        config = CellConfig.model_validate(value)
    except ValidationError as error:
        raise ConfigError([*describe(error, CellConfig), *problems]) from error
    if problems:
        raise ConfigError(problems)
    canonical = config.canonical(on_cuda=on_cuda)
    digest = fingerprint_of(canonical.data.name, canonical.data.on_bad_image)
    data = canonical.data.model_copy(update={"fingerprint": digest})
    return canonical.model_copy(update={"data": data})
