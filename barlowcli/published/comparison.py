"""What was measured beside what was published, both as changes against a reference.

Data sets and networks differ, so accuracies do not compare; changes against a reference may.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from barlowcli.analysis.lines import Line, lines
from barlowcli.analysis.results import Results
from barlowcli.analysis.statistics import Interval, paired_differences, t_interval
from barlowcli.experiment.model import Published
from barlowcli.experiment.order import number
from barlowcli.plan.plan import Plan
from barlowcli.published.figures import Change, changes
from barlowcli.records.metrics import INTACT
from barlowcli.verdicts.references import translated


@dataclass(frozen=True)
class PublishedComparison:
    """A change as measured on a line of the grid and as published, in percentage points; None where there is no such.

    line: None for a published figure at a value that the grid does not have. reference: the value of the axis that the
    measured change is against.
    """

    method: str
    value: str
    line: Line | None
    measured: Interval | None
    reference: str
    published: Change | None

    @property
    def difference(self) -> float | None:
        """Measured - published; None at the measured reference, whose change is 0 by definition."""
        if self.measured is None or self.published is None or self.value == self.reference:
            return None
        return self.measured.mean - self.published.points

    @property
    def word(self) -> str:
        """Whether the two agree in sign; "" where that cannot be said."""
        if self.measured is None or self.published is None or self.value == self.reference:
            return ""
        low, high = self.measured.low, self.measured.high
        if low is None or high is None:
            return ""
        if low <= 0 <= high:
            return "not told from 0"
        product = self.measured.mean * self.published.points
        return "agrees in sign" if product > 0 else "opposite sign" if product < 0 else ""


def beside_published(results: Results, published: Published) -> list[PublishedComparison]:
    """A comparison a method of the grid, value of the published axis and line that has it; where no line has, what was
    published alone. Without what has no number on either side.

    Raises ConfigError where `published` names what does not exist.
    """
    figures = {(change.method, change.value): change for change in changes(published)}
    found: list[PublishedComparison] = []
    along = lines(results, published.axis)
    for method in dict.fromkeys(line.method for line in along):
        own = [line for line in along if line.method == method]
        reference = _reference(results.plan, published, method)
        said = [change.value for change in figures.values() if change.method == method]
        for value in _in_order([*results.plan.axes[published.axis], *said]):
            change = figures.get((method, value))
            here = [line for line in own if value in line.arms]
            for line in here:
                measured = _measured(line, value, reference)
                found.append(PublishedComparison(method, value, line, measured, reference, change))
            if not here:
                found.append(PublishedComparison(method, value, None, None, reference, change))
    return [row for row in found if row.measured or row.published]


def _in_order(values: Iterable[str]) -> list[str]:
    """Numbers by size, names as they come."""
    distinct = list(dict.fromkeys(values))
    return sorted(distinct, key=number) if all(math.isfinite(number(value)) for value in distinct) else distinct


def _reference(plan: Plan, published: Published, method: str) -> str:
    """The value that measured changes of a method are against; "" where it has none."""
    if published.measured_reference:
        return translated(plan, {published.axis: published.measured_reference})[published.axis].values[0]
    return published.reference.get(method, "")


def _measured(line: Line, value: str, reference: str) -> Interval | None:
    """Paired by seed; None where no seed has both."""
    here, there = (line.accuracies(name, INTACT) for name in (value, reference))
    differences = [100 * difference for difference in paired_differences(here, there).values()]
    return t_interval(differences) if differences else None
