"""Mistakes in settings, in words: dotted key, what was expected, what was given, a did-you-mean; unknown names."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from barlowcli.entries import Registry, did_you_mean
from barlowcli.registry import DATASETS, METHODS
from barlowcli.settings.any_method import MethodSettings, settings_of
from barlowcli.settings.base import NameOf, Settings
from barlowcli.settings.numbers import odd_spelling

NAME_RULE = "small letters a to z, digits and hyphens, at most 64, no hyphen first"
MOST_PROBLEMS = 100
"""Of one file that are named one by one."""
MOST_LETTERS = 80
"""Of a value in a message."""


def describe(error: ValidationError, model: type[Settings], *, prefix: str = "") -> list[str]:
    """One line a mistake: dotted key, what is wrong, what was given, a did-you-mean for unknown keys."""
    lines = []
    for problem in error.errors(include_url=False)[:MOST_PROBLEMS]:
        parts = [part for part in (prefix, *map(str, problem["loc"])) if part]
        where = ".".join(part if part.isprintable() and len(part) <= MOST_LETTERS else quoted(part) for part in parts)
        if problem["type"] == "extra_forbidden":
            known = known_keys(model, problem["loc"][:-1])
            lines.append(f"{where}: no such key; {did_you_mean(str(problem['loc'][-1]), known)}")
            continue
        if problem["type"] == "union_tag_invalid":  # the only settings of which there are several kinds are a method's
            lines.append(f"{where}.name: {unknown(METHODS, str(problem['ctx']['tag']))}")
            continue
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "string_pattern_mismatch":
            message = f"expected {NAME_RULE}"
        given = "" if problem["type"] in {"missing", "value_error"} else f", got {quoted(problem['input'])}"
        given += _oddly(problem["input"]) if problem["type"] in {"float_parsing", "int_parsing"} else ""
        lines.append(f"{where}: {message[0].lower()}{message[1:]}{given}")
    if error.error_count() > len(lines):
        lines.append(f"and {error.error_count() - len(lines):,} more mistakes")
    return lines


def _oddly(given: Any) -> str:
    """Why a text is no number, where it looks like one."""
    why = odd_spelling(given) if isinstance(given, str) else ""
    return f" ({why})" if why else ""


def unknown(registry: Registry, name: str) -> str:
    """What is said of a name that the registry does not have."""
    if registry is DATASETS and "/" in name:
        return f"no {registry.kind} named `{name}`; images of your own are {' or '.join(DATASETS.at_path(name))}"
    shown = name if len(name) <= MOST_LETTERS else f"{name[:MOST_LETTERS]}…"
    return f"no {registry.kind} named `{shown}`; {did_you_mean(name, registry.names())}"


def unknown_names(model: type[Settings], tables: Mapping[str, Any]) -> list[str]:
    """Names in `tables`, the settings of each part of `model`, that their registry does not have.

    What is no text is not looked at here: `model` says so.
    """
    return [
        f"{section}.{key}: {unknown(mark.registry, name)}"
        for section, field in model.model_fields.items()
        if isinstance(table := tables.get(section), Mapping)
        for part in models_in(field.annotation)
        for key, mark in part.marked(NameOf)
        for name in _names(table.get(key), mark)
        if name not in mark.registry
    ]


def _names(value: Any, mark: NameOf) -> list[str]:
    """The names in a setting; of a data set's what stands before the path."""
    names = [one for one in (value if isinstance(value, (list, tuple)) else [value]) if isinstance(one, str)]
    return [name.partition(":")[0] for name in names] if mark.registry is DATASETS else names


def quoted(value: Any) -> str:
    """A value as it stands in a message: quoted, control characters as escapes, a long one cut."""
    text = repr(value)
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"


def known_keys(model: type[Settings], location: tuple[int | str, ...]) -> list[str]:
    """Names of the settings at `location` inside `model` (a pydantic error's `loc`), as a user types them."""
    for part in location:
        if model is MethodSettings and str(part) in METHODS:
            model = settings_of(str(part))
            continue
        field = model.model_fields.get(str(part))
        inner = models_in(field.annotation) if field is not None else []
        model = inner[0] if inner else model
    return [field.alias or name for name, field in model.model_fields.items()]


def models_in(annotation: Any) -> list[type[Settings]]:
    """The kinds of settings that a field of this type can hold."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return [annotation]
    return [m for argument in getattr(annotation, "__args__", ()) for m in models_in(argument)]
