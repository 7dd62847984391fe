"""`barlow run` and `barlow sweep`: one experiment, its grid cut down by flags."""

import shlex
from collections.abc import Sequence
from signal import SIGINT

from barlowcli.cli.flags import as_typed, takes
from barlowcli.cli.output import Terminal
from barlowcli.cli.report import print_report
from barlowcli.cli.request import RunFlags
from barlowcli.errors import InterruptError
from barlowcli.machine.stopping import heard, interrupted, stop_here
from barlowcli.running import experiment
from barlowcli.running.shards import shard_of


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
    try:
        with heard(stop_here):
            request, show = flags.request(), Terminal(quiet=flags.quiet)
            if flags.dry_run:
                from barlowcli.cli.dry_run import show_plan

                show_plan(request, show, as_json=flags.as_json)
                return
            report = experiment.run(request, show)
            shard = shard_of(request)
    except (InterruptError, KeyboardInterrupt) as stop:
        error = stop if isinstance(stop, InterruptError) else interrupted(getattr(stop, "number", SIGINT))
        error.hint = f"to go on: {shlex.join(going_on(as_typed()))}"
        raise error from None
    print_report(report, as_json=flags.as_json, quiet=flags.quiet, shard=shard)


def going_on(command: Sequence[str]) -> list[str]:
    """The command less `--rerun all`, which would do again what is done by now; `--rerun failed` does not."""
    kept = list(command)
    for at in range(len(kept) - 1, -1, -1):
        if kept[at] == "--rerun=all":
            del kept[at]
        elif kept[at : at + 2] == ["--rerun", "all"]:
            del kept[at : at + 2]
    return kept
