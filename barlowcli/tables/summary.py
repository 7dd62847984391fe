"""The wide summary that is read: arms and controls as rows, the main metrics as columns; as Markdown and LaTeX."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from barlowcli.analysis.results import (
    PROBE,
    Arm,
    Records,
    group,
    in_domain,
    metric_domain,
    probes_of,
    untrained_domains,
    varying,
)
from barlowcli.analysis.statistics import Interval, t_interval
from barlowcli.analysis.wording import arm_name, domain_name, label_name, metric_name, percent
from barlowcli.plan.plan import Plan

Kind = Literal["percent", "share", "number"]
SIDE_COLUMNS: tuple[tuple[str, str, Kind], ...] = (
    ("histogram_r2.h.none", "histogram R²", "share"),
    ("matching", "matching", "percent"),
    ("rankme.h.none", "RankMe h", "number"),
    ("rankme.z.none", "RankMe z", "number"),
    ("std.z.none", "std z", "share"),
)
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

    metric: str
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


@dataclass(frozen=True)
class Row:
    """name: in words. texts: one a column. status: what is not as it should be, "" where nothing is."""

    name: str
    control: bool
    n: int
    texts: tuple[str, ...]
    status: str


@dataclass(frozen=True)
class Summary:
    """The table; columns and rows in the order to be read. chance: label in words -> accuracy by chance."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    chance: dict[str, float]

    @property
    def legend(self) -> str:
        """What the columns mean, and what chance gives."""
        chances = ", ".join(f"{name} {percent(value)}" for name, value in self.chance.items())
        return f"{LEGEND} Chance: {chances}." if chances else LEGEND

    def markdown(self) -> str:
        """A GitHub table with its legend."""
        header = ["arm", "n", *(column.title for column in self.columns), "status"]
        rule = ["---", *["---:"] * (len(self.columns) + 1), "---"]
        body = [[row.name, str(row.n), *row.texts, row.status] for row in self.rows]
        lines = [f"| {' | '.join(map(markdown_escape, cells))} |" for cells in (header, rule, *body)]
        return "\n".join(lines) + f"\n\n{html.escape(self.legend, quote=False)}\n"

    def latex(self) -> str:
        """A booktabs tabular; needs the package booktabs."""
        header = ["arm", "n", *(column.title for column in self.columns), "status"]
        lines = [
            "% needs \\usepackage{booktabs}",
            f"\\begin{{tabular}}{{l{'r' * (len(self.columns) + 1)}l}}",
            "\\toprule",
            _latex_row(header),
            "\\midrule",
        ]
        for index, row in enumerate(self.rows):
            if row.control and index and not self.rows[index - 1].control:
                lines.append("\\midrule")
            lines.append(_latex_row([row.name, str(row.n), *row.texts, row.status]))
        return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def summarise(plan: Plan, records: Records) -> Summary:
    """The table of `plan`; columns without any value are left out."""
    arms = group(plan.cells)
    columns = _columns(plan, records)
    homes = untrained_domains(arms)
    views = [view for arm in arms for view in _views(plan, arm, records, homes)]
    cells = [[_interval(view, column, records) for column in columns] for view in views]
    kept = [i for i in range(len(columns)) if any(row[i] is not None for row in cells)]
    rows = [
        Row(
            name=view.name,
            control=view.arm.control,
            n=len(view.arm.records(records)),
            texts=tuple(columns[i].text(row[i]) for i in kept),
            status=_status(view.arm, records),
        )
        for view, row in zip(views, cells, strict=True)
    ]
    chance = {
        label_name(label, record.label_names): value
        for record in records.values()
        for label, value in record.chance.items()
    }
    return Summary(tuple(columns[i] for i in kept), tuple(rows), chance)


@dataclass(frozen=True)
class _View:
    """A row to be: an arm, the domain it is at home in, and for histograms the probe that stands for `PROBE`."""

    arm: Arm
    name: str
    own: str
    probe: str = PROBE
    first: bool = True


def _views(plan: Plan, arm: Arm, records: Records, homes: Sequence[tuple[Arm, str]]) -> list[_View]:
    """One row an arm; for an untrained encoder one a domain; for histograms one a probe."""
    names = varying(plan)
    name = arm_name(arm.axes, names)
    if arm.trained_domain is not None:
        return [_View(arm, name, arm.trained_domain)]
    if arm.cells[0].config.method.encodes:
        name = arm_name(arm.axes, [axis for axis in names if axis != "shuffle"])
        domains = [domain for other, domain in homes if other is arm]
        return [_View(arm, f"{name}, {domain_name(domain)}", domain, first=domain == "none") for domain in domains]
    probes = [_View(arm, f"histogram: {metric_name(probe)}", "none", probe) for probe in probes_of(arm, records)]
    return probes or [_View(arm, name, "none")]


def _interval(view: _View, column: Column, records: Records) -> Interval | None:
    metric = column.metric
    if metric_domain(metric) == "own":
        metric = in_domain(metric, view.own)
    elif not view.first:
        return None
    if view.probe != PROBE:
        if not metric.startswith(f"{PROBE}."):
            return None
        metric = view.probe + metric.removeprefix(PROBE)
    values = list(view.arm.values(records, metric).values())
    return t_interval(values) if values else None


def _columns(plan: Plan, records: Records) -> list[Column]:
    names: dict[str, str] = {}
    for record in (record for record in records.values() if record.metrics):
        names |= {label: label_name(label, record.label_names) for label in record.labels}
    shuffled = any(arm.trained_domain not in (None, "none") for arm in group(plan.cells))
    domains = {"own": "own images", "none": "intact images"} if shuffled else {"none": ""}
    columns = [
        Column(f"{PROBE}.{domain}.{label}", ", ".join(part for part in (name, where) if part), "percent")
        for label, name in names.items()
        for domain, where in domains.items()
    ]
    k = max((k for cell in plan.cells for k in cell.config.evaluation.knn_k), default=0)
    home, where = ("own", ", own images") if shuffled else ("none", "")
    for label, name in list(names.items())[:1]:
        columns.append(Column(f"knn{k}.h.{home}.{label}", f"{name}, kNN{where}", "percent"))
        columns.append(Column(f"linear.z.{home}.{label}", f"{name}, z{where}", "percent"))
    return columns + [Column(*column) for column in SIDE_COLUMNS]


def _status(arm: Arm, records: Records) -> str:
    counts = arm.statuses(records)
    words = {"missing": "not run"}
    if len(counts) == 1 and (only := next(iter(counts.items())))[1] == len(arm.cells):
        return words.get(only[0], only[0])
    return ", ".join(f"{count} {words.get(status, status)}" for status, count in counts.items())


def markdown_escape(text: str) -> str:
    """`text` on one line of a table, with what Markdown would take for HTML or for the end of a cell made plain."""
    return " ".join(html.escape(text, quote=False).replace("|", "\\|").split())


LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "²": r"$^2$",
}


def latex_escape(text: str) -> str:
    """`text` with every character that LaTeX would take for a command made plain."""
    return "".join(LATEX.get(character, character) for character in text)


def _latex_row(cells: Iterable[str]) -> str:
    return " & ".join(latex_escape(cell) for cell in cells) + r" \\"
