"""The experiment file: question, axes, controls, presets, claims with their margins. One TOML file, no code.

`experiment.files.load_experiment` reads and checks it.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from barlowcli.entries import did_you_mean
from barlowcli.experiment.axes import Axis
from barlowcli.experiment.claims import NAME_PATTERN, SYMBOLS, WINNER, Claim, Name, Selector
from barlowcli.experiment.first_stage import Screen, Seeds, Tune
from barlowcli.experiment.order import axis_text, number
from barlowcli.registry import METHODS
from barlowcli.settings.base import Positive, Settings
from barlowcli.settings.mistakes import NAME_RULE, quoted


class Control(Settings):
    """Cells that stand beside the grid.

    set: axis -> value, first the axis by whose value a claim names the control. follow: axes along which the control
    is repeated. Axes in neither have no meaning for it.
    """

    set: Selector
    follow: tuple[str, ...] = ()
    seeds: Seeds | None = None
    """Fewer seeds than the grid, where more would be the same number again."""


class Preset(Settings):
    """A size of the experiment: settings over the experiment's own, and over those of the common preset of its name."""

    summary: str
    cost: str
    """Time it takes and on what, for `barlow ls presets`."""
    seeds: Seeds = 3
    axes: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    """Other values for an axis."""
    settings: dict[str, Any] = {}
    """Nested or dotted settings."""
    methods: dict[str, dict[str, Any]] = {}
    """Method -> settings of its own, over those of all."""
    tune: Tune | None = None
    """In place of the experiment's."""
    recipe: str = ""
    """Whose recipes these are, where methods have settings of their own; else everything is equal but the axes."""


class Curve(Settings):
    """The plot of an experiment whose question is one axis: accuracy against it, a line for each of the other arms."""

    axis: str
    label: str
    """Of the axis in the plot."""
    scale: Literal["log2", "linear"] = "log2"
    caption: str = ""
    """What stands under the plot: confounds."""


class Published(Settings):
    """Published figures to be drawn and listed beside the measured ones, as changes against a reference value."""

    file: str
    """A file of `barlowcli/published/`."""
    axis: str
    """The axis that its second column has values of."""
    reference: dict[str, str]
    """Method -> the value that its source takes for its baseline: changes are against that."""
    measured_reference: str = ""
    """The same for what is measured; "" for each method's own as above."""


MOST_CELLS = 10_000
"""Of a grid: twenty times the largest that comes with barlow."""


def grid_size(axes: Mapping[str, int], controls: Iterable[Control], seeds: int) -> int:
    """Cells of a grid and its controls, at most: arms that come to one cell count apart. axes: name -> values."""
    beside = sum(math.prod(axes[name] for name in control.follow) for control in controls)
    return (math.prod(axes.values()) + beside) * seeds


