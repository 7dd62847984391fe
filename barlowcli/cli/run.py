"""`barlow run` and `barlow sweep`: one experiment, its grid cut down by flags."""

import shlex
from collections.abc import Sequence

from barlowcli.cli.flags import takes
from barlowcli.cli.output import Terminal
from barlowcli.cli.report import print_report
from barlowcli.cli.request import RunFlags
from barlowcli.errors import InterruptError
from barlowcli.running import experiment


@takes(RunFlags)
def run(flags: RunFlags) -> None:
    """Run an experiment: every cell of its grid that is not done yet, then the report."""
    carry_out(flags)


@takes(RunFlags)
def sweep(flags: RunFlags) -> None:
    """Run an experiment whose question is one axis, such as dims; the same flags as `run`."""
    carry_out(flags)


def carry_out(flags: RunFlags) -> None:
    """Do what the flags ask for, and print what was found; when interrupted, say how to go on."""
    request, show = flags.request(), Terminal(quiet=flags.quiet)
    if flags.dry_run:
        from barlowcli.cli.dry_run import show_plan

        show_plan(request, show, as_json=flags.as_json)
        return
    try:
        report = experiment.run(request, show)
    except InterruptError as error:
        error.hint = f"to go on: {shlex.join(without_rerun(request.command))}"
        raise
    print_report(report, as_json=flags.as_json, quiet=flags.quiet)


def without_rerun(command: Sequence[str]) -> list[str]:
    """The command less --rerun, which would do again what is done by now."""
    kept = [word for word in command if not word.startswith("--rerun=")]
    if "--rerun" in kept:
        at = kept.index("--rerun")
        del kept[at : at + 2]
    return kept
