"""The experiment file: question, axes, controls, presets, claims with their margins. One TOML file, no code.

`experiment_files.load_experiment` reads and checks it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from barlowcli.registry import METHODS, did_you_mean
from barlowcli.settings import NonNegative, Settings

NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,63}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
NAME_RULE = "small letters a to z, digits and hyphens, at most 64, no hyphen first"
Seeds = Annotated[int, Field(ge=1, le=1000)]
"""A thousand and more change no interval that a reader would see."""
MOST_PROBLEMS = 100
"""Of one file that are named one by one."""
MOST_LETTERS = 80
"""Of a value in a message."""
Arm = dict[str, str]
"""Axis name -> value; the key "metric" overrides the claim's metric for this reference."""


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


class Control(Settings):
    """Cells that stand beside the grid.

    set: axis -> value, first the axis by whose value a claim names the control. follow: axes along which the control
    is repeated. Axes in neither are "-".
    """

    set: dict[str, str]
    follow: tuple[str, ...] = ()
    seeds: Seeds | None = None
    """Fewer seeds than the grid, where more would be the same number again."""


SYMBOLS = ("smallest", "second-largest", "largest")
"""Values that an arm of a claim can give an axis of numbers, whatever they are under the preset."""
WINNER = "winner"
"""The value of a screened axis that won (`Screen`)."""


class Claim(Settings):
    """A sentence that the grid can support or refute, fixed before the run.

    A = accuracy of `arm`, B = that of `against` (of several: the best by mean), F = `full`, R = `floor`; the
    differences are paired by seed and every interval is Student t over seeds.

    test = equivalence: |A - B| inside `margin` x (F - R), two one-sided tests.
    test = above: A - B > 0.
    test = interaction: (A - B) - (F - R) > 0.
    test = recovers-at-most: A - R <= `margin` x (F - R); with `against`, A - B <= `margin` x (F - R).
    test = recovers-at-least: A - R >= `margin` x (F - R).

    An arm names values of axes; of an axis of numbers also `smallest`, `second-largest`, `largest` (of the plan's
    grid), of a screened one `winner`.
    """

    id: Name
    title: str
    test: Literal["equivalence", "above", "interaction", "recovers-at-most", "recovers-at-least"]
    arm: Arm
    against: list[Arm] = []
    full: Arm = {}
    floor: Arm = {}
    margin: NonNegative = 0.0
    metric: str = "linear.h.{domain}.label"
    """{domain} is the arm's own domain or "none" (intact images), see `domains`."""
    domains: tuple[Literal["own", "none"], ...] = ("own", "none")
    """own: each arm probed on images shuffled as it was trained; none: all on intact images."""
    by: str = "method"
    """The axis whose values are judged one by one, Holm's correction across them."""
    supported: str
    """What it means, in plain words, when the claim is supported (and so on)."""
    refuted: str
    inconclusive: str

    @property
    def compares_gains(self) -> bool:
        """Whether it holds the gain A - B against the gain F - R."""
        return bool(self.against) and self.test not in ("above", "equivalence")

    @model_validator(mode="after")
    def _complete(self) -> "Claim":
        needs = {
            "equivalence": ("against", "full", "floor", "margin"),
            "above": ("against",),
            "interaction": ("against", "full", "floor"),
        }
        for field in needs.get(self.test, ("full", "floor", "margin")):
            if not getattr(self, field):
                raise ValueError(f"a claim tested by `{self.test}` needs `{field}`")
        if self.test == "interaction" and len(self.against) > 1:
            raise ValueError("an interaction is held against one arm")
        return self


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


