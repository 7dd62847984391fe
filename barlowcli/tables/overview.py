"""The summary that is read: arms and controls as rows, the main metrics as columns."""

from dataclasses import dataclass, replace
from typing import Literal

from barlowcli.analysis.results import PROBE, Arm, Results, shuffle_axes
from barlowcli.analysis.statistics import Interval, t_interval
from barlowcli.analysis.wording import domain_name, label_name, metric_name, percent, status_name
from barlowcli.records.metrics import INTACT, OWN, Metric
from barlowcli.tables.reading import Reading, texts

Kind = Literal["percent", "share", "number"]
LEGEND = (
    "Accuracies in per cent, mean ± half of the 95 % t interval over seeds (no interval below three seeds), by a "
    "linear probe of the encoder's output h unless the column says kNN or z. Own images: shuffled as the encoder was "
    "trained, for an untrained one as the row says; intact images: as they are. Histogram R²: how well h tells the "
    "image's colour histogram. Matching: how often the two views of an image find each other within a batch. RankMe: "
    "effective number of dimensions. std z: spread of the normalised embeddings, 0 collapsed, 1 even in all directions."
)


@dataclass(frozen=True)
class Column:
    """metric: with "own" in the place of the domain where it is the row's own."""

    metric: Metric
    title: str
    kind: Kind

    def text(self, interval: Interval | None) -> str:
        """ "43.1 ± 1.2", without the half-width where n < 3; "" for no value."""
        if interval is None:
            return ""
        scale, digits = {"percent": (100, 1), "share": (1, 2), "number": (1, 1)}[self.kind]
        mean = f"{scale * interval.mean:.{digits}f}"
        half = interval.half_width
        return mean if half is None else f"{mean} ± {scale * half:.{digits}f}"


SIDE_COLUMNS = (
    Column(Metric("histogram_r2", "h", INTACT), "histogram R²", "share"),
    Column(Metric("matching"), "matching", "percent"),
    Column(Metric("rankme", "h", INTACT), "RankMe h", "number"),
    Column(Metric("rankme", "z", INTACT), "RankMe z", "number"),
    Column(Metric("std", "z", INTACT), "std z", "share"),
)


def overview(results: Results) -> Reading:
    """The table of a run; columns without any value are left out."""
    columns = _columns(results)
    views = [view for arm in results.arms for view in _views(results, arm)]
    found = [[_interval(view, column) for column in columns] for view in views]
    kept = [i for i in range(len(columns)) if any(row[i] is not None for row in found)]
    rows = [
        [view.name, str(len(view.arm.records)), *(columns[i].text(row[i]) for i in kept), _status(view.arm)]
        for view, row in zip(views, found, strict=True)
    ]
    beside = [view.arm.control for view in views]
    return Reading(
        texts=texts(["arm", "n", *(columns[i].title for i in kept), "status"], rows),
        legend=_legend(results),
        controls=tuple(i for i, control in enumerate(beside) if control and not (i and beside[i - 1])),
    )


def _legend(results: Results) -> str:
    """What the columns mean, and what chance gives."""
    chance = {
        label_name(label, record.label_names): value
        for record in results.records.values()
        for label, value in record.chance.items()
    }
    chances = ", ".join(f"{name} {percent(value)}" for name, value in chance.items())
    return f"{LEGEND} Chance: {chances}." if chances else LEGEND


@dataclass(frozen=True)
class _View:
    """A row to be: an arm, the domain it is at home in, and for histograms the probe that stands for `PROBE`."""

    arm: Arm
    name: str
    own: str
    probe: Metric = PROBE
    first: bool = True


def _views(results: Results, arm: Arm) -> list[_View]:
    """One row an arm; for an untrained encoder one a domain; for histograms one a probe."""
    name = results.arm_name(arm.at)
    if arm.trained_domain is not None:
        return [_View(arm, name, arm.trained_domain)]
    if arm.method.encodes:
        shuffles = shuffle_axes(results.plan)
        name = results.arm_name(arm.at, [axis for axis in results.varying if axis not in shuffles])
        domains = [domain for other, domain in results.untrained if other is arm]
        return [_View(arm, f"{name}, {domain_name(domain)}", domain, first=domain == INTACT) for domain in domains]
    probes = [_View(arm, f"histogram: {metric_name(probe)}", INTACT, probe) for probe in arm.probes]
    return probes or [_View(arm, name, INTACT)]


def _interval(view: _View, column: Column) -> Interval | None:
    metric = column.metric
    if metric.domain == OWN:
        metric = metric.within(view.own)
    elif not view.first:
        return None
    if view.probe != PROBE:
        if (metric.probe, metric.space) != (PROBE.probe, PROBE.space):
            return None
        metric = replace(view.probe, domain=metric.domain, label=metric.label)
    values = list(view.arm.values(metric).values())
    return t_interval(values) if values else None


def _columns(results: Results) -> list[Column]:
    domains = {OWN: "own images", INTACT: "intact images"} if results.shuffled else {INTACT: ""}
    columns = [
        Column(replace(PROBE, domain=domain, label=label), ", ".join(part for part in (name, where) if part), "percent")
        for label, name in results.labels.items()
        for domain, where in domains.items()
    ]
    k = max((k for cell in results.plan.cells for k in cell.config.evaluation.knn_k), default=0)
    home, where = (OWN, ", own images") if results.shuffled else (INTACT, "")
    for label, name in list(results.labels.items())[:1]:
        columns.append(Column(Metric(f"knn{k}", "h", home, label), f"{name}, kNN{where}", "percent"))
        columns.append(Column(Metric("linear", "z", home, label), f"{name}, z{where}", "percent"))
    return [*columns, *SIDE_COLUMNS]


def _status(arm: Arm) -> str:
    counts = arm.statuses
    if len(counts) == 1 and (only := next(iter(counts.items())))[1] == len(arm.cells):
        return status_name(only[0])
    return ", ".join(f"{count} {status_name(status)}" for status, count in counts.items())
