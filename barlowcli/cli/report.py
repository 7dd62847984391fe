"""`barlow report`: tables, plots, verdicts and the page again, from the records alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from barlowcli.cli import flags, output
from barlowcli.records.folder import ResultsFolder
from barlowcli.running.reporting import write_report
from barlowcli.running.runs import find_runs

if TYPE_CHECKING:  # it imports matplotlib
    from barlowcli.report import Report
    from barlowcli.running.shards import Shard


def report(
    experiment: Annotated[
        str | None, typer.Argument(help="Its name, or the path of a run or of a folder of runs; default: all.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Only this preset.")] = None,
    results: flags.Results = Path("results"),
    as_json: flags.JsonAlone = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only what was found.")] = False,
) -> None:
    """Write the report again from plan and records, and print what was found."""
    show = output.Terminal(quiet=False)  # what is said is what a name was read as
    reports = [write_report(folder) for folder in find_runs(results, experiment, preset, show)]
    if as_json:
        output.print_json([as_value(one) for one in reports])
    for one in reports:
        if not as_json:
            print_lines(one, quiet=quiet)
    if any(one.partial for one in reports):
        raise typer.Exit(1)


def print_report(report: "Report", *, as_json: bool, quiet: bool, shard: "Shard | None" = None) -> None:
    """Print what a run found; exit 1 where cells failed or are missing, of a shard where its own did or are."""
    if as_json:
        output.print_json(as_value(report) | ({"shard": shard.as_value()} if shard is not None else {}))
    else:
        print_lines(report, quiet=quiet)
        if shard is not None:
            output.say(shard.in_words(report.folder))
    if report.partial if shard is None else not shard.finished:
        raise typer.Exit(1)


def as_value(report: "Report") -> dict[str, Any]:
    """What --json prints of a report."""
    return {"folder": str(report.folder), **report.as_value()}


def print_lines(report: "Report", *, quiet: bool) -> None:
    """Print what was found in words, and where the files are."""
    files = ResultsFolder(report.folder)
    output.kept(files.page)
    for line in report.summary_lines:
        output.say(line)
    if not quiet:
        output.say(f"\nreport: {files.page}   tables: {files.summary_markdown}   plots: {files.plots}/")
