"""Where things lie: every path and file name under RESULTS/EXPERIMENT/PRESET, once."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from barlowcli.errors import ResultsError

PLAN, RECORD = "plan.json", "record.json"
CELLS = "cells"
LEASE = "claim-"
"""Before the number of a lease. The word is older than the name: a barlow of before and one of now that share a folder
would run the same cell if each looked for files of its own."""


@dataclass(frozen=True)
class ResultsFolder:
    """The folder of one run: its plan, its cells, and the report of them."""

    path: Path

    @classmethod
    def of(cls, results: Path, experiment: str, preset: str) -> "ResultsFolder":
        """The folder of a preset's run under `results`."""
        return cls(results / experiment / preset)

    @property
    def plan(self) -> Path:
        """What was frozen before the first cell."""
        return self.path / PLAN

    @property
    def cells(self) -> Path:
        """The folder of the cells."""
        return self.path / CELLS

    def cell(self, name: str) -> "CellFolder":
        """The folder of the cell with this id."""
        return CellFolder(self.cells / name)

    @property
    def runs_csv(self) -> Path:
        """A row a cell."""
        return self.path / "runs.csv"

    @property
    def summary_csv(self) -> Path:
        """A row an arm and metric."""
        return self.path / "summary.csv"

    @property
    def summary_markdown(self) -> Path:
        """The summary for a README."""
        return self.path / "summary.md"

    @property
    def summary_latex(self) -> Path:
        """The summary for a paper."""
        return self.path / "summary.tex"

    @property
    def contrasts_csv(self) -> Path:
        """A row a contrast that a verdict is drawn from."""
        return self.path / "contrasts.csv"

    @property
    def costs_csv(self) -> Path:
        """What each arm took, where the records say it."""
        return self.path / "costs.csv"

    @property
    def published_csv(self) -> Path:
        """Measured beside published, where there is something to compare."""
        return self.path / "published.csv"

    @property
    def verdict(self) -> Path:
        """The verdicts and the numbers behind them."""
        return self.path / "verdict.json"

    @property
    def plots(self) -> Path:
        """The folder of the plots."""
        return self.path / "plots"

    @property
    def page(self) -> Path:
        """The report, in one file."""
        return self.path / "report.html"

    @property
    def written_last(self) -> tuple[Path, ...]:
        """The files of a report, less the plots."""
        tables = (self.runs_csv, self.summary_csv, self.summary_markdown, self.summary_latex, self.contrasts_csv)
        return (*tables, self.costs_csv, self.published_csv, self.verdict, self.page)


@dataclass(frozen=True)
class CellFolder:
    """The folder of one cell, RESULTS/EXPERIMENT/PRESET/cells/ID."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> "CellFolder":
        """From the path of the folder, or of the record in it."""
        return cls(path.parent if path.name == RECORD else path)

    @property
    def id(self) -> str:
        """The cell's id."""
        return self.path.name

    @property
    def record(self) -> Path:
        """Written last: a cell without one is not done."""
        return self.path / RECORD

    @property
    def config(self) -> Path:
        """The cell's config, written first."""
        return self.path / "config.json"

    @property
    def log(self) -> Path:
        """The training log, one line an epoch."""
        return self.path / "metrics.jsonl"

    @property
    def notes(self) -> Path:
        """What the cell said while it ran."""
        return self.path / "log.txt"

    @property
    def checkpoint(self) -> Path:
        """Where training goes on after a stop; gone when the cell is done."""
        return self.path / "checkpoint.pt"

    @property
    def encoder(self) -> Path:
        """Weights of the trained encoder and projector."""
        return self.path / "encoder.safetensors"

    @property
    def answers(self) -> Path:
        """The class that each probe predicted for each test image."""
        return self.path / "predictions.safetensors"

    def lease(self, number: int) -> Path:
        """The lease of this number."""
        return self.path / f"{LEASE}{number}.json"

    def latest_lease(self) -> int:
        """The highest number of a lease; 0 where there is none."""
        try:
            names = [path.stem.removeprefix(LEASE) for path in self.path.glob(f"{LEASE}*.json")]
        except OSError:
            return 0
        return max((int(name) for name in names if name.isdecimal()), default=0)

    def check_inside(self) -> None:
        """Raise ResultsError where a link leads out of the results that this cell is of."""
        results = self.path.parent.parent
        try:
            inside = self.record.resolve().is_relative_to(results.resolve())
        except (OSError, RuntimeError):  # a loop of links
            inside = False
        if not inside:
            raise ResultsError(
                f"{self.path} leads out of {results} by a link",
                hint="remove the link; to keep results elsewhere, name the place with --results",
            )

    def clear(self, *, keep_progress: bool) -> None:
        """Make the folder of a leased cell ready to be run: its record goes, and what others left half written;
        without `keep_progress` every file of a cell but the lease does. What else lies there stays."""
        self.check_inside()
        old = {self.record}
        if not keep_progress:
            old |= {self.config, self.log, self.notes, self.checkpoint, self.encoder, self.answers}
        for path in self.path.iterdir():
            half = path.name.startswith(".") and path.name.endswith(".tmp")
            if half or path in old:
                with contextlib.suppress(OSError):
                    path.unlink()


def planned(results: Path, experiment: str = "*", preset: str = "*") -> set[Path]:
    """Folders under `results` that have a plan, of any experiment and preset or of those named."""
    return {path.parent for path in results.glob(f"{experiment}/{preset}/{PLAN}")}
