"""The tables of a report as CSV: runs, summary, contrasts. The same records give the same bytes."""

import csv
import io
from collections.abc import Iterable, Sequence

from barlowcli.analysis.results import Arm, Results
from barlowcli.analysis.statistics import Interval, paired_differences, t_interval
from barlowcli.records.metrics import Metric
from barlowcli.records.record import Record
from barlowcli.verdicts import Verdict


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Comma-separated, "\\n" at line ends, floats with six decimals, None as nothing."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_field(value) for value in row] for row in rows)
    return buffer.getvalue()


def _field(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6f}" if isinstance(value, float) else str(value)


def with_own(record: Record, arm: Arm) -> dict[str, float]:
    """The record's metrics, and those of the domain its arm was trained in once more under "own"."""
    home = arm.trained_domain
    own = {Metric.read(name).owned(home): value for name, value in record.metrics.items()} if home is not None else {}
    return record.metrics | {str(metric): value for metric, value in own.items() if metric is not None}


def runs_csv(results: Results) -> str:
    """One row a planned cell: id, axes, seed, control, status ("missing" without a record), domain, every metric.

    Accuracies are fractions. `linear.h.own.label` is the metric in the domain that the cell was trained in; it is
    empty for controls that were never trained.
    """
    plan, axes = results.plan, list(results.plan.experiment.axes)
    found = {record.id: with_own(record, arm) for arm in results.arms for record in arm.records}
    metrics = sorted({name for values in found.values() for name in values})
    rows = []
    for cell in plan.cells:
        record, values = results.records.get(cell.id), found.get(cell.id, {})
        status, domain = (record.status, record.domain) if record is not None else ("missing", "")
        named = [str(cell.at[name]) for name in axes]
        control = "yes" if cell.control else "no"
        rows.append([cell.id, *named, cell.seed, control, status, domain, *(values.get(name) for name in metrics)])
    return csv_text(["id", *axes, "seed", "control", "status", "domain", *metrics], rows)


def summary_csv(results: Results) -> str:
    """Long: one row an arm and metric: axes, control, metric, n, mean, sd, low, high (95 % t interval; none if n < 3).

    Accuracies are fractions.
    """
    axes = list(results.plan.experiment.axes)
    rows: list[list[object]] = []
    for arm in results.arms:
        by_metric: dict[str, list[float]] = {}
        for record in arm.records:
            for name, value in with_own(record, arm).items():
                by_metric.setdefault(name, []).append(value)
        head = [*(str(arm.at[name]) for name in axes), "yes" if arm.control else "no"]
        for name in sorted(by_metric):
            interval = t_interval(by_metric[name])
            rows.append([*head, name, interval.n, interval.mean, interval.sd, interval.low, interval.high])
    return csv_text([*axes, "control", "metric", "n", "mean", "sd", "low", "high"], rows)


def contrasts_csv(verdicts: Sequence[Verdict]) -> str:
    """One row a paired difference of a judgement: claim, case, domains, what was held against what, its 95 % and 90 %
    intervals, and, in the row that was tested, bound, p both ways before and after Holm, and the verdict.

    Differences are in fractions of accuracy; the row "g = (A - R) / (F - R)" is the share of the gain.
    """
    header = ["claim", "case", "domains", "contrast", "first", "second", "n", "effect", "sd", "low_95", "high_95"]
    header += ["low_90", "high_90", "test", "margin", "p_supported", "p_refuted", "p_supported_holm", "p_refuted_holm"]
    return csv_text([*header, "verdict"], [row for verdict in verdicts for row in _contrast_rows(verdict)])


def _contrast_rows(verdict: Verdict) -> list[list[object]]:
    outcome = verdict.outcome
    arm, floor, full, base = (verdict.accuracy(role) for role in ("arm", "floor", "full", "base"))
    if outcome is None or arm is None:
        return []
    head = [verdict.claim.id, verdict.name, "+".join(verdict.domains)]
    pairs = [("A - B", arm, other) for other in verdict.accuracies if other.role == "against"]
    pairs += [("A - R", arm, floor)] if floor else []
    pairs += [("F - R", full, floor)] if full and floor else []
    pairs += [("F - R", full, base)] if full and base else []
    tested: list[object] = [verdict.claim.test, outcome.margin, outcome.p_supported, outcome.p_refuted]
    tested += [verdict.holm_supported, verdict.holm_refuted, verdict.word]
    rows: list[list[object]] = []
    for index, (name, first, second) in enumerate(pairs):
        differences = list(paired_differences(first.values, second.values).values())
        numbers = _numbers(t_interval(differences), t_interval(differences, 0.90))
        is_tested = verdict.claim.test in ("above", "equivalence") and index == 0
        label = f"{second.name} [{second.metric}]"
        rows.append(
            [*head, name, f"{first.name} [{first.metric}]", label, *numbers, *(tested if is_tested else [None] * 7)]
        )
    if verdict.claim.test not in ("above", "equivalence"):
        gain = "A - B" if verdict.claim.compares_gains else "A - R"
        label = f"({gain}) - (F - R)" if outcome.quantity == "difference" else f"g = ({gain}) / (F - R)"
        numbers = (
            _numbers(outcome.interval, outcome.decision)
            if outcome.interval
            else [outcome.n, outcome.effect, *[None] * 5]
        )
        rows.append([*head, label, "", "", *numbers, *tested])
    return rows


def _numbers(wide: Interval, narrow: Interval | None) -> list[object]:
    ends = [narrow.low, narrow.high] if narrow else [None, None]
    return [wide.n, wide.mean, wide.sd, wide.low, wide.high, *ends]
