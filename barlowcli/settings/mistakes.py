"""Mistakes in settings, in words: dotted key, what was expected, what was given, a did-you-mean."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from barlowcli.registry import METHODS, did_you_mean
from barlowcli.settings.base import Settings

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
            lines.append(f"{where}.name: {unknown_method(str(problem['ctx']['tag']))}")
            continue
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "string_pattern_mismatch":
            message = f"expected {NAME_RULE}"
        given = "" if problem["type"] in {"missing", "value_error"} else f", got {quoted(problem['input'])}"
        lines.append(f"{where}: {message[0].lower()}{message[1:]}{given}")
    if error.error_count() > len(lines):
        lines.append(f"and {error.error_count() - len(lines):,} more mistakes")
    return lines


def unknown_method(name: str) -> str:
    """What is said of a method that does not exist."""
    shown = name if len(name) <= MOST_LETTERS else f"{name[:MOST_LETTERS]}…"
    return f"no method named `{shown}`; {did_you_mean(name, METHODS.names())}"


def quoted(value: Any) -> str:
    """A value as it stands in a message: quoted, control characters as escapes, a long one cut."""
    text = repr(value)
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"


def known_keys(model: type[Settings], location: tuple[int | str, ...]) -> list[str]:
    """Names of the settings at `location` inside `model` (a pydantic error's `loc`), as a user types them."""
    fields: Mapping[str, Any] = model.model_fields
    for part in location:
        field = fields.get(str(part))
        inner = _models_in(field.annotation) if field is not None else []
        named = [m for m in inner if _tag(m) == part]
        if field is None or not inner:
            continue
        fields = {name: value for m in (named or inner) for name, value in m.model_fields.items()}
    return [field.alias or name for name, field in fields.items()]


def _models_in(annotation: Any) -> list[type[Settings]]:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return [annotation]
    return [m for argument in getattr(annotation, "__args__", ()) for m in _models_in(argument)]


def _tag(model: type[Settings]) -> Any:
    field = model.model_fields.get("name")
    return field.default if field is not None else None
