"""Values of an axis as text, and in order: numbers by size whatever the order that they were given in."""

import math
from collections.abc import Sequence
from typing import Any

from barlowcli.registry import SHUFFLES
from barlowcli.settings.numbers import number_of

PATCH = "patch"
"""The family of shuffle arms that has a place among intact and shuffled images."""


def axis_text(value: object) -> str:
    """How an axis value is written in tables and ids of arms."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return "-".join(axis_text(item) for item in value)
    if value is None:
        return "none"
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)  # two values that differ are two arms


def number(value: str) -> float:
    """An axis value as a number, to order by: "64" -> 64, "patch-4" -> 4, "none" -> infinity (a patch of any size)."""
    named = {"pixels": 1, "none": math.inf}
    try:
        return float(named.get(value) or SHUFFLES.number(value) or value)
    except ValueError:
        return math.inf


def is_number(value: object) -> bool:
    """Whether it is a number, and no switch."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def meant(text: str, names: Sequence[str]) -> str | None:
    """The one of `names` that a text means: by its letters, by its number, or in other letter case; None for none."""
    if text in names:
        return text
    value = number_of(text)
    same = [name for name in names if value is not None and number_of(name) == value]
    same = same or [name for name in names if name.casefold() == text.casefold()]
    return same[0] if len(same) == 1 else None


def in_order(values: list[Any]) -> list[Any]:
    """Numbers by size, and patches too; of words and numbers together each kind in the places that it has."""
    words = {value for value in values if not _kind(value)} if all(isinstance(v, str) for v in values) else None
    if words is not None and {_kind(value) for value in values} == {PATCH, ""} and words <= {"pixels", "none"}:
        return sorted(values, key=number)
    ordered = list(values)
    for kind in {_kind(value) for value in values} - {""}:
        places = [place for place, value in enumerate(values) if _kind(value) == kind]
        for place, value in zip(places, sorted((values[place] for place in places), key=_size), strict=True):
            ordered[place] = value
    return ordered


def _kind(value: Any) -> str:
    """Of what can be sorted by size, what it can be compared with: "number", "2 numbers", "patch"; "" for words."""
    if isinstance(value, (list, tuple)):
        return f"{len(value)} numbers" if value and all(map(is_number, value)) else ""
    if is_number(value) or (isinstance(value, str) and number_of(value) is not None):
        return "number"
    in_family = isinstance(value, str) and SHUFFLES.number(value) is not None
    return value.rpartition("-")[0] if in_family else ""


def _size(value: Any) -> Any:
    """What values of one kind are sorted by."""
    if not isinstance(value, str):
        return value
    own = number_of(value)
    return SHUFFLES.number(value) if own is None else own
