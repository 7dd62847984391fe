"""Mean and interval of everything measured, arm by arm."""

import pandas as pd

from barlowcli.analysis.results import Results
from barlowcli.analysis.statistics import t_interval
from barlowcli.tables.frames import FLAG, REAL, TEXT, WHOLE, frame, of_type
from barlowcli.tables.runs import with_own


def summary(results: Results) -> pd.DataFrame:
    """One row an arm and metric: axes, control, metric, n, mean, sd, low, high (95 % t interval; none if n < 3).

    Accuracies are fractions.
    """
    axes = list(results.plan.experiment.axes)
    rows: list[list[object]] = []
    for arm in results.arms:
        by_metric: dict[str, list[float]] = {}
        for record in arm.records:
            for name, value in with_own(record, arm).items():
                by_metric.setdefault(name, []).append(value)
        head = [*(str(arm.at[name]) for name in axes), arm.control]
        for name in sorted(by_metric):
            interval = t_interval(by_metric[name])
            rows.append([*head, name, interval.n, interval.mean, interval.sd, interval.low, interval.high])
    known = [*of_type(TEXT, axes), ("control", FLAG), ("metric", TEXT), ("n", WHOLE)]
    return frame([*known, *of_type(REAL, ["mean", "sd", "low", "high"])], rows)
