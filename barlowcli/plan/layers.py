"""From what an arm asks for to the whole config of its cells: defaults filled in, every `auto` resolved, checked.

What cannot change a number is brought to one value, so that it cannot make two cells of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from pydantic import ValidationError

from barlowcli.data.fingerprint import fingerprint_of
from barlowcli.errors import ConfigError
from barlowcli.experiment.axes import Axis
from barlowcli.registry import DATASETS, ENCODERS, METHODS, SHUFFLES, Registry, did_you_mean
from barlowcli.settings.base import Settings, defaults
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.data import DataSettings
from barlowcli.settings.evaluation import EvaluationSettings
from barlowcli.settings.methods import BranchSettings, HistogramSettings, MethodSettings
from barlowcli.settings.mistakes import describe, known_keys, quoted, unknown_method
from barlowcli.settings.networks import ProjectorSettings
from barlowcli.settings.shuffles import tiles
from barlowcli.settings.switches import canonical, nonsense
from barlowcli.settings.tables import expand, flatten, look_up, merge, without
from barlowcli.settings.training import TrainingSettings
from barlowcli.settings.views import ViewSettings

METHOD_MODELS: dict[str, type[Settings]] = {
    model.model_fields["name"].default: model for model in get_args(get_args(MethodSettings)[0])
}
SECTIONS = ("data", "views", "method", "encoder", "projector", "training", "evaluation")
STRENGTHS = ("brightness", "contrast", "saturation", "hue")
MOST_WARMUP = 0.25
"""Share of the epochs that warm-up may take at most, so that a run cut short still reaches its learning rate."""


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


def base_of(given: Given, *, on_cuda: bool) -> Any:
    """What all cells of a plan share, whatever their axes: the settings, the defaults below them, the precision."""
    shared = given.everywhere
    name = str(shared.get("data", {}).get("name", ""))
    place = {"data": {"name": fingerprint_of(name)}} if ":" in name else {}  # where files lie makes no difference
    precision = shared.get("training", {}).get("precision", "auto")
    defaults = [CellConfig(), *(model() for model in METHOD_MODELS.values())]
    return [
        merge(shared, place),
        [given.by_method, given.fixed_by_method],
        ("bf16" if on_cuda else "fp32") if precision == "auto" else precision,
        [settings.model_dump(mode="json") for settings in defaults],
    ]


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
    varied = {
        key: name
        for name, axis in axes.items()
        for value in axis.names()
        for key in flatten(expand(axis.settings(value)))
    }
    problems += [
        f"{key} is what the axis `{varied[key]}` varies; choose its values with --axis {varied[key]}=VALUE,…"
        for key in flatten(given.flags)
        if key in varied
    ]
    problems += _check_by_method(given.by_method) + _check_by_method(given.fixed_by_method)
    table = shared.get("method", {})
    if not isinstance(table, Mapping):
        return problems
    names = methods_of(shared, axes)
    unknown = [name for name in names if name not in METHOD_MODELS]
    if unknown:
        return problems + [f"method.name: {unknown_method(str(name))}" for name in unknown]
    known = sorted({key for name in names for key in known_keys(METHOD_MODELS[name], ())})
    return problems + [
        f"method.{key}: no method of this grid ({', '.join(names)}) has it; {did_you_mean(key, known)}"
        for key in table
        if key not in known
    ]


def _check_by_method(by_method: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Methods and keys of methods that a preset names and that do not exist."""
    found = []
    for name, settings in by_method.items():
        if name not in METHOD_MODELS:
            found.append(f"methods.{name}: no method of that name; {did_you_mean(name, METHODS.names())}")
            continue
        known = known_keys(METHOD_MODELS[name], ())
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
        except ConfigError:
            same = False  # without it the rest makes no sense
        if same:
            found.append(f"{key}: no cell of this grid uses it")
    return found


def _same_anyway(given: Given, methods: Sequence[str], key: str, value: Any) -> bool:
    """Whether `key` has that value already, by a setting or by default."""
    section, _, name = key.partition(".")
    there = look_up(given.everywhere, key)
    models = [METHOD_MODELS[method] for method in methods] if section == "method" else [_model_of(section)]
    fields = [
        field
        for model in models
        for known, field in getattr(model, "model_fields", {}).items()
        if name in (known, field.alias)
    ]
    return value == there or (there is None and any(value == field.default for field in fields))


def _model_of(section: str) -> type:
    return type(getattr(CellConfig(), section, None))


def resolve(given: Given, axes: Mapping[str, Axis], arm: Mapping[str, str], *, on_cuda: bool) -> CellConfig:
    """The config of one arm at seed 0. Raises ConfigError with every mistake in it."""
    chosen = [expand(axes[name].settings(value)) for name, value in arm.items()]
    table = merge(given.everywhere, *chosen).get("method", {})
    name = str(table.get("name", "barlow")) if isinstance(table, Mapping) else "barlow"
    value = merge(given.of(name), *chosen)
    problems = _unknown_names(value)
    table = value.get("method", {})
    model = METHOD_MODELS.get(name) if isinstance(table, Mapping) else None
    if model is not None:
        own = set(known_keys(model, ()))
        value["method"] = {"name": "barlow"} | {key: item for key, item in table.items() if key in own}
    try:
        config = CellConfig.model_validate(value)
    except ValidationError as error:
        raise ConfigError([*describe(error, CellConfig), *problems]) from error
    if problems:
        raise ConfigError(problems)
    return _canonical(config, on_cuda=on_cuda)


