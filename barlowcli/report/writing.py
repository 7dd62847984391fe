"""`barlow report`: tables, verdicts, plots and a page from plan.json and the records, and from nothing else.

Built twice from the same records, every file is the same to the byte.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barlowcli.analysis.results import Records, Results
from barlowcli.analysis.wording import capital
from barlowcli.errors import ResultsError
from barlowcli.plan.freezing import read_plan
from barlowcli.plots.accuracy import accuracy_plot
from barlowcli.plots.curve import curve_plot
from barlowcli.plots.factors import factor_plots
from barlowcli.plots.style import Plot
from barlowcli.plots.training import Log, training_plot
from barlowcli.records.files import write_bytes, write_json, write_text
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.logs import read_log
from barlowcli.records.record import read_records
from barlowcli.report.page import render
from barlowcli.report.setting import caveats, diverged, mode, screened, setting
from barlowcli.tables.costs import costs
from barlowcli.tables.files import contrasts_csv, runs_csv, summary_csv
from barlowcli.tables.published import published_table
from barlowcli.tables.summary import summarise
from barlowcli.verdicts import judge
from barlowcli.verdicts.document import verdict_document
from barlowcli.verdicts.findings import Finding, draw_together, meaning, notes, reason


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

    `plots/` then holds this report's plots alone. Raises ResultsError: no plan, or a damaged plan, record or log.
    """
    files = ResultsFolder(folder)
    plan = read_plan(folder)
    if plan is None:
        raise ResultsError(f"no plan.json in {folder}", hint="`barlow run EXPERIMENT` makes one")
    results = Results(plan, read_records(files, (cell.id for cell in plan.cells)))
    counts = count(results)
    partial = bool(results.lacking)
    verdicts = judge(results)
    findings = draw_together(plan, verdicts)
    summary = summarise(results)
    cost_table = costs(results)
    comparison = published_table(results)
    plots = draw(results, read_logs(files, results.records))

    write_text(files.runs_csv, runs_csv(results))
    write_text(files.summary_csv, summary_csv(results))
    write_text(files.summary_markdown, summary.markdown())
    write_text(files.summary_latex, summary.latex())
    write_text(files.contrasts_csv, contrasts_csv(verdicts))
    write_optional(files.costs_csv, cost_table.csv() if cost_table.rows else "")
    write_optional(files.published_csv, comparison.csv() if comparison else "")
    document = verdict_document(plan, findings, counts, partial=partial)
    write_json(files.verdict, document)
    write_plots(files.plots, plots)
    page = render(results, findings, summary, cost_table, comparison, plots, counts, partial=partial)
    write_text(files.page, page)
    lines = summary_lines(results, findings, counts)
    return Report(folder, partial, counts, tuple(findings), document, tuple(lines))


def read_logs(folder: ResultsFolder, records: Records) -> dict[str, Log]:
    """Cell id -> training log, of cells that have a record; a cell still under way does not change a report."""
    logs: dict[str, Log] = {}
    for name in records:
        path = folder.cell(name).log
        if path.is_file():
            logs[name] = read_log(path)
    return logs


def count(results: Results) -> dict[str, int]:
    """Cells by what became of them; collapsed and diverged ones are done."""
    records = results.records
    statuses = [records[cell.id].status if cell.id in records else "missing" for cell in results.plan.cells]
    failed, missing = statuses.count("failed"), statuses.count("missing")
    return {
        "planned": len(statuses),
        "done": len(statuses) - failed - missing,
        "missing": missing,
        "failed": failed,
        "collapsed": statuses.count("collapsed"),
        "diverged": statuses.count("diverged"),
    }


def draw(results: Results, logs: Mapping[str, Log]) -> list[Plot]:
    """All plots there is something to show in, first the curve of an experiment that has one, else accuracy by arm."""
    main = curve_plot(results) or accuracy_plot(results)
    first = [main, *factor_plots(results), training_plot(results, logs)]
    return [plot for plot in first if plot is not None]


def write_optional(path: Path, text: str) -> None:
    """Write a file that not every report has, or remove that of an earlier report where there is nothing to write."""
    if text:
        write_text(path, text)
    else:
        path.unlink(missing_ok=True)


def write_plots(folder: Path, plots: Sequence[Plot]) -> None:
    """Write each plot as .svg and .png, and remove those of an earlier report that this one does not have."""
    files = {f"{plot.name}.svg": plot.svg for plot in plots} | {f"{plot.name}.png": plot.png for plot in plots}
    for name, content in files.items():
        write_bytes(folder / name, content)
    for path in (*folder.glob("*.svg"), *folder.glob("*.png")):
        if path.name not in files:
            path.unlink()


def summary_lines(results: Results, findings: Sequence[Finding], counts: Mapping[str, int]) -> list[str]:
    """What was asked, on what, what was found by claim, and how far to trust it; one sentence or two a line."""
    plan = results.plan
    done = f"{counts['done']} of {counts['planned']} cells done"
    troubles = [f"{counts[name]} {name}" for name in ("failed", "collapsed", "diverged") if counts[name]]
    without, lines = len(results.lacking), []
    if without:
        gone = f" Diverged: {text}." if (text := diverged(results)) else ""
        lines.append(
            f"PARTIAL: {without} of {counts['planned']} planned cells have no numbers, and none stands in.{gone}"
        )
    lines.append(plan.experiment.question.strip())
    lines.append(f"{plan.experiment.title}: {setting(results)}; {', '.join([done, *troubles])}.")
    lines += [text for text in (mode(plan), screened(results)) if text]
    for finding in findings:
        lines += ["", *_claim_lines(finding)]
    return [*lines, "", *caveats(results, [verdict for finding in findings for verdict in finding.verdicts])]


def _claim_lines(finding: Finding) -> list[str]:
    headline = f"{finding.claim.title}: {finding.word.upper()}"
    lines = [headline + (f". {capital(finding.meaning)}." if finding.meaning else "")]
    if finding.word == "untested":
        return [f"{headline}. {reason(finding.primary[0])}" if finding.primary else headline]
    agreed = len({verdict.word for verdict in finding.primary}) == 1
    for verdict in finding.primary:
        means = meaning(verdict)
        word = "" if agreed else f"{verdict.word}, {means}." if means else f"{verdict.word}."
        parts = [f"{verdict.name}:", word, reason(verdict), *notes(verdict)]
        lines.append("  " + " ".join(part for part in parts if part))
    if finding.disagreement:
        lines.append(f"  {finding.disagreement}")
    elif len(finding.verdicts) > len(finding.primary) and finding.meaning:
        lines.append("  Probed on intact images: the same verdict.")
    return lines
