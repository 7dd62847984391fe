"""What was measured beside what was published, both as changes against a reference; as CSV and to be read.

Data sets and networks differ, so accuracies do not compare; changes against a reference may.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from barlowcli.analysis.lines import Line, lines
from barlowcli.analysis.results import Results, number
from barlowcli.analysis.statistics import Interval, paired_differences, t_interval
from barlowcli.analysis.wording import method_name
from barlowcli.experiment.axes import NOWHERE, AxisValue
from barlowcli.experiment.model import Published
from barlowcli.plan.plan import Plan
from barlowcli.published.figures import AS_PRINTED, Change, changes, read_figures
from barlowcli.records.metrics import INTACT
from barlowcli.tables.files import csv_text
from barlowcli.verdicts.references import translated

LEGEND = (
    "Changes in percentage points, each against its own reference. Measured: mean ± half of the 95 % t interval over n "
    "seeds, paired by seed with the reference (no interval below three seeds), of a linear probe on intact images. Not "
    "told from 0: that interval contains 0."
)
REFERENCE = "reference"
DIFFERENT_REFERENCES = "Where the two references are different ones, the difference holds what lies between them too."


@dataclass(frozen=True)
class Comparison:
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


def compare(results: Results, published: Published) -> list[Comparison]:
    """A comparison a method of the grid, value of the published axis and line that has it; where no line has, what was
    published alone. Without what has no number on either side.

    Raises ConfigError where `published` names what does not exist.
    """
    figures = {(change.method, change.value): change for change in changes(published)}
    found: list[Comparison] = []
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
                found.append(Comparison(method, value, line, measured, reference, change))
            if not here:
                found.append(Comparison(method, value, None, None, reference, change))
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


@dataclass(frozen=True)
class PublishedTable:
    """The comparisons of an experiment with its published figures, and what those were measured on."""

    results: Results
    published: Published
    comparisons: tuple[Comparison, ...]
    setting: str

    @property
    def header(self) -> tuple[str, ...]:
        """Titles of the columns of `rows`."""
        return ("arm", "n", "measured", "published", "difference", "signs", "source")

    @property
    def sources(self) -> tuple[str, ...]:
        """Each with how its figures were read, in the order of the rows."""
        return tuple(dict.fromkeys(_source(row.published) for row in self.comparisons if row.published))

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """The table as it is read; a source is its number among `sources`, from 1."""
        sources = self.sources
        return [
            (
                _name(self.results, row, self.published.axis),
                str(row.measured.n) if row.measured else "",
                _measured_text(row),
                _published_text(row.published) if row.published else "",
                f"{row.difference:+.1f}" if row.difference is not None else "",
                row.word,
                str(sources.index(_source(row.published)) + 1) if row.published else "",
            )
            for row in self.comparisons
        ]

    @property
    def legend(self) -> str:
        """What the columns mean, and what the changes of each method are against."""
        return " ".join([LEGEND, *_references(self.results, self.comparisons, self.published.axis)])

    def csv(self) -> str:
        """One row a comparison: method, axis, the other axes that vary; measured change, half of its 95 % t interval, n
        and reference; published change, reference, how it was read; the difference, whether the signs agree, source.

        Changes are in percentage points.
        """
        others = dict.fromkeys(name for row in self.comparisons if row.line for name in row.line.at)
        others.pop("method", None)
        header = ["method", self.published.axis, *others, "measured_change", "half_width", "n", "measured_reference"]
        header += ["published_change", "published_reference", "how", "difference", "signs", "source"]
        rows: list[list[object]] = []
        for row in self.comparisons:
            at: Mapping[str, AxisValue] = row.line.at if row.line else {}
            measured: list[object] = [None] * 4
            if row.measured:
                measured = [row.measured.mean, row.measured.half_width, row.measured.n, row.reference]
            change: list[object] = [None] * 3
            if row.published:
                change = [row.published.points, row.published.reference, row.published.how]
            end = [row.difference, row.word, row.published.source if row.published else None]
            rows.append(
                [row.method, row.value, *(str(at.get(name, NOWHERE)) for name in others), *measured, *change, *end]
            )
        return csv_text(header, rows)


def published_table(results: Results) -> PublishedTable | None:
    """What was measured beside what was published; None for an experiment without published figures.

    Raises ConfigError where the experiment names figures that do not exist.
    """
    published = results.plan.experiment.published
    if published is None:
        return None
    rows = tuple(compare(results, published))
    return PublishedTable(results, published, rows, read_figures(published.file).setting)


def _name(results: Results, row: Comparison, axis: str) -> str:
    """ "Barlow Twins, λ fixed, D = 16"."""
    value = AxisValue((row.value,))
    if row.line is None:
        return f"{method_name(row.method)}, {results.value_name(axis, value)}"
    return results.arm_name({**row.line.at, axis: value}, [*row.line.at, axis])


def _measured_text(row: Comparison) -> str:
    """ "-12.1 ± 1.4", without the half-width where n < 3."""
    if row.measured is None:
        return ""
    if row.value == row.reference:
        return REFERENCE
    half = row.measured.half_width
    return f"{row.measured.mean:+.1f}" if half is None else f"{row.measured.mean:+.1f} ± {half:.1f}"


def _published_text(change: Change) -> str:
    return REFERENCE if change.value == change.reference else f"{change.points:+.1f}"


def _source(change: Change) -> str:
    return change.source if change.how == AS_PRINTED else f"{change.source}; {change.how.replace('+-', '±')}"


def _references(results: Results, comparisons: Sequence[Comparison], axis: str) -> list[str]:
    """What the changes of each method are against, in sentences."""
    pairs = dict.fromkeys(
        (row.method, row.reference, row.published.reference) for row in comparisons if row.measured and row.published
    )
    found = []
    for method, measured, reference in pairs:
        here, there = results.value_name(axis, measured), results.value_name(axis, reference)
        against = f"both against {here}" if here == there else f"measured against {here}, published against {there}"
        found.append(f"{method_name(method)}: {against}.")
    if any(measured != reference for _, measured, reference in pairs):
        found.append(DIFFERENT_REFERENCES)
    return found
