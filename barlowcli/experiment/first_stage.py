"""First stages: what an experiment chooses on validation images, on seeds of its own, before anything is judged."""

import itertools
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final

from pydantic import Field, field_validator

from barlowcli.experiment.claims import Selector
from barlowcli.experiment.order import in_order, is_number
from barlowcli.settings.base import Settings
from barlowcli.settings.tables import expand, flatten, look_up
from barlowcli.settings.values import misread, read

TUNING: Final = "tuning"
SCREENING: Final = "screening"
FIRST_SEEDS: Final = {TUNING: 10_000, SCREENING: 20_000}
"""Where the seeds of a first stage begin. A grid has at most 10,000 cells, so none of its seeds is among them."""
Seeds = Annotated[int, Field(ge=1, le=1000)]
"""A thousand and more change no interval that a reader would see."""
METRIC = "linear.h.none.label"


class Screen(Settings):
    """A first stage that chooses one arm.

    All `candidates` of `axis` are run at `seeds` seeds; the one with the best mean validation accuracy of the probe
    `metric`, over those seeds and all arms of the other axes, is the winner, and is judged beside the `parents`.
    """

    axis: str
    candidates: Annotated[list[str], Field(min_length=1)]
    parents: list[str]
    seeds: Seeds = 3
    metric: str = METRIC


class Tune(Settings):
    """A first stage that chooses settings, for each group of arms apart.

    A group is the arms that have the same values on the axes `per`. It is tuned at the values `at` of the other axes
    (an axis that is not named: at its first value), at `seeds` seeds: every combination of the listed settings is
    trained, and the one with the best mean validation accuracy of the probe `metric` is what all arms of the group are
    run with. Of equal ones it is the smaller.
    """

    per: tuple[str, ...] = ()
    at: Selector = {}
    seeds: Seeds = 2
    metric: str = METRIC
    values: dict[str, Any]
    """Setting -> the list of its values, nested or dotted; empty in a preset: nothing is tuned under it."""

    @field_validator("values")
    @classmethod
    def _are_lists(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Dotted, and numbers by size."""
        nested = expand(value)
        found = {key: look_up(nested, key) for key in flatten(nested)}
        for key, listed in found.items():
            if not isinstance(listed, list) or len(listed) < 2:
                raise ValueError(f"{key}: expected a list of at least two values to choose from, got {listed!r}")
            if problems := [problem for one in listed if (problem := misread(key, one))]:
                raise ValueError(problems[0])
        return {key: in_order([read(key, one) for one in listed]) for key, listed in found.items()}

    def without(self, settings: Collection[str]) -> "Tune":
        """This stage less the settings (by dotted key) that were chosen by hand."""
        return self.model_copy(update={"values": {k: v for k, v in self.values.items() if k not in settings}})

    @property
    def candidates(self) -> list[dict[str, Any]]:
        """All combinations of the settings, dotted key -> value, the smaller first."""
        return [dict(zip(self.values, chosen, strict=True)) for chosen in itertools.product(*self.values.values())]

    def edges(self, settings: Mapping[str, Any]) -> list[str]:
        """Those of chosen settings that are the smallest or largest number of their list."""
        listed = {key: values for key, values in self.values.items() if key in settings and all(map(is_number, values))}
        return [key for key, values in listed.items() if settings[key] in (values[0], values[-1])]