class Experiment(Settings):
    """One file of `experiments/`."""

    name: Name
    title: str
    question: str
    outcomes: str = ""
    """What each outcome would mean."""
    notes: list[str] = []
    """What a reader of the report must know beside the numbers: corrections, confounds."""
    settings: dict[str, Any] = {}
    """What its presets can change."""
    fixed: dict[str, Any] = {}
    """What defines the experiment: over every preset and its methods, under flags and axes."""
    methods: dict[str, dict[str, Any]] = {}
    """Method -> the same for one method."""
    overridable: tuple[str, ...] = ()
    """Axes that a flag may add although arms of another axis set what they set: these arms then give way."""
    axes: dict[str, Axis]
    controls: list[Control] = []
    presets: dict[str, Preset]
    claims: list[Claim] = []
    variance: Literal["paired", "pooled"] = "paired"
    """What the claims are tested by: the spread of the differences between paired seeds, or that of all arms pooled,
    where they scatter alike."""
    spread: Positive = 0.01
    """Standard deviation of an accuracy over seeds, a guess for `--dry-run` as long as nothing was run."""
    curve: Curve | None = None
    published: Published | None = None
    screen: Screen | None = None
    tune: Tune | None = None

    @field_validator("axes", "presets")
    @classmethod
    def _some(cls, value: dict[str, Any]) -> dict[str, Any]:
        if not value:
            raise ValueError("at least one is needed")
        return value

    @field_validator("axes", "presets")
    @classmethod
    def _names_are_plain(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """A preset is the name of a folder of results, an axis the head of a column."""
        for name in value:
            if info.field_name == "presets" and not re.fullmatch(NAME_PATTERN, name):
                raise ValueError(f"a preset cannot be named {quoted(name)}: {NAME_RULE}")
            if not name.isprintable() or not name.strip() or "=" in name:
                raise ValueError(f"an axis cannot be named {quoted(name)}: `--axis NAME=VALUE` must name it")
        return value

    @model_validator(mode="after")
    def _names_exist(self) -> "Experiment":
        for place, arm in self._arms():
            for name, value in arm.items():
                self._check_axis(place, name)
                if value not in (*SYMBOLS, WINNER):
                    self._check_value(place, name, value)
        for name, axis in self.axes.items():
            for value in axis.words:
                self._check_value(f"axis {name}", name, value)
        for place, names in self._axis_references():
            for name in names:
                self._check_axis(place, name)
        for place, tune in self._tunings():
            for name, axis in self.axes.items():
                if both := sorted({*tune.values} & {*axis.varies()}):
                    raise ValueError(f"{place}.values names {both[0]}, which the axis `{name}` sets")
        for claim in self.claims:
            self._check_slope(claim)
        ids = [claim.id for claim in self.claims]
        if len(set(ids)) < len(ids):
            raise ValueError("two claims have the same id")
        return self

    def after(self, before: "Experiment") -> "Experiment":
        """This experiment with every axis and axis value of `before` too."""
        joined = {
            name: axis.after(before.axes[name]) if name in before.axes else axis for name, axis in self.axes.items()
        }
        return self.model_copy(update={"axes": {**before.axes, **joined}})

    def tuned_under(self, preset: str) -> Tune | None:
        """What is tuned under a preset; None where nothing is."""
        tune = self.presets[preset].tune or self.tune
        return tune if tune is not None and tune.values else None

    def _tunings(self) -> list[tuple[str, Tune]]:
        """Every stage of tuning, with where it stands."""
        found = [("tune", self.tune), *((f"presets.{name}.tune", p.tune) for name, p in self.presets.items())]
        return [(place, tune) for place, tune in found if tune is not None]

    def _is_closed(self, name: str) -> bool:
        """Whether an axis has no values but those of the file: a table, or numbers (of names a flag can add others)."""
        values = self.axes[name].values
        return isinstance(values, dict) or all(isinstance(value, (int, float)) for value in values)

    def _values(self, name: str) -> list[str]:
        """Values of an axis that the file has anywhere: of the axis, of a preset, or set by a control."""
        axis = self.axes[name]
        listed = [axis_text(value) for preset in self.presets.values() for value in preset.axes.get(name, [])]
        controls = [] if isinstance(axis.values, dict) else [c.set[name] for c in self.controls if name in c.set]
        return list(dict.fromkeys([*axis.names(), *listed, *controls]))

    def _check_axis(self, place: str, name: str) -> None:
        if name not in self.axes:
            raise ValueError(f"{place} names the axis `{name}`: {did_you_mean(name, list(self.axes))}")

    def _check_value(self, place: str, name: str, value: str) -> None:
        known = self._values(name)
        if self.axes[name].key == "method.name" and value not in METHODS:
            raise ValueError(
                f"{place} names the value `{value}` of `{name}`: {did_you_mean(value, list(METHODS.names()))}"
            )
        if value not in known and self._is_closed(name):
            raise ValueError(f"{place} names the value `{value}` of `{name}`: {did_you_mean(value, known)}")

    def _check_slope(self, claim: Claim) -> None:
        """Raise ValueError where the values of the axis have no place on the scale of the slope."""
        along = claim.along
        if along is None:
            return
        if along.until:
            self._check_value(f"claim {claim.id}", along.axis, along.until)
        if along.scale == "rank":
            return
        for value in self._values(along.axis):
            place = number(value)
            if not math.isfinite(place) or (along.scale == "log2" and place <= 0):
                raise ValueError(
                    f"claim {claim.id}: {quoted(value)} of the axis `{along.axis}` has no place on a {along.scale} "
                    'scale; scale = "rank" counts the values in their order'
                )

    def _arms(self) -> list[tuple[str, dict[str, str]]]:
        """Everything that names values of axes, with where it stands."""
        places = [(f"control {i + 1}", control.set) for i, control in enumerate(self.controls)]
        for claim in self.claims:
            arms = [claim.arm, claim.learned, claim.primary or {}]
            for domain in claim.domains:
                there = claim.in_domain(domain)
                arms += [*there.against, there.full, there.floor, there.ceiling, there.learner]
            places += [(f"claim {claim.id}", {k: v for k, v in arm.items() if k != "metric"}) for arm in arms]
        if self.screen is not None:
            names = (*self.screen.candidates, *self.screen.parents)
            places += [("screen", {self.screen.axis: name}) for name in names]
        return places + [(place, tune.at) for place, tune in self._tunings()]

    def _axis_references(self) -> list[tuple[str, Sequence[str]]]:
        """Everything that names axes alone."""
        places: list[tuple[str, Sequence[str]]] = [
            (f"claim {claim.id}", [claim.by, *([claim.along.axis] if claim.along else [])]) for claim in self.claims
        ]
        places += [(f"control {i + 1}", control.follow) for i, control in enumerate(self.controls)]
        places += [(f"preset {name}", list(preset.axes)) for name, preset in self.presets.items()]
        places += [(place, tune.per) for place, tune in self._tunings()]
        parts = {"curve": self.curve, "published": self.published}
        return places + [(name, [part.axis]) for name, part in parts.items() if part is not None]
