"""An axis of the grid: one factor, its values and the settings that they stand for."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    InstanceOf,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from barlowcli.entries import did_you_mean
from barlowcli.errors import ConfigError
from barlowcli.registry import SHUFFLES
from barlowcli.settings.base import Settings
from barlowcli.settings.mistakes import quoted
from barlowcli.settings.tables import expand, flatten

SHUFFLE = "views.shuffle"
"""The setting whose axis says in which domain an arm is at home."""
AXIS_KEYS = {
    "method": "method.name",
    "shuffle": SHUFFLE,
    "jitter": "views.jitter",
    "grayscale": "views.grayscale",
    "dims": "projector.dim",
}
"""Axes that have a flag of their own, and the setting each stands for."""
_NONE, _SAME = "-", "|"
"""In files and tables: no value, and what stands between several."""


@dataclass(frozen=True)
class AxisValue:
    """Where a cell or an arm lies on an axis: at one value, at several that come to the same cell, or at none.

    At none lies a cell to which the axis makes no difference: all values of the grid come to it, or, for a control, the
    axis has no meaning. In files and tables it is text: "64", "16|32", "-".
    """

    values: tuple[str, ...] = ()

    @classmethod
    def read(cls, text: str) -> "AxisValue":
        """The value that a file or a flag has as text."""
        return cls() if text == _NONE else cls(tuple(text.split(_SAME)))

    def __str__(self) -> str:
        return _SAME.join(self.values) or _NONE

    def __bool__(self) -> bool:
        return bool(self.values)

    def __or__(self, other: "AxisValue") -> "AxisValue":
        """At the values of both."""
        return AxisValue(tuple(dict.fromkeys([*self.values, *other.values])))

    def covers(self, values: Collection[str]) -> bool:
        """Whether it lies at every one of these values."""
        return {*values} <= {*self.values}


NOWHERE = AxisValue()
"""An axis that makes no difference, or has no meaning."""


def _as_value(value: object) -> object:
    return AxisValue.read(value) if isinstance(value, str) else value


AxisText = Annotated[
    InstanceOf[AxisValue], BeforeValidator(_as_value), PlainSerializer(str), WithJsonSchema({"type": "string"})
]
"""An axis value that is text in a file."""


class Axis(Settings):
    """One factor of the grid.

    values: a list of values of the setting `key`; or a table, name -> settings, where one value of the axis
    sets several keys at once (then without `key`).
    """

    key: str = ""
    values: list[Any] | dict[str, dict[str, Any]]
    says: str = ""
    """How a value is said to a reader, for example "D = {value}"; "" for the axis's name and the value."""
    words: dict[str, str] = {}
    """Value -> what a reader calls it, where it has a word of its own."""

    @model_serializer(mode="wrap")
    def _without_empty_words(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A plan says of an axis what its file says of it."""
        return {name: value for name, value in serialize(self).items() if value or name not in ("says", "words")}

    @model_validator(mode="after")
    def _one_form(self) -> "Axis":
        if not self.values:
            raise ValueError("an axis needs at least one value")
        if isinstance(self.values, dict) and self.key:
            raise ValueError("either `key` with a list of values, or a table of named settings without `key`")
        if isinstance(self.values, list) and not self.key:
            raise ValueError("a list of values needs `key`, the setting they are values of")
        if self.says and "{value}" not in self.says:
            raise ValueError(f"`says` needs {{value}}, or all values have one name; got {quoted(self.says)}")
        check_axis_values(self.names())
        return self

    def settings(self, value: str) -> dict[str, Any]:
        """Dotted keys and values that `value` (a name or the text of a listed value) stands for."""
        if isinstance(self.values, dict):
            return dict(self.values[value])
        known = {axis_text(item): item for item in self.values}
        return {self.key: known.get(value, value)}

    def names(self) -> list[str]:
        """The values as text, as they stand in tables."""
        return [axis_text(value) for value in self.values]

    def varies(self) -> list[str]:
        """Dotted keys of all settings that its values set."""
        return list(dict.fromkeys(key for name in self.names() for key in flatten(expand(self.settings(name)))))

    def cut(self, name: str, values: Sequence[Any]) -> "Axis":
        """The axis called `name` with other values; a table has no others than its own. Raises ConfigError."""
        if isinstance(self.values, dict):
            for value in values:
                if value not in self.values:
                    raise ConfigError([f"{name}: no value `{value}`"], hint=did_you_mean(value, list(self.values)))
            return self.model_copy(update={"values": {value: self.values[value] for value in values}})
        typed = {axis_text(value): value for value in self.values}
        return self.model_copy(update={"values": [typed.get(str(value), value) for value in values]})

    def after(self, before: "Axis") -> "Axis":
        """This axis with the values of `before` too, numbers by size."""
        if isinstance(before.values, dict) and isinstance(self.values, dict):
            return self.model_copy(update={"values": before.values | self.values})
        values = list({axis_text(value): value for value in (*before.values, *self.values)}.values())
        if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
            values.sort()
        return self.model_copy(update={"values": values})


def axis_text(value: object) -> str:
    """How an axis value is written in tables and ids of arms."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return "-".join(axis_text(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def check_axis_values(names: Iterable[str]) -> None:
    """Raise ValueError where the text of a value would mean something else in a plan, or break a line of a table."""
    for name in names:
        if not name or AxisValue.read(name).values != (name,) or not name.isprintable():
            raise ValueError(
                f"an axis cannot have the value {quoted(name)}: `{_NONE}` stands for no value, `{_SAME}` between values"
            )


def number(value: str) -> float:
    """An axis value as a number, to order by: "64" -> 64, "patch-4" -> 4, "none" -> infinity (a patch of any size)."""
    named = {"pixels": 1, "none": math.inf}
    try:
        return float(named.get(value) or SHUFFLES.number(value) or value)
    except ValueError:
        return math.inf
