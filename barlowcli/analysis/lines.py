"""The grid's arms as lines along one axis: at each of its values, the cells that differ in nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from barlowcli.analysis.results import Arm, Results
from barlowcli.analysis.wording import method_name
from barlowcli.experiment.axes import AxisValue


@dataclass(frozen=True)
class Line:
    """A setting of all axes but one. name: in words, "Barlow Twins, λ fixed". at: the axes that vary, in their order;
    arms: value of the one -> its arms, several where some of their seeds lie on other lines as well."""

    name: str
    at: Mapping[str, AxisValue]
    arms: Mapping[str, tuple[Arm, ...]]

    @property
    def method(self) -> str:
        """Name of its method."""
        return next(arm.method.name for arms in self.arms.values() for arm in arms)

    def accuracies(self, value: str, domain: str) -> dict[int, float]:
        """Seed -> accuracy of the main probe on the main label at `value`. domain: `OWN` or another."""
        found: dict[int, float] = {}
        for arm in self.arms.get(value, ()):
            found |= arm.accuracies(domain)
        return dict(sorted(found.items()))

    def collapsed(self, value: str) -> set[int]:
        """Seeds at `value` whose embeddings collapsed in training."""
        found = (record for arm in self.arms.get(value, ()) for record in arm.records)
        return {record.seed for record in found if record.status == "collapsed"}


def lines(results: Results, axis: str) -> list[Line]:
    """The grid's arms as lines along `axis`, ordered by the values of the other axes.

    An arm to which an axis makes no difference (at all, or between some of its values) lies on every line that it fits,
    or on one of its own where it fits none; one to which `axis` itself makes none lies at every value.
    """
    choices = {name: values for name, values in results.plan.axes.items() if len(values) > 1 and name != axis}
    keys = list(dict.fromkeys(tuple(arm.at[name] for name in choices) for arm in results.grid))
    own = [key for key in keys if not any(other != key and _fits(key, other) for other in keys)]
    own.sort(key=lambda key: [_rank(value, known) for value, known in zip(key, choices.values(), strict=True)])
    return [_line(results, axis, dict(zip(choices, key, strict=True))) for key in own]


def _line(results: Results, axis: str, at: Mapping[str, AxisValue]) -> Line:
    members = [arm for arm in results.grid if _fits([arm.at[name] for name in at], list(at.values()))]
    points = {
        value: tuple(arm for arm in members if _fits([arm.at[axis]], [AxisValue((value,))]))
        for value in results.plan.axes[axis]
    }
    found = {value: arms for value, arms in points.items() if arms}
    line = Line("", at, found)
    return Line(results.arm_name(at, at) if at else method_name(line.method), at, found)


def _fits(key: Sequence[AxisValue], other: Sequence[AxisValue]) -> bool:
    """Whether an arm at `key` lies at `other` too."""
    return all(not own or (value and own.covers(value.values)) for own, value in zip(key, other, strict=True))


def _rank(value: AxisValue, known: Sequence[str]) -> int:
    return known.index(str(value)) if str(value) in known else -1
