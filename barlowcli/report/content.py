"""What a report shows, made of plan, records and logs: each part once, for the page, the files and the terminal."""

from collections.abc import Mapping
from dataclasses import dataclass

from barlowcli.analysis.results import Results, cell_status
from barlowcli.analysis.wording import listing
from barlowcli.plots.accuracy import accuracy_plot
from barlowcli.plots.curve import curve_plot
from barlowcli.plots.factors import factor_plots
from barlowcli.plots.saving import Drawing, Plot, save
from barlowcli.plots.training import Log, training_plot
from barlowcli.tables.costs import costs_to_read
from barlowcli.tables.overview import overview
from barlowcli.tables.published import published_to_read
from barlowcli.tables.reading import Reading
from barlowcli.verdicts import Verdict, judge
from barlowcli.verdicts.findings import Finding, draw_together


@dataclass(frozen=True)
class Content:
    """verdicts: as judged; findings: the same drawn together by claim. published: None without published figures."""

    results: Results
    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...]
    overview: Reading
    costs: Reading
    published: Reading | None
    plots: tuple[Plot, ...]

    @property
    def partial(self) -> bool:
        """Whether planned cells have no numbers (not run, failed or diverged), or wait for a first stage's choice."""
        return bool(self.results.lacking or self.results.plan.open)

    @property
    def counts(self) -> dict[str, int]:
        """Cells by what became of them: planned, done, missing, failed, and of those done collapsed and diverged."""
        statuses = [cell_status(self.results.records, cell) for cell in self.results.plan.cells]
        failed, missing = statuses.count("failed"), statuses.count("missing")
        return {
            "planned": len(statuses),
            "done": len(statuses) - failed - missing,
            "missing": missing,
            "failed": failed,
            "collapsed": statuses.count("collapsed"),
            "diverged": statuses.count("diverged"),
        }

    @property
    def diverged(self) -> str:
        """The cells without numbers that diverged, in words; "" where none did."""
        records = self.results.records
        found = (c for c in self.results.lacking if c.id in records and records[c.id].status == "diverged")
        return listing(map(self.results.cell_name, found), separator="; ")

    @property
    def shown(self) -> list[Verdict]:
        """The verdicts, claim by claim."""
        return [verdict for finding in self.findings for verdict in finding.verdicts]


def content_of(results: Results, logs: Mapping[str, Log]) -> Content:
    """Everything that a report of `results` shows. logs: cell id -> training log."""
    verdicts = judge(results)
    return Content(
        results=results,
        verdicts=tuple(verdicts),
        findings=tuple(draw_together(results.plan, verdicts)),
        overview=overview(results),
        costs=costs_to_read(results),
        published=published_to_read(results),
        plots=tuple(save(drawing) for drawing in draw(results, logs)),
    )


def draw(results: Results, logs: Mapping[str, Log]) -> list[Drawing]:
    """All plots there is something to show in, first the curve of an experiment that has one, else accuracy by arm."""
    main = curve_plot(results) or accuracy_plot(results)
    first = [main, *factor_plots(results), training_plot(results, logs)]
    return [plot for plot in first if plot is not None]
