"""Settings as nested tables, their dotted keys, and how they are read from text."""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MOST_DEPTH = 32
"""Of nested tables, lists and dotted keys together; an experiment file has seven."""
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
LONG_KEY = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{{MOST_DEPTH}}}")
"""A dotted key deeper than that, which takes tomllib minutes where it is long."""
TOO_DEEP = f"nested more than {MOST_DEPTH} deep"
LARGEST = 2**63 - 1
"""TOML's integers have 64 bits; tomllib's have as many as there are digits."""


def read_toml(text: str) -> dict[str, Any]:
    """TOML as nested tables. Raises ValueError with the reason where it is none, or nested without end."""
    if LONG_KEY.search(text):
        raise ValueError(TOO_DEEP)
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error


def unusable(value: Any, key: str = "", depth: int = 0) -> Iterator[str]:
    """What no setting can be, each with its key: numbers that are not finite or too long, and endless nesting."""
    if depth > MOST_DEPTH:
        yield f"{key}: {TOO_DEEP}"
    elif isinstance(value, Mapping):
        for name, item in value.items():
            deeper = depth + 1 + name.count(".")
            yield from unusable(item, f"{key}.{name}" if key else name, deeper)
            if not _is_text(name):
                yield f"{key}: a key that is not valid UTF-8"
    elif isinstance(value, list):
        for item in value:
            yield from unusable(item, key, depth + 1)
    elif isinstance(value, int) and abs(value) > LARGEST:
        yield f"{key}: an integer of more than 64 bits"
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{key}: expected a finite number, got {value}"
    elif isinstance(value, str) and not _is_text(value):
        yield f"{key}: not valid UTF-8"


def _is_text(text: str) -> bool:
    """Whether it can be written to a file: an argument of a command can be any bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
