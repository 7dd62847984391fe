"""Which cells cost the same: a kind is the text of all settings that a cost depends on."""

import json
from collections.abc import Sequence
from typing import Any

from barlowcli.settings.cell import CellConfig
from barlowcli.settings.tables import flatten, look_up

NO_MATTER: dict[str, Any] = {
    "version": True,
    "data": {"limit", "test_limit", "validation", "test_fraction", "colour_tie", "on_bad_image", "seed"},
    "views": {
        *("brightness", "contrast", "saturation", "hue", "jitter_strength"),
        *("crop_scale", "crop_ratio", "flip", "blur_sigma"),
    },
    "method": {
        *("lambda_", "lambda_rule", "temperature", "tau", "tau_schedule", "loss_scale", "loss_scale_rule"),
        *("invariance_weight", "variance_weight", "covariance_weight"),
    },
    "training": {"epochs", "lr", "lr_scaling", "weight_decay", "lars_trust", "warmup_epochs"},
    "evaluation": True,
    "seed": True,
}
"""Settings on which neither the time nor the memory of a training step depends."""


def step_kind(config: CellConfig) -> str:
    """The kind of a cell's training step."""
    return _text(config.model_dump(mode="json", exclude=NO_MATTER))


def probing_kind(config: CellConfig) -> str:
    """The kind of a cell's probing; what it was trained on and how make no difference to that."""
    value = config.model_dump(mode="json", include={"data", "encoder", "projector", "evaluation"})
    value["random_bits"] = config.views.random_bits if config.views is not None else None
    value["histogram"] = None if config.method.encodes else config.method.model_dump(mode="json")
    return _text(value)


def spread(kinds: Sequence[str]) -> list[str]:
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
