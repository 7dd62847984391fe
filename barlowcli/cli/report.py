"""`barlow report`: tables, plots, verdicts and the page again, from the records alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from barlowcli.cli import output
from barlowcli.errors import ResultsError
from barlowcli.records.folder import ResultsFolder, planned

if TYPE_CHECKING:
    from barlowcli.report import Report


def report(
    experiment: Annotated[
        str | None, typer.Argument(help="Its name, or the folder of a run; default: all with results.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Only this preset.")] = None,
    results: Annotated[Path, typer.Option(help="Where the results lie.")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, all else on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only what was found.")] = False,
) -> None:
    """Write the report again from plan and records, and print what was found."""
    from barlowcli.report import write_report

    reports = [write_report(folder) for folder in find_runs(results, experiment, preset)]
    if as_json:
        output.print_json([as_value(one) for one in reports])
    for one in reports:
        if not as_json:
            print_report(one, as_json=False, quiet=quiet, leave=False)
    if any(one.partial for one in reports):
        raise typer.Exit(1)


def find_runs(results: Path, experiment: str | None, preset: str | None) -> list[Path]:
    """Folders with a frozen plan: `results/<experiment>/<preset>`, or the folder that `experiment` is the path of.

    Raises ResultsError where there is none.
    """
    try:
        return _find_runs(results, experiment, preset)
    except OSError as error:
        raise ResultsError(f"no results there: {error.strerror or error}", hint="a shorter name") from error


def _find_runs(results: Path, experiment: str | None, preset: str | None) -> list[Path]:
    if experiment and "/" in experiment:
        if not ResultsFolder(Path(experiment)).plan.is_file():
            raise ResultsError(f"{experiment} is not the folder of a run", hint="it would have a plan.json in it")
        return [Path(experiment)]
    if any(mark in (experiment or "") + (preset or "") for mark in ("/", "..", "*")):
        raise ResultsError("a preset is given by name", hint="`barlow status` lists those with results")
    kept = planned(results, "reference")  # committed: only when asked for
    folders = sorted(planned(results, experiment or "*", preset or "*") - kept)
    if not folders:
        what = " ".join(part for part in (experiment, preset and f"preset {preset}") if part) or "any experiment"
        raise ResultsError(
            f"no results of {what} in {results}/",
            hint=f"barlow run {experiment or 'shuffle-test'}, or another --results",
        )
    return folders


def as_value(report: "Report") -> dict[str, Any]:
    """What --json prints of a report."""
    return {"folder": str(report.folder), **report.as_value()}


def print_report(report: "Report", *, as_json: bool, quiet: bool, leave: bool = True) -> None:
    """Print what was found; exit 1 where cells failed or are missing."""
    if as_json:
        output.print_json(as_value(report))
    else:
        for line in report.summary_lines:
            output.say(line)
        if not quiet:
            files = ResultsFolder(report.folder)
            output.say(f"\nreport: {files.page}   tables: {files.summary_markdown}   plots: {files.plots}/")
    if report.partial and leave:
        raise typer.Exit(1)
