"""From what an arm asks for to the whole config of its cells: defaults filled in, every `auto` resolved, checked.

What cannot change a number is brought to one value, so that it cannot make two cells of one.
"""

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import ValidationError

from barlowcli.data.fingerprint import fingerprint
from barlowcli.errors import ConfigError
from barlowcli.registry import DATASETS, ENCODERS, METHODS, SHUFFLES, Registry, did_you_mean
from barlowcli.settings import (
    BranchSettings,
    CellConfig,
    DataSettings,
    EvaluationSettings,
    MethodSettings,
    Settings,
    TrainingSettings,
    ViewSettings,
)
from barlowcli.spec import Axis, describe, known_keys

METHOD_MODELS: dict[str, type[Settings]] = {
    model.model_fields["name"].default: model for model in get_args(get_args(MethodSettings)[0])
}
SECTIONS = ("data", "views", "method", "encoder", "projector", "training", "evaluation")
MOST_WARMUP = 0.25
"""Share of the epochs that warm-up may take at most, so that a run cut short still reaches its learning rate."""


def digest(value: Any) -> str:
    """First 12 hex digits of the SHA-256 of `value` as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def expand(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys -> nested tables; nested ones stay, and may hold dotted keys themselves."""
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        inner = expand(value) if isinstance(value, Mapping) else value
        for part in reversed(key.split(".")):
            inner = {part: inner}
        nested = merge(nested, inner)
    return nested


