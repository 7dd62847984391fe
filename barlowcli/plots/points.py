"""What a curve shows, as numbers: the points of a line, and where values of the axis stand."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from barlowcli.analysis.lines import Line
from barlowcli.analysis.results import Results, shuffle_axes
from barlowcli.analysis.statistics import Interval, t_interval
from barlowcli.experiment.model import Curve
from barlowcli.experiment.order import number
from barlowcli.plan.plan import Plan
from barlowcli.plots.controls import PanelControl, controls

Places = Mapping[str, float]
"""Value of the axis -> where it stands."""


@dataclass(frozen=True)
class Point:
    """A line at one value of the axis. values: seed -> accuracy; collapsed: seeds whose embeddings did."""

    value: str
    values: Mapping[int, float]
    collapsed: frozenset[int]

    @property
    def interval(self) -> Interval:
        """Of its seeds, 95 %."""
        return t_interval(list(self.values.values()))


def line_points(line: Line, domain: str) -> list[Point]:
    """The line's points that have numbers, in the order of the axis. domain: `OWN` or `INTACT`."""
    found = []
    for value in line.arms:
        values = line.accuracies(value, domain)
        if values:
            found.append(Point(value, values, frozenset(line.collapsed(value) & values.keys())))
    return found


def places(plan: Plan, curve: Curve, values: Iterable[str]) -> dict[str, float]:
    """Value -> where it stands on the axis, smallest first: the number itself, or its log2.

    A value without a number (`none`, a patch of any size) stands at the side of the images, or at twice the largest
    number where that is not known or not beyond it; a further one at twice the one before.
    """
    numbers = sorted({value: number(value) for value in values}.items(), key=lambda item: item[1])
    side = next((float(cell.config.data.image_size) for cell in plan.cells if cell.config.data.image_size), 0.0)
    largest = max((size for _, size in numbers if math.isfinite(size)), default=0.5)
    found: dict[str, float] = {}
    for value, size in numbers:
        if math.isinf(size):
            largest = size = side if side > largest else 2 * largest
        found[value] = size
    logarithmic = curve.scale == "log2" and min(found.values()) > 0
    return {value: math.log2(size) for value, size in found.items()} if logarithmic else found


def curve_controls(results: Results, axis: str, domain: str) -> tuple[list[PanelControl], dict[str, PanelControl]]:
    """The controls that are lines across the panel; and, where an untrained encoder stands at several values of the
    axis (probed on images shuffled as each arm's are), those by value."""
    found, values = controls(results, domain), results.plan.axes[axis]
    along: dict[str, PanelControl] = {}
    for control in found:
        value = control.probe.domain if axis in shuffle_axes(results.plan) else str(control.arm.at[axis])
        if control.kind == "untrained" and value in values:
            along[value] = control
    if len(along) < 2:
        return found, {}
    return [control for control in found if control not in along.values()], along