def _unknown_names(value: Mapping[str, Any]) -> list[str]:
    """Names that a registry does not know; what is no text is said by the check of the config."""
    defaults = CellConfig().model_dump()
    full = merge(defaults, {key: item for key, item in value.items() if isinstance(item, Mapping)})
    data, domains = full["data"]["name"], full["evaluation"]["domains"]
    pairs = [
        (DATASETS, data.partition(":")[0] if isinstance(data, str) else data, "data.name"),
        (ENCODERS, full["encoder"]["name"], "encoder.name"),
        (SHUFFLES, full["views"]["shuffle"], "views.shuffle"),
        *((SHUFFLES, name, "evaluation.domains") for name in (domains if isinstance(domains, (list, tuple)) else ())),
    ]
    return [
        f"{key}: no {registry.kind} named `{name}`; {_or_instead(name, registry)}"
        for registry, name, key in pairs
        if isinstance(name, str) and name not in registry
    ]


def _or_instead(name: str, registry: Registry) -> str:
    if registry is DATASETS and "/" in name:
        return f"images of your own are folder:{name} or parquet:{name}"
    return did_you_mean(name, registry.names())


def _canonical(config: CellConfig, *, on_cuda: bool) -> CellConfig:
    """Resolve every `auto`, drop the stages that the method does not have, and settings that do nothing."""
    views, training, method = config.views, config.training, config.method
    if views is None or training is None or config.encoder is None:
        raise ConfigError(["views, training and encoder cannot be switched off"])
    domains = tuple(dict.fromkeys((*config.evaluation.domains, views.shuffle)))
    _check_patches(domains, config.data.image_size)
    if isinstance(method, BranchSettings) and (problems := nonsense(method)):
        raise ConfigError(problems)
    return config.model_copy(
        update={
            "data": _data(config.data),
            "views": _views(views) if method.trains else None,
            "method": canonical(method) if isinstance(method, BranchSettings) else method,
            "training": _training(training, on_cuda=on_cuda) if method.trains else None,
            "encoder": config.encoder if method.encodes else None,
            "projector": _projector(config.projector) if method.encodes and method.name != "supervised" else None,
            "evaluation": _evaluation(config.evaluation, domains, method),
        }
    )


def _data(data: DataSettings) -> DataSettings:
    unused = [] if data.name.startswith(("folder:", "parquet:")) else ["test_fraction", "on_bad_image"]
    return data.model_copy(update={"fingerprint": fingerprint_of(data.name), **defaults(data, *unused)})


def _views(views: ViewSettings) -> ViewSettings:
    grayscale = views.grayscale
    if grayscale == "auto":
        grayscale = "on" if views.jitter == "on" else "off"
    strengths = {name: getattr(views, name) * views.jitter_strength for name in STRENGTHS}
    unused = ["jitter_strength"]
    if views.jitter != "on":
        unused += ["jitter_probability", *STRENGTHS]
    if grayscale == "off":
        unused.append("grayscale_probability")
    if not any(views.blur):
        unused.append("blur_sigma")
    return views.model_copy(update={"grayscale": grayscale, **strengths, **defaults(views, *unused)})


def _projector(projector: ProjectorSettings | None) -> ProjectorSettings | None:
    """`tied` is the width it comes to, so that it is one cell with the same width asked for by number."""
    if projector is None:
        return None
    if projector.layers == 1:
        return projector.model_copy(update=defaults(projector, "hidden", "batch_norm"))
    hidden = projector.dim if projector.hidden == "tied" else projector.hidden
    return projector.model_copy(update={"hidden": hidden})


def _training(training: TrainingSettings, *, on_cuda: bool) -> TrainingSettings:
    precision = training.precision
    if precision == "auto":
        precision = "bf16" if on_cuda else "fp32"
    warmup = min(training.warmup_epochs, MOST_WARMUP * training.epochs)
    unused = [] if training.optimizer == "lars" else ["lars_trust"]
    return training.model_copy(update={"precision": precision, "warmup_epochs": warmup, **defaults(training, *unused)})


def _evaluation(evaluation: EvaluationSettings, domains: tuple[str, ...], method: Settings) -> EvaluationSettings:
    unused = [] if getattr(method, "target", "") == "ema" else ["target"]
    if isinstance(method, HistogramSettings):
        domains, unused = ("none",), [*unused, "knn_k", "collapse_std"]
    else:
        unused += ["mlp_hidden", "mlp_epochs"]
    return evaluation.model_copy(update={"domains": domains, **defaults(evaluation, *unused)})


def _check_patches(domains: tuple[str, ...], side: int | None) -> None:
    """Blocks of a patch arm must tile the image; where its side is not known yet, the cell finds out."""
    wrong = [arm for arm in domains if side is not None and not tiles(arm, side)]
    if wrong:
        raise ConfigError([f"views.shuffle: {arm} does not tile images of {side} x {side} pixels" for arm in wrong])