def merge(*tables: Mapping[str, Any]) -> dict[str, Any]:
    """Later tables over earlier ones, key by key at every depth."""
    merged: dict[str, Any] = {}
    for table in tables:
        for key, value in table.items():
            old = merged.get(key)
            merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def flatten(nested: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted keys of all values in nested tables."""
    for key, value in nested.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def base_of(shared: Mapping[str, Any], *, on_cuda: bool) -> Any:
    """What all cells of a plan share, whatever their axes: the settings, the defaults below them, the precision."""
    name = str(shared.get("data", {}).get("name", ""))
    place = {"data": {"name": fingerprint_of(name)}} if ":" in name else {}  # where files lie makes no difference
    precision = shared.get("training", {}).get("precision", "auto")
    defaults = [CellConfig(), *(model() for model in METHOD_MODELS.values())]
    return [
        merge(shared, place),
        ("bf16" if on_cuda else "fp32") if precision == "auto" else precision,
        [settings.model_dump(mode="json") for settings in defaults],
    ]


def check_shared(shared: Mapping[str, Any], flags: Mapping[str, Any], axes: Mapping[str, Axis]) -> list[str]:
    """What is wrong with settings before any arm is looked at: ones that would be ignored, and no tables."""
    problems = [
        f"{section}: expected settings of its own, for example {section}.name, got {shared[section]!r}"
        for section in SECTIONS
        if section in shared and not isinstance(shared[section], Mapping)
    ]
    if "seed" in shared:
        problems.append("seed: the seeds are 0 to n - 1; --seeds says how many")
    varied = {key: name for name, axis in axes.items() for value in axis.names() for key in axis.settings(value)}
    problems += [
        f"{key} is what the axis `{varied[key]}` varies; choose its values with --axis {varied[key]}=VALUE,…"
        for key in flatten(flags)
        if key in varied
    ]
    table = shared.get("method", {})
    if not isinstance(table, Mapping):
        return problems
    names = axes["method"].names() if "method" in axes else [table.get("name", "barlow")]
    unknown = [name for name in names if name not in METHOD_MODELS]
    if unknown:
        said = [
            f"method.name: no method named `{name}`; {did_you_mean(str(name), METHODS.names())}" for name in unknown
        ]
        return problems + said
    known = sorted({key for name in names for key in known_keys(METHOD_MODELS[name], ())})
    return problems + [
        f"method.{key}: no method of this grid ({', '.join(names)}) has it; {did_you_mean(key, known)}"
        for key in table
        if key not in known
    ]


def resolve(
    shared: Mapping[str, Any], axes: Mapping[str, Axis], arm: Mapping[str, str], *, on_cuda: bool
) -> CellConfig:
    """The config of one arm at seed 0. Raises ConfigError with every mistake in it."""
    chosen = [expand(axes[name].settings(value)) for name, value in arm.items() if value != "-"]
    value = merge(shared, *chosen)
    problems = _unknown_names(value)
    table = value.get("method", {})
    model = METHOD_MODELS.get(table.get("name", "barlow")) if isinstance(table, Mapping) else None
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
    """Names that a registry does not know."""
    defaults = CellConfig().model_dump()
    full = merge(defaults, {key: item for key, item in value.items() if isinstance(item, Mapping)})
    pairs = [
        (DATASETS, str(full["data"]["name"]).partition(":")[0], "data.name"),
        (ENCODERS, full["encoder"]["name"], "encoder.name"),
        (SHUFFLES, full["views"]["shuffle"], "views.shuffle"),
        *((SHUFFLES, domain, "evaluation.domains") for domain in full["evaluation"]["domains"]),
    ]
    return [
        f"{key}: no {registry.kind} named `{name}`; {_or_instead(str(name), registry)}"
        for registry, name, key in pairs
        if name not in registry.entries
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
    return config.model_copy(
        update={
            "data": _data(config.data),
            "views": _views(views) if method.trains else None,
            "method": _branches(method) if isinstance(method, BranchSettings) else method,
            "training": _training(training, on_cuda=on_cuda) if method.trains else None,
            "encoder": config.encoder if method.encodes else None,
            "projector": config.projector if method.encodes and method.name != "supervised" else None,
            "evaluation": _evaluation(config.evaluation, domains, encodes=method.encodes),
        }
    )


def _defaults(settings: Settings, *names: str) -> dict[str, Any]:
    return {name: type(settings).model_fields[name].default for name in names}


def _data(data: DataSettings) -> DataSettings:
    unused = [] if data.name.startswith(("folder:", "parquet:")) else ["test_fraction", "on_bad_image"]
    return data.model_copy(update={"fingerprint": fingerprint_of(data.name), **_defaults(data, *unused)})


def _views(views: ViewSettings) -> ViewSettings:
    grayscale = views.grayscale
    if grayscale == "auto":
        grayscale = "on" if views.jitter == "on" else "off"
    unused = []
    if views.jitter != "on":
        unused += ["jitter_probability", "brightness", "contrast", "saturation", "hue"]
    if grayscale == "off":
        unused.append("grayscale_probability")
    if not any(views.blur):
        unused.append("blur_sigma")
    return views.model_copy(update={"grayscale": grayscale, **_defaults(views, *unused)})


def _branches(method: Any) -> Any:
    unused = [] if method.target == "ema" else ["tau", "tau_schedule"]
    unused += [] if method.predictor else ["predictor_hidden"]
    return method.model_copy(update=_defaults(method, *unused))


def _training(training: TrainingSettings, *, on_cuda: bool) -> TrainingSettings:
    precision = training.precision
    if precision == "auto":
        precision = "bf16" if on_cuda else "fp32"
    warmup = min(training.warmup_epochs, MOST_WARMUP * training.epochs)
    unused = [] if training.optimizer == "lars" else ["lars_trust"]
    return training.model_copy(update={"precision": precision, "warmup_epochs": warmup, **_defaults(training, *unused)})


def _evaluation(evaluation: EvaluationSettings, domains: tuple[str, ...], *, encodes: bool) -> EvaluationSettings:
    if encodes:
        return evaluation.model_copy(update={"domains": domains, **_defaults(evaluation, "mlp_hidden", "mlp_epochs")})
    return evaluation.model_copy(update={"domains": ("none",), **_defaults(evaluation, "knn_k", "collapse_std")})


def _check_patches(domains: tuple[str, ...], side: int | None) -> None:
    """Blocks of a patch arm must tile the image; where its side is not known yet, the cell finds out."""
    sizes = {arm: int(arm.removeprefix("patch-")) for arm in domains if arm.startswith("patch-")}
    wrong = [arm for arm, size in sizes.items() if side is not None and side % size]
    if wrong:
        raise ConfigError([f"views.shuffle: {arm} does not tile images of {side} x {side} pixels" for arm in wrong])


@functools.cache
def fingerprint_of(name: str) -> str:
    """`data.fingerprint` of a data set, read once. Raises DataError where its files are not there."""
    return fingerprint(DataSettings(name=name))
