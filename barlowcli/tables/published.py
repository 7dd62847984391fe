"""What was measured beside what was published, as numbers and to be read."""

from collections.abc import Mapping, Sequence

import pandas as pd

from barlowcli.analysis.results import Results
from barlowcli.analysis.wording import method_name
from barlowcli.experiment.axes import NOWHERE, AxisValue
from barlowcli.published.comparison import PublishedComparison, beside_published
from barlowcli.published.figures import AS_PRINTED, Change
from barlowcli.tables.frames import REAL, TEXT, WHOLE, frame, of_type
from barlowcli.tables.reading import Reading, texts

LEGEND = (
    "Changes in percentage points, each against its own reference. Measured: mean ± half of the 95 % t interval over n "
    "seeds, paired by seed with the reference (no interval below three seeds), of a linear probe on intact images. Not "
    "told from 0: that interval contains 0."
)
REFERENCE = "reference"
DIFFERENT_REFERENCES = "Where the two references are different ones, the difference holds what lies between them too."


def published(results: Results) -> pd.DataFrame | None:
    """One row a comparison: method, axis, the other axes that vary; measured change, half of its 95 % t interval, n
    and reference; published change, reference, how it was read; the difference, whether the signs agree, source.

    Changes are in percentage points. None for an experiment without published figures. Raises ConfigError where it
    names figures that do not exist.
    """
    figures = results.plan.experiment.published
    if figures is None:
        return None
    found = beside_published(results, figures)
    others = dict.fromkeys(name for row in found if row.line for name in row.line.at)
    others.pop("method", None)
    known = [*of_type(TEXT, ["method", figures.axis, *others]), *of_type(REAL, ["measured_change", "half_width"])]
    known += [("n", WHOLE), ("measured_reference", TEXT), ("published_change", REAL)]
    known += [*of_type(TEXT, ["published_reference", "how"]), ("difference", REAL), *of_type(TEXT, ["signs", "source"])]
    return frame(known, [_numbers(row, list(others)) for row in found])


def _numbers(row: PublishedComparison, others: Sequence[str]) -> list[object]:
    at: Mapping[str, AxisValue] = row.line.at if row.line else {}
    measured: list[object] = [None] * 4
    if row.measured:
        measured = [row.measured.mean, row.measured.half_width, row.measured.n, row.reference]
    change: list[object] = [None] * 3
    if row.published:
        change = [row.published.points, row.published.reference, row.published.how]
    end = [row.difference, row.word, row.published.source if row.published else None]
    return [row.method, row.value, *(str(at.get(name, NOWHERE)) for name in others), *measured, *change, *end]


def published_to_read(results: Results) -> Reading | None:
    """The same in words; a source is its number among `sources`. Raises ConfigError like `published`."""
    figures = results.plan.experiment.published
    if figures is None:
        return None
    found = beside_published(results, figures)
    sources = tuple(dict.fromkeys(_source(row.published) for row in found if row.published))
    rows = [
        [
            _name(results, row, figures.axis),
            str(row.measured.n) if row.measured else "",
            _measured_text(row),
            _published_text(row.published) if row.published else "",
            f"{row.difference:+.1f}" if row.difference is not None else "",
            row.word,
            str(sources.index(_source(row.published)) + 1) if row.published else "",
        ]
        for row in found
    ]
    header = ["arm", "n", "measured", "published", "difference", "signs", "source"]
    legend = " ".join([LEGEND, *_references(results, found, figures.axis)])
    return Reading(texts(header, rows), legend, sources=sources)


def _name(results: Results, row: PublishedComparison, axis: str) -> str:
    """ "Barlow Twins, λ fixed, D = 16"."""
    value = AxisValue((row.value,))
    if row.line is None:
        return f"{method_name(row.method)}, {results.value_name(axis, value)}"
    return results.arm_name({**row.line.at, axis: value}, [*row.line.at, axis])


def _measured_text(row: PublishedComparison) -> str:
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


def _references(results: Results, comparisons: Sequence[PublishedComparison], axis: str) -> list[str]:
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
