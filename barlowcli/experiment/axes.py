"""An axis of the grid: one factor, its values and the settings that they stand for."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
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
from barlowcli.experiment.order import axis_text, in_order, is_number, meant
from barlowcli.settings.base import Settings
from barlowcli.settings.mistakes import quoted
from barlowcli.settings.numbers import number_of
from barlowcli.settings.tables import expand, flatten
from barlowcli.settings.values import misread, read

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

    @model_validator(mode="before")
    @classmethod
    def _values_as_meant(cls, given: Any) -> Any:
        """Values of a setting as its field has them, each once, numbers by size."""
        if not isinstance(given, Mapping) or not isinstance(given.get("key"), str):
            return given
        values = given.get("values")
        return {**given, "values": _listed(given["key"], values)} if isinstance(values, list) else given

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
        texts = [axis_text(value) for value in values]
        if isinstance(self.values, dict):
            known = self.names()
            found = [meant(text, known) for text in texts]
            for text, value in zip(texts, found, strict=True):
                if value is None:
                    raise ConfigError([f"{name}: no value `{text}`"], hint=did_you_mean(text, known))
            kept = {value: self.values[value] for value in known if value in found}
            return self.model_copy(update={"values": kept})
        typed = {axis_text(value): value for value in self.values}
        plain = all(map(is_number, self.values))
        given = [
            typed[text] if text in typed else _from_text(self.key, value, number_is_meant=plain)
            for text, value in zip(texts, values, strict=True)
        ]
        return self.model_copy(update={"values": _listed(self.key, given)})

    def mistakes(self) -> list[str]:
        """What is wrong with values that the setting would take for others."""
        if isinstance(self.values, dict):
            return []
        return [problem for value in self.values if (problem := misread(self.key, value))]

    def after(self, before: "Axis") -> "Axis":
        """This axis with the values of `before` too, numbers by size."""
        if isinstance(before.values, dict) and isinstance(self.values, dict):
            both = before.values | self.values
            return self.model_copy(update={"values": {name: both[name] for name in in_order(list(both))}})
        return self.model_copy(update={"values": _listed(self.key, [*before.values, *self.values])})


def _from_text(key: str, value: Any, *, number_is_meant: bool) -> Any:
    """A value of the setting `key` that a flag has as text: "0.2-1" is a list. number_is_meant: where its field is not
    known."""
    found = read(key, value)
    if not isinstance(found, str):
        return found
    parts = [part for part in re.split(r"(?<![eE])-", found) if part]
    listed = read(key, parts)
    if len(parts) > 1 and all(map(is_number, listed)):
        return listed
    known = number_of(found) if number_is_meant else None
    return found if known is None else known


def _listed(key: str, values: Iterable[Any]) -> list[Any]:
    """Values of a setting as its field has them, each once, numbers by size."""
    read_each = [read(key, value) for value in values]
    return in_order(list({axis_text(value): value for value in read_each}.values()))


def check_axis_values(names: Iterable[str]) -> None:
    """Raise ValueError where the text of a value would mean something else in a plan, or break a line of a table."""
    for name in names:
        if not name or AxisValue.read(name).values != (name,) or not name.isprintable():
            raise ValueError(
                f"an axis cannot have the value {quoted(name)}: `{_NONE}` stands for no value, `{_SAME}` between values"
            )
