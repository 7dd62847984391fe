"""Every planned cell with all that was measured of it."""

import pandas as pd

from barlowcli.analysis.results import Arm, Results, cell_status
from barlowcli.plan.choosing import metric_of, validation_accuracy
from barlowcli.plan.plan import Plan, PlannedCell, TrialCell
from barlowcli.records.metrics import Metric
from barlowcli.records.record import Record
from barlowcli.tables.frames import FLAG, REAL, TEXT, WHOLE, frame, of_type


def runs(results: Results) -> pd.DataFrame:
    """One row a planned cell: id, axes, seed, control, status ("missing" without a record), domain, every metric.

    Accuracies are fractions. `linear.h.own.label` is the metric in the domain that the cell was trained in; it is
    missing for controls that were never trained. Where there is a first stage its cells come last, and three columns
    say of them the stage, what was tried and the validation accuracy that decides.
    """
    plan, axes = results.plan, list(results.plan.experiment.axes)
    found = {record.id: with_own(record, arm) for arm in results.arms for record in arm.records}
    metrics = sorted({name for values in found.values() for name in values})
    staged = bool(plan.first)
    rows: list[list[object]] = []
    for cell in (*plan.cells, *plan.first):
        records = results.first if isinstance(cell, TrialCell) else results.records
        record, values = records.get(cell.id), found.get(cell.id, {})
        domain = record.domain if record is not None else ""
        head = [cell.id, *(str(cell.at[name]) for name in axes), cell.seed, cell.control]
        stage = _stage(plan, cell, record) if staged else []
        status = cell_status(records, cell)
        rows.append([*head, *stage, status, domain, *(values.get(name) for name in metrics)])
    known = [*of_type(TEXT, ["id", *axes]), ("seed", WHOLE), ("control", FLAG)]
    known += [*of_type(TEXT, ["stage", "tried"]), ("validation_accuracy", REAL)] if staged else []
    return frame([*known, *of_type(TEXT, ["status", "domain"]), *of_type(REAL, metrics)], rows)


def _stage(plan: Plan, cell: PlannedCell, record: Record | None) -> list[object]:
    """Stage, what was tried, and the accuracy that decides; nothing of a cell that is judged."""
    if not isinstance(cell, TrialCell):
        return [None, None, None]
    accuracy = validation_accuracy(record, metric_of(plan, cell.stage))
    return [cell.stage, cell.candidate_text, accuracy]


def with_own(record: Record, arm: Arm) -> dict[str, float]:
    """The record's metrics, and those of the domain its arm was trained in once more under "own"."""
    home = arm.trained_domain
    own = {Metric.read(name).owned(home): value for name, value in record.metrics.items()} if home is not None else {}
    return record.metrics | {str(metric): value for metric, value in own.items() if metric is not None}
