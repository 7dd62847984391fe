"""`barlow report`: tables, verdicts, plots and a page from plan.json and the records, and from nothing else.

Built twice from the same records, every file is the same to the byte.
"""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barlowcli.analysis.results import Records, Results
from barlowcli.plan.freezing import plan_of
from barlowcli.plots.saving import Plot
from barlowcli.plots.training import Log
from barlowcli.records.answers import KeptAnswers
from barlowcli.records.files import write_bytes, write_json, write_text
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.logs import read_log
from barlowcli.records.record import read_records
from barlowcli.report.content import Content, content_of
from barlowcli.report.page import render
from barlowcli.report.summary import summary_lines
from barlowcli.tables.contrasts import contrasts
from barlowcli.tables.costs import costs
from barlowcli.tables.published import published
from barlowcli.tables.runs import runs
from barlowcli.tables.summary import summary
from barlowcli.tables.writing import csv_text, latex, markdown
from barlowcli.verdicts.document import verdict_document
from barlowcli.verdicts.findings import Finding

PLOT_NAME = re.compile(r"accuracy|curve|training|factor-.+")
"""Of every plot that a report can have."""


@dataclass(frozen=True)
class Report:
    """What was written and found.

    partial: planned cells have no numbers: not run, failed or diverged. counts: planned, done, missing, failed, and
    of those done collapsed and diverged. document: the content of verdict.json. summary_lines: what was found, in
    plain words, for a terminal.
    """

    folder: Path
    partial: bool
    counts: Mapping[str, int]
    findings: tuple[Finding, ...]
    document: Mapping[str, Any]
    summary_lines: tuple[str, ...]

    def as_value(self) -> dict[str, Any]:
        """What `--json` prints: the content of verdict.json, and the summary in words."""
        return {**self.document, "summary": list(self.summary_lines)}


def write_report(folder: Path) -> Report:
    """Build everything in `folder` (results/<experiment>/<preset>) again.

    Of barlow's plots `plots/` then holds this report's alone. Raises ResultsError: no plan, or a damaged plan, record
    or log.
    """
    files = ResultsFolder(folder)
    plan = plan_of(folder)
    ids = tuple(cell.id for cell in plan.cells)
    first = read_records(files, (cell.id for cell in plan.first))
    results = Results(plan, read_records(files, ids), KeptAnswers(files, ids), first)
    content = content_of(results, read_logs(files, results.records))
    document = verdict_document(plan, content.findings, content.counts, partial=content.partial)
    write_tables(files, content)
    write_json(files.verdict, document)
    write_plots(files.plots, content.plots)
    write_text(files.page, render(content))
    lines = tuple(summary_lines(content))
    return Report(folder, content.partial, content.counts, content.findings, document, lines)


def write_tables(files: ResultsFolder, content: Content) -> None:
    """Write every table as CSV, and the overview as Markdown, with its legend, and as LaTeX."""
    results, read = content.results, content.overview
    write_text(files.runs_csv, csv_text(runs(results)))
    write_text(files.summary_csv, csv_text(summary(results)))
    legend = html.escape(read.legend, quote=False)
    write_text(files.summary_markdown, f"{markdown(read.texts)}\n{legend}\n")
    write_text(files.summary_latex, latex(read.texts, rules=[row for row in read.controls if row]))
    write_text(files.contrasts_csv, csv_text(contrasts(content.verdicts)))
    cost, beside = costs(results), published(results)
    write_optional(files.costs_csv, csv_text(cost) if len(cost) else "")
    write_optional(files.published_csv, csv_text(beside) if beside is not None else "")


def read_logs(folder: ResultsFolder, records: Records) -> dict[str, Log]:
    """Cell id -> training log, of cells that have a record; a cell still under way does not change a report."""
    logs: dict[str, Log] = {}
    for name in records:
        path = folder.cell(name).log
        if path.is_file():
            logs[name] = read_log(path)
    return logs


def write_optional(path: Path, text: str) -> None:
    """Write a file that not every report has, or remove that of an earlier report where there is nothing to write."""
    if text:
        write_text(path, text)
    else:
        path.unlink(missing_ok=True)


def write_plots(folder: Path, plots: Sequence[Plot]) -> None:
    """Write each plot as .svg and .png, and remove those of an earlier report that this one does not have; pictures
    that others put there stay."""
    files = {f"{plot.name}.svg": plot.svg for plot in plots} | {f"{plot.name}.png": plot.png for plot in plots}
    for name, content in files.items():
        write_bytes(folder / name, content)
    for path in (*folder.glob("*.svg"), *folder.glob("*.png")):
        if path.name not in files and PLOT_NAME.fullmatch(path.stem):
            path.unlink()
