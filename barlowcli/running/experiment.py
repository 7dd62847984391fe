"""An experiment, from what was asked to its report: the plan is frozen, its cells are run, the records are judged."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from barlowcli.engines.base import Engine
from barlowcli.errors import BarlowError, InterruptError, ResultsError
from barlowcli.plan.freezing import freeze, plan_text, restore_plan, status_of
from barlowcli.plan.plan import Plan, PlannedCell, assigned
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.obstacles import check_place
from barlowcli.registry import ENGINES
from barlowcli.running.beforehand import try_the_end
from barlowcli.running.reporting import write_report
from barlowcli.running.request import Only, Request, Rerun
from barlowcli.running.show import SILENT, Show

if TYPE_CHECKING:  # it imports matplotlib, and a command line with a mistake needs none of it
    from barlowcli.report import Report


def run(request: Request, show: Show = SILENT) -> "Report":
    """Run every cell that is not done yet, stage by stage, and write the report.

    Raises ConfigError where nothing can be planned, InterruptError on a signal, BarlowError where the cells cannot be
    run; a cell that fails alone is part of the report.
    """
    only = request.only
    for plan in stages(request, show):
        run_stage(plan, request, only, show)
        only = replace(only, rerun=None)  # of the second stage the first one's cells have just been run
    show.note("writing the report")
    return write_report(request.folder)


def stages(request: Request, show: Show) -> Iterator[Plan]:
    """The plan as far as it is known; and again with every choice that what was run has made possible."""
    plan = request.plan()
    for line in request.about(plan):
        show.note(line)
    yield plan
    while True:
        then = request.plan()  # a first stage may have been run again
        if (then.tuned, then.winner) == (plan.tuned, plan.winner):
            break
        for line in chosen(plan, then):
            show.note(line)
        plan = then
        yield plan


def chosen(before: Plan, now: Plan) -> Iterator[str]:
    """What the stage that has just been run chose, in words."""
    for choice in now.tuned:
        if choice not in before.tuned:
            where = f"{assigned(choice.group)}: " if choice.group else ""
            yield f"tuned: {where}{assigned(choice.settings)}"
    if now.winner != before.winner:
        yield f"screened: {now.winner} is the winner and goes on, on seeds of its own"


def run_stage(plan: Plan, request: Request, only: Only, show: Show) -> None:
    """Freeze the plan in its folder and run those of its cells that are to be run now."""
    folder = request.folder
    check_place(ResultsFolder(folder), (cell.id for cell in plan.all_cells))
    before = plan_text(folder)
    frozen, left_out = freeze(folder, plan)
    if left_out:
        kept = "records are kept and their own command brings them back; --results DIR keeps both reports"
        show.note(f"{left_out} planned cells of other settings or data leave this report; {kept}")
    known = {cell.id: cell for cell in frozen.all_cells}
    asked = [known[cell.id] for cell in plan.all_cells if cell.id in known]  # in an order that all shards share
    cells = select(asked, folder, only)
    show.note(counted(part_of(asked, only), cells, request))
    try:
        if cells:
            try_the_end(cells, request, show)
        execute(cells, request, show, anew=only.rerun is Rerun.all)
    except BarlowError as error:
        if not isinstance(error, InterruptError) and all(status_of(folder, cell) == "todo" for cell in cells):
            with contextlib.suppress(ResultsError):  # on a full disk it may not go; the first reason is the one to say
                restore_plan(folder, before)  # what was asked for cannot be run: the old report stays whole
        raise
    freeze(folder, plan)  # another process may have written its own plan over ours at the same moment


def select(cells: Iterable[PlannedCell], folder: Path, only: Only) -> list[PlannedCell]:
    """The cells to run now, seed by seed, so that what is there early covers all arms."""
    chosen = part_of(cells, only)
    if only.rerun is Rerun.all:
        return chosen
    states = {"todo", "failed"} if only.rerun is Rerun.failed else {"todo"}
    return [cell for cell in chosen if status_of(folder, cell) in states]


def part_of(cells: Iterable[PlannedCell], only: Only) -> list[PlannedCell]:
    """A shard's cells, whatever has been run of them; all where there are no shards."""
    return sorted(cells, key=lambda cell: cell.seed)[only.part - 1 :: only.parts]


def counted(asked: Sequence[PlannedCell], cells: Sequence[PlannedCell], request: Request) -> str:
    """How many of the cells that were asked for are run, or why none is."""
    running = {cell.id for cell in cells}
    states = [status_of(request.folder, cell) for cell in asked if cell.id not in running]
    if cells:
        done, room = f", {states.count('done')} done" if "done" in states else "", request.room_for(len(cells))
        why = f"; no more, for memory: {room.why}" if room.why else ""
        return f"{len(cells)} of {len(asked)} cells to run, {room}{done}{why}"
    if not asked:
        return "this shard has no cells: there are fewer cells than shards"
    if "failed" in states:
        return f"{states.count('failed')} of {len(asked)} cells failed before; --rerun failed runs them again"
    return f"all {len(asked)} cells are done already; nothing to run"


def execute(cells: Sequence[PlannedCell], request: Request, show: Show, *, anew: bool) -> None:
    """Run the cells and show it."""
    if not cells:
        return
    engine: Engine = ENGINES.load(request.engine)
    with show.cells(cells) as tell:
        for event in engine(cells, request.options, workers=request.at_once(len(cells)), anew=anew):
            tell(event)
