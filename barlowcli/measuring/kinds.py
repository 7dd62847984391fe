"""Which cells cost the same: a kind is the text of all settings that a cost depends on."""

import json
from collections.abc import Sequence
from typing import Any

from barlowcli.settings.base import Free, Settings
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.tables import flatten, look_up


def step_kind(config: CellConfig) -> str:
    """The kind of a cell's training step."""
    return _text(config.model_dump(mode="json", exclude=free_settings(config)))


def free_settings(settings: Settings) -> dict[str, Any]:
    """The settings that a training step's time and memory do not depend on, as pydantic's `exclude` takes them."""
    parts = [(name, part) for name, part in settings if isinstance(part, Settings)]
    return {name: free_settings(part) for name, part in parts} | {name: True for name, _ in settings.marked(Free)}


def probing_kind(config: CellConfig) -> str:
    """The kind of a cell's probing; what it was trained on and how make no difference to that."""
    value = config.model_dump(mode="json", include={"data", "encoder", "projector", "evaluation"})
    value["random_bits"] = config.views.random_bits if config.views is not None else None
    value["histogram"] = None if config.method.encodes else config.method.model_dump(mode="json")
    return _text(value)


def evenly(kinds: Sequence[str]) -> list[str]:
    """`kinds` in an order whose every beginning is spread evenly over them (van der Corput's)."""
    order = sorted(range(len(kinds)), key=lambda index: f"{index:032b}"[::-1])
    return [kinds[index] for index in order]


def most_similar(kind: str, others: Sequence[str], order: Sequence[str]) -> str:
    """The one of `others` that differs in the fewest settings; of equals the one nearest in `order`, which has all."""

    def distance(other: str) -> tuple[int, int]:
        first, second = json.loads(kind), json.loads(other)
        keys = {*flatten(first), *flatten(second)}
        differing = sum(look_up(first, key) != look_up(second, key) for key in keys)
        return differing, abs(order.index(kind) - order.index(other))

    return min(others, key=distance)


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)
