"""Settings as nested tables, and their dotted keys."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


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


def look_up(nested: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key, None where there is none."""
    value: Any = nested
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def without(nested: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    """The tables less the value at `path`."""
    first, *rest = path
    if not rest:
        return {key: value for key, value in nested.items() if key != first}
    return {key: without(value, rest) if key == first else value for key, value in nested.items()}
