"""The grid's arms as lines along one axis: at each of its values, the cells that differ in nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from barlowcli.analysis.results import PROBE, Arm, Records, group
from barlowcli.analysis.wording import arm_name, method_name
from barlowcli.experiment.axes import AxisValue
from barlowcli.plan.plan import Plan

ANY = "-"
"""The value of an axis that makes no difference to an arm, which so belongs to every value."""


@dataclass(frozen=True)
class Line:
    """A setting of all axes but one. axes: those that vary, in their order; arms: value of the one -> its arms, several
    where some of their seeds stand on other lines as well."""

    axes: Mapping[str, str]
    arms: Mapping[str, tuple[Arm, ...]]

    @property
    def method(self) -> str:
        """Name of its method."""
        return next(arm.cells[0].config.method.name for arms in self.arms.values() for arm in arms)

    @property
    def name(self) -> str:
        """The line in words: "Barlow Twins, λ fixed"."""
        return arm_name(self.axes, self.axes) if self.axes else method_name(self.method)

    def accuracies(self, records: Records, value: str, domain: str) -> dict[int, float]:
        """Seed -> accuracy of the main probe on the main label at `value`. domain: "own" or "none"."""
        found: dict[int, float] = {}
        for arm in self.arms.get(value, ()):
            home = (arm.trained_domain or "none") if domain == "own" else "none"
            found |= arm.values(records, f"{PROBE}.{home}.label")
        return dict(sorted(found.items()))

    def collapsed(self, records: Records, value: str) -> set[int]:
        """Seeds at `value` whose embeddings collapsed in training."""
        found = (record for arm in self.arms.get(value, ()) for record in arm.records(records))
        return {record.seed for record in found if record.status == "collapsed"}


def lines(plan: Plan, axis: str) -> list[Line]:
    """The grid's arms as lines along `axis`, ordered by the values of the other axes.

    An arm that an axis makes no difference to ("-", or between some of its values "a|b") stands on every line that it
    fits, or on one of its own where it fits none; one that `axis` itself makes no difference to stands at every value.
    """
    choices = {name: values for name, values in plan.axes.items() if len(values) > 1 and name != axis}
    arms = [arm for arm in group(plan.cells) if not arm.control]
    keys = list(dict.fromkeys(tuple(arm.axes.get(name, ANY) for name in choices) for arm in arms))
    own = [key for key in keys if not any(other != key and _fits(key, other) for other in keys)]
    own.sort(key=lambda key: [_rank(value, known) for value, known in zip(key, choices.values(), strict=True)])
    return [Line(dict(zip(choices, key, strict=True)), _points(plan, axis, arms, tuple(choices), key)) for key in own]


def _points(
    plan: Plan, axis: str, arms: Sequence[Arm], names: Sequence[str], key: Sequence[str]
) -> dict[str, tuple[Arm, ...]]:
    members = [arm for arm in arms if _fits([arm.axes.get(name, ANY) for name in names], key)]
    at = {value: tuple(arm for arm in members if _fits([arm.axes[axis]], [value])) for value in plan.axes[axis]}
    return {value: found for value, found in at.items() if found}


def _fits(key: Sequence[str], other: Sequence[str]) -> bool:
    """Whether an arm at `key` stands at `other` too."""
    return all(
        own == ANY or (value != ANY and AxisValue.read(own).covers(AxisValue.read(value).values))
        for own, value in zip(key, other, strict=True)
    )


def _rank(value: str, known: Sequence[str]) -> int:
    return known.index(value) if value in known else -1
