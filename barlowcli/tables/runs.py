"""Every planned cell with all that was measured of it."""

import pandas as pd

from barlowcli.analysis.results import Arm, Results, cell_status
from barlowcli.records.metrics import Metric
from barlowcli.records.record import Record
from barlowcli.tables.frames import FLAG, REAL, TEXT, WHOLE, frame, of_type


def runs(results: Results) -> pd.DataFrame:
    """One row a planned cell: id, axes, seed, control, status ("missing" without a record), domain, every metric.

    Accuracies are fractions. `linear.h.own.label` is the metric in the domain that the cell was trained in; it is
    missing for controls that were never trained.
    """
    axes = list(results.plan.experiment.axes)
    found = {record.id: with_own(record, arm) for arm in results.arms for record in arm.records}
    metrics = sorted({name for values in found.values() for name in values})
    rows: list[list[object]] = []
    for cell in results.plan.cells:
        record, values = results.records.get(cell.id), found.get(cell.id, {})
        domain = record.domain if record is not None else ""
        head = [cell.id, *(str(cell.at[name]) for name in axes), cell.seed, cell.control]
        rows.append([*head, cell_status(results.records, cell), domain, *(values.get(name) for name in metrics)])
    known = [*of_type(TEXT, ["id", *axes]), ("seed", WHOLE), ("control", FLAG), *of_type(TEXT, ["status", "domain"])]
    return frame([*known, *of_type(REAL, metrics)], rows)


def with_own(record: Record, arm: Arm) -> dict[str, float]:
    """The record's metrics, and those of the domain its arm was trained in once more under "own"."""
    home = arm.trained_domain
    own = {Metric.read(name).owned(home): value for name, value in record.metrics.items()} if home is not None else {}
    return record.metrics | {str(metric): value for metric, value in own.items() if metric is not None}
