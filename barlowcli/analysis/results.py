"""The cells of a plan grouped into arms, and the numbers that records hold for them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.records.record import Record

PROBE = "linear.h"
"""The main probe: linear, on the encoder's output."""
Records = Mapping[str, Record]
"""Cell id -> record."""


@dataclass(frozen=True)
class Arm:
    """A setting of the axes with its cells, one a seed. axes: "-" where an axis has no meaning for it."""

    axes: Mapping[str, str]
    control: bool
    cells: tuple[PlannedCell, ...]

    @property
    def trained_domain(self) -> str | None:
        """The shuffle arm it was trained under, in which it is at home; None where it was not trained."""
        return trained_domain(self.cells[0])

    @property
    def domains(self) -> tuple[str, ...]:
        """The shuffle arms in which it is probed."""
        return self.cells[0].config.evaluation.domains

    def records(self, records: Records) -> list[Record]:
        """Records of its cells that are there and have numbers, by seed."""
        found = (records.get(cell.id) for cell in self.cells)
        return [record for record in found if record is not None and record.metrics]

    def values(self, records: Records, metric: str) -> dict[int, float]:
        """Seed -> value of `metric`, for the cells that have it."""
        return {record.seed: record.metrics[metric] for record in self.records(records) if metric in record.metrics}

    def statuses(self, records: Records) -> dict[str, int]:
        """Status -> number of cells, of those with one other than ok; "missing" where there is no record."""
        counts: dict[str, int] = {}
        for cell in self.cells:
            status = record.status if (record := records.get(cell.id)) else "missing"
            if status != "ok":
                counts[status] = counts.get(status, 0) + 1
        return counts


def trained_domain(cell: PlannedCell) -> str | None:
    """The shuffle arm a cell is trained under, None for an untrained control."""
    return cell.config.views.shuffle if cell.config.views is not None else None


def group(cells: Iterable[PlannedCell]) -> list[Arm]:
    """Arms in the order of their first cells."""
    members: dict[tuple[tuple[str, str], ...], list[PlannedCell]] = {}
    for cell in cells:
        members.setdefault(tuple(cell.axes.items()), []).append(cell)
    return [
        Arm(axes=dict(axes), control=found[0].control, cells=tuple(sorted(found, key=lambda cell: cell.seed)))
        for axes, found in members.items()
    ]


def untrained_domains(arms: Iterable[Arm]) -> list[tuple[Arm, str]]:
    """Encoders that were never trained, with each domain they are probed in, once (an arm of its own for another
    domain repeats the standard ones)."""
    found: dict[tuple[str, str], Arm] = {}
    for arm in arms:
        method = arm.cells[0].config.method
        if method.encodes and not method.trains:
            rest = str({name: value for name, value in arm.axes.items() if name != "shuffle"})
            for domain in arm.domains:
                found.setdefault((rest, domain), arm)
    return [(arm, domain) for (_, domain), arm in found.items()]


def probes_of(arm: Arm, records: Records) -> list[str]:
    """Probe and space of every accuracy that the arm's records have: "knn50.joint"."""
    names = (name.split(".") for record in arm.records(records) for name in record.metrics)
    return sorted({".".join(parts[:2]) for parts in names if len(parts) == 4})


def varying(plan: Plan) -> list[str]:
    """Axes with more than one value among all cells, controls too: those that must be told apart."""
    names = list(plan.experiment.axes)
    return [name for name in names if len({cell.axes.get(name, "-") for cell in plan.cells} - {"-"}) > 1]


def number(value: str) -> float:
    """An axis value as a number, to order by: "64" -> 64, "patch-4" -> 4, "none" -> infinity (a patch of any size)."""
    digits = value.removeprefix("patch-")
    named = {"pixels": 1.0, "none": math.inf}
    try:
        return named[value] if value in named else float(digits)
    except ValueError:
        return math.inf


def own_metric(metric: str, domain: str) -> str:
    """`metric` with "own" for its domain: "linear.h.own.label"; "" where it has another domain, or no label."""
    parts = metric.split(".")
    if len(parts) < 4 or parts[2] != domain:
        return ""
    return ".".join([*parts[:2], "own", *parts[3:]])


def in_domain(metric: str, domain: str) -> str:
    """ "linear.h.own.label" -> "linear.h.pixels.label"."""
    parts = metric.split(".")
    return ".".join([*parts[:2], domain, *parts[3:]])


def metric_domain(metric: str) -> str | None:
    """The domain a metric was measured in, None for one without."""
    parts = metric.split(".")
    return parts[2] if len(parts) >= 3 else None