class Screen(Settings):
    """A first stage that chooses one arm, on seeds that are not used again.

    All `candidates` of `axis` are run at `seeds` seeds; the one with the best mean validation accuracy of the probe
    `metric`, over those seeds and all arms of the other axes, is the winner, and stands with the `parents` in the
    second stage, on fresh seeds.
    The experiment has an axis `stage` with the values screen and test.
    """

    axis: str
    candidates: Annotated[list[str], Field(min_length=1)]
    parents: list[str]
    seeds: Seeds = 3
    metric: str = "linear.h.none.label"


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
    curve: Curve | None = None
    published: Published | None = None
    screen: Screen | None = None

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
                known = self._values(name)
                if value not in (*known, *SYMBOLS, WINNER) and self._is_closed(name):
                    raise ValueError(f"{place} names the value `{value}` of `{name}`: {did_you_mean(value, known)}")
        for place, names in self._axis_references():
            for name in names:
                self._check_axis(place, name)
        if self.screen is not None and ("stage" not in self.axes or not {*self._values("stage")} <= {"screen", "test"}):
            raise ValueError("a screened experiment needs the axis `stage`, with the values screen and test")
        ids = [claim.id for claim in self.claims]
        if len(set(ids)) < len(ids):
            raise ValueError("two claims have the same id")
        return self

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

    def _arms(self) -> list[tuple[str, dict[str, str]]]:
        """Everything that names values of axes, with where it stands."""
        places = [(f"control {i + 1}", control.set) for i, control in enumerate(self.controls)]
        for claim in self.claims:
            arms = [claim.arm, *claim.against, claim.full, claim.floor]
            places += [(f"claim {claim.id}", {k: v for k, v in arm.items() if k != "metric"}) for arm in arms]
        if self.screen is not None:
            names = (*self.screen.candidates, *self.screen.parents)
            places += [("screen", {self.screen.axis: name}) for name in names]
        return places

    def _axis_references(self) -> list[tuple[str, Sequence[str]]]:
        """Everything that names axes alone."""
        places: list[tuple[str, Sequence[str]]] = [(f"claim {claim.id}", [claim.by]) for claim in self.claims]
        places += [(f"control {i + 1}", control.follow) for i, control in enumerate(self.controls)]
        places += [(f"preset {name}", list(preset.axes)) for name, preset in self.presets.items()]
        parts = {"curve": self.curve, "published": self.published}
        return places + [(name, [part.axis]) for name, part in parts.items() if part is not None]


def describe(error: ValidationError, model: type[Settings], *, prefix: str = "") -> list[str]:
    """One line a mistake: dotted key, what is wrong, what was given, a did-you-mean for unknown keys."""
    lines = []
    for problem in error.errors(include_url=False)[:MOST_PROBLEMS]:
        parts = [part for part in (prefix, *map(str, problem["loc"])) if part]
        where = ".".join(part if part.isprintable() and len(part) <= MOST_LETTERS else quoted(part) for part in parts)
        if problem["type"] == "extra_forbidden":
            known = known_keys(model, problem["loc"][:-1])
            lines.append(f"{where}: no such key; {did_you_mean(str(problem['loc'][-1]), known)}")
            continue
        if problem["type"] == "union_tag_invalid":  # the only settings of which there are several kinds are a method's
            lines.append(f"{where}.name: {unknown_method(str(problem['ctx']['tag']))}")
            continue
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "string_pattern_mismatch":
            message = f"expected {NAME_RULE}"
        given = "" if problem["type"] in {"missing", "value_error"} else f", got {quoted(problem['input'])}"
        lines.append(f"{where}: {message[0].lower()}{message[1:]}{given}")
    if error.error_count() > len(lines):
        lines.append(f"and {error.error_count() - len(lines):,} more mistakes")
    return lines


def unknown_method(name: str) -> str:
    """What is said of a method that does not exist."""
    shown = name if len(name) <= MOST_LETTERS else f"{name[:MOST_LETTERS]}…"
    return f"no method named `{shown}`; {did_you_mean(name, METHODS.names())}"


def quoted(value: Any) -> str:
    """A value as it stands in a message: quoted, control characters as escapes, a long one cut."""
    text = repr(value)
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"


def known_keys(model: type[Settings], location: tuple[int | str, ...]) -> list[str]:
    """Names of the settings at `location` inside `model` (a pydantic error's `loc`), as a user types them."""
    fields: Mapping[str, Any] = model.model_fields
    for part in location:
        field = fields.get(str(part))
        inner = _models_in(field.annotation) if field is not None else []
        named = [m for m in inner if _tag(m) == part]
        if field is None or not inner:
            continue
        fields = {name: value for m in (named or inner) for name, value in m.model_fields.items()}
    return [field.alias or name for name, field in fields.items()]


def _models_in(annotation: Any) -> list[type[Settings]]:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return [annotation]
    return [m for argument in getattr(annotation, "__args__", ()) for m in _models_in(argument)]


def _tag(model: type[Settings]) -> Any:
    field = model.model_fields.get("name")
    return field.default if field is not None else None
