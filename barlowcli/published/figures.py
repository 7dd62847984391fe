"""Published figures and their changes against a reference, read from the CSV files beside this module.

A file has a column `method` (all of its rows are Barlow Twins' where it has none), a column for the axis, and top-1
accuracy in per cent, `top1`, or its change in percentage points, `top1_change`. `source` is the paper, table or thread;
"same" there is the row before. `how` is exact, as printed, or digitised, read off a figure.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from barlowcli.entries import did_you_mean
from barlowcli.errors import ConfigError
from barlowcli.experiment.model import Published

FOLDER = Path(__file__).resolve().parent
ONLY_METHOD = "barlow"
"""Of files without a column `method`: tables of the Barlow Twins paper."""
AS_PRINTED = "exact"
SAME = "same"
SETTINGS = {"imagenet": "ResNet-50 on ImageNet", "cifar10": "ResNet-18 on CIFAR-10"}
"""What the figures of a file are of, by the first part of its name."""


@dataclass(frozen=True)
class Figure:
    """A row of a file. value: of the axis, as text; number: per cent, or percentage points of a change; how: exact or
    digitised, with its error."""

    method: str
    value: str
    number: float
    source: str
    how: str


@dataclass(frozen=True)
class Figures:
    """A file. axis: name of its column for the axis; changes: the numbers are changes already."""

    file: str
    axis: str
    changes: bool
    rows: tuple[Figure, ...]

    @property
    def setting(self) -> str:
        """What they were measured on: "ResNet-50 on ImageNet"."""
        return SETTINGS[self.file.partition("_")[0]]


@dataclass(frozen=True)
class Change:
    """A published figure against its method's reference. points: percentage points; reference: a value of the axis."""

    method: str
    value: str
    points: float
    reference: str
    source: str
    how: str


def read_figures(file: str) -> Figures:
    """Read one file by its name. Raises ConfigError where there is none of that name."""
    known = sorted(path.name for path in FOLDER.glob("*.csv"))
    if file not in known:
        raise ConfigError([f"published.file: no file `{file}` of published figures"], hint=did_you_mean(file, known))
    with (FOLDER / file).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    columns = list(rows[0])
    axis = next(name for name in columns if name != "method")
    number = "top1_change" if "top1_change" in columns else "top1"
    found: list[Figure] = []
    source = ""
    for row in rows:
        source = _source(row["source"], source)
        method, how = row.get("method", ONLY_METHOD), row.get("how", AS_PRINTED)
        found.append(Figure(method, row[axis], float(row[number]), source, how))
    return Figures(file, axis, number == "top1_change", tuple(found))


def _source(text: str, before: str) -> str:
    """`text`, with the source of the row before in the place of "same", less its own remark where `text` has one."""
    if text != SAME and not text.startswith(f"{SAME} "):
        return text
    remark = text.removeprefix(SAME)
    return (before.partition(" (")[0] if remark else before) + remark


def changes(published: Published) -> list[Change]:
    """Every figure of the file as a change against its method's reference, in the file's order.

    Methods without a reference are left out. Raises ConfigError: no such file, a reference that the file does not
    have, or two figures of one method at one value.
    """
    figures = read_figures(published.file)
    levels = {(row.method, row.value): row.number for row in figures.rows}
    if len(levels) < len(figures.rows):
        raise ConfigError([f"published.file: {figures.file} has several figures of a method at one {figures.axis}"])
    for method, reference in published.reference.items():
        _check_reference(figures, method, reference)
    return [
        Change(
            method=row.method,
            value=row.value,
            points=row.number if figures.changes else row.number - levels[row.method, published.reference[row.method]],
            reference=published.reference[row.method],
            source=row.source,
            how=row.how,
        )
        for row in figures.rows
        if row.method in published.reference
    ]


def _check_reference(figures: Figures, method: str, reference: str) -> None:
    values = [row.value for row in figures.rows if row.method == method]
    if not values:
        known = list(dict.fromkeys(row.method for row in figures.rows))
        problem = f"published.reference: {figures.file} has no figures of `{method}`"
        raise ConfigError([problem], hint=did_you_mean(method, known))
    if reference not in values:
        problem = f"published.reference.{method}: {figures.file} has no {figures.axis} `{reference}` of it"
        raise ConfigError([problem], hint=did_you_mean(reference, values))
