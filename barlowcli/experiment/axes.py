"""An axis of the grid: one factor, its values and the settings that they stand for."""

from collections.abc import Iterable
from typing import Any

from pydantic import model_validator

from barlowcli.settings.base import Settings
from barlowcli.settings.mistakes import quoted

SAME = "|"
"""Between values of an axis that come to the same cell."""


class Axis(Settings):
    """One factor of the grid.

    values: a list of values of the setting `key`; or a table, name -> settings, where one value of the axis
    sets several keys at once (then without `key`).
    """

    key: str = ""
    values: list[Any] | dict[str, dict[str, Any]]

    @model_validator(mode="after")
    def _one_form(self) -> "Axis":
        if not self.values:
            raise ValueError("an axis needs at least one value")
        if isinstance(self.values, dict) and self.key:
            raise ValueError("either `key` with a list of values, or a table of named settings without `key`")
        if isinstance(self.values, list) and not self.key:
            raise ValueError("a list of values needs `key`, the setting they are values of")
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
        if name in ("", "-") or SAME in name or not name.isprintable():
            raise ValueError(
                f"an axis cannot have the value {quoted(name)}: `-` stands for no value, `{SAME}` between values"
            )
