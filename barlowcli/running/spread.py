"""How much accuracies of one arm scatter over seeds: seen in records, or the experiment's guess."""

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from barlowcli.analysis.results import LABEL, PROBE, Results
from barlowcli.analysis.statistics import pool
from barlowcli.errors import ResultsError
from barlowcli.plan.freezing import read_plan
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.records.folder import ResultsFolder, planned
from barlowcli.records.metrics import INTACT
from barlowcli.records.record import Record, read_records
from barlowcli.running.request import Request

Source = Literal["here", "other runs", "guess"]


@dataclass(frozen=True)
class Spread:
    """Standard deviation of the main probe's accuracy over seeds within an arm, pooled over arms.

    sd: as a fraction. cells: how many it was seen in. source: those of this run, those of other runs under the same
    results folder with the same data set and encoder, or the guess in the experiment file.
    """

    sd: float
    cells: int
    source: Source


def spread_of(plan: Plan, request: Request) -> Spread:
    """What the records show: those of the plan's own cells, else those of other runs; else what the file guesses."""
    here = ResultsFolder(request.folder)
    known = read_records(here, (cell.id for cell in plan.cells))
    like = {key for cell in plan.cells if (key := _kind(cell)) is not None}
    arms = _by_arm(plan, known, like)
    if (found := _pooled(arms, "here")) is not None:
        return found
    for folder in sorted(planned(request.results) - {request.folder}):
        with contextlib.suppress(ResultsError, OSError):  # another run's damage is not this one's
            if (other := read_plan(folder)) is not None and any(_kind(cell) in like for cell in other.cells):
                arms += _by_arm(other, read_records(ResultsFolder(folder), (cell.id for cell in other.cells)), like)
    return _pooled(arms, "other runs") or Spread(plan.experiment.spread, 0, "guess")


def _kind(cell: PlannedCell) -> tuple[str, str] | None:
    """Data set and encoder of a trained cell."""
    config = cell.config
    return (config.data.name, config.encoder.name) if config.method.trains and config.encoder is not None else None


def _by_arm(plan: Plan, records: Mapping[str, Record], like: set[tuple[str, str]]) -> list[list[float]]:
    """Accuracies on intact images, a list an arm."""
    return [values for values in _accuracies(Results(plan, records), like) if len(values) > 1]


def _accuracies(results: Results, like: set[tuple[str, str]]) -> Iterator[list[float]]:
    for arm in results.arms:
        if _kind(arm.cells[0]) in like and "collapsed" not in arm.statuses:
            yield list(arm.accuracies(INTACT, LABEL, PROBE).values())


def _pooled(arms: list[list[float]], source: Source) -> Spread | None:
    found = pool(arms)
    return Spread(math.sqrt(found.variance), sum(map(len, arms)), source) if found is not None else None
