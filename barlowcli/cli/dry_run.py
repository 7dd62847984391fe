"""What --dry-run prints."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from barlowcli.analysis.statistics import MIN_SEEDS
from barlowcli.analysis.wording import method_name
from barlowcli.cli import output
from barlowcli.running.dry_run import STATES, DryRun, RunCost, as_value, dry_run, estimate_of
from barlowcli.running.request import Request
from barlowcli.running.show import Show
from barlowcli.verdicts.power import POWER, Detectable

if TYPE_CHECKING:  # it imports torch
    from barlowcli.measuring.totals import Estimate, Group

MIB = 2**20


def show_plan(request: Request, show: Show, *, as_json: bool) -> None:
    """Print what would be run, and then, once it is measured, what that would take."""
    found = dry_run(request, show)
    if as_json:
        output.print_json(as_value(found, estimate_of(found, request, show)))
        return
    for line in [*arm_lines(found), "", *axis_lines(found), "", *power_lines(found), count_line(found)]:
        output.say(line)
    for line in cost_lines(found, estimate_of(found, request, show)):
        output.say(line)


def arm_lines(found: DryRun) -> list[str]:
    """A table with a line an arm."""
    rows = [
        (*arm, str(len(states)), *(str(states.count(state)) for state in STATES)) for arm, states in found.arms.items()
    ]
    return output.columns([(*found.plan.experiment.axes, "", "cells", "done", "failed", "to do"), *rows])


def axis_lines(found: DryRun) -> list[str]:
    """A table with a line a value of an axis."""
    rows = [
        (name if index == 0 else "", value, *(str(count) for count in counts.values()))
        for name, values in found.axes.items()
        for index, (value, counts) in enumerate(values.items())
    ]
    return output.columns([("axis", "value", "cells", "done", "failed", "to do"), *rows])


def power_lines(found: DryRun) -> list[str]:
    """What effect the primary claims can show with these seeds, a line each; none where the plan has no cells for
    them."""
    spread = found.spread
    source = {
        "here": f"seen in {spread.cells} cells here",
        "other runs": f"seen in {spread.cells} cells of other runs with the same data set and encoder",
        "guess": "a guess: no such cell was run yet",
    }[spread.source]
    given = f"if accuracies of one arm scatter by {100 * spread.sd:.1f} points over seeds ({source})"
    lines = []
    for row in found.power:
        if row.effect is None:
            lines.append(f'With {row.seeds} seeds the claim "{row.claim.id}" can show nothing: it needs {MIN_SEEDS}.')
            continue
        many = f", one of {row.tests} verdicts," if row.tests > 1 else ""
        shown = f'With {row.seeds} seeds the claim "{row.claim.id}"{many} can show {effect_text(row)}'
        lines.append(f"{shown} in {100 * POWER:.0f} % of runs, {given}.")
    return lines


def effect_text(row: Detectable) -> str:
    """ "a difference of 2.1 points or more", and so on by the claim's test."""
    claim = row.claim
    size = f"{100 * (row.effect or 0):.1f} points"
    per = f" per {claim.along.per}" if claim.along is not None else ""
    if claim.test == "equivalence":
        return f"that two equal arms differ by less than {size}"
    if claim.test in ("rises", "falls"):
        return f"a slope of {size}{per} or more"
    if claim.test in ("recovers-at-most", "recovers-at-least"):
        return f"a gain that is {size}{per} or more beyond its bound"
    if claim.test == "interaction":
        return f"that two gains differ by {size} or more"
    return f"slopes that differ by {size}{per} or more" if per else f"a difference of {size} or more"


def count_line(found: DryRun) -> str:
    """ "36 cells, 12 done, 24 to do"; "shard 1/4: 9 cells, 9 to do; the whole grid: 36 cells, 12 done, 24 to do"."""
    whole = counted(Counter(found.states.values()))
    shard = found.shard
    if shard is None:
        return whole
    return f"shard {shard.part}/{shard.parts}: {counted(shard.own)}; the whole grid: {whole}"


def counted(states: Mapping[str, int]) -> str:
    """How many cells there are, by state."""
    cells = sum(states.values())
    parts = [f"{states[state]} {state}" for state in ("done", "failed") if states[state]]
    return ", ".join([f"{cells} cell" + "s" * (cells != 1), *parts, f"{states['todo']} to do"])


def cost_lines(found: DryRun, cost: RunCost) -> list[str]:
    """The estimate in words, and what to know beside it."""
    if cost.estimate is not None and cost.estimate.groups:
        return [estimate_line(cost.estimate), *cost.notes]
    return ["no estimate of the time they take", *cost.notes] if found.todo else [*cost.notes]


def estimate_line(found: "Estimate") -> str:
    """ "about 12 min for the 36 cells to do, 2 at once (Barlow Twins 4.1 s a cell training, 1.2 s probing; …), …"."""
    by_method: dict[str, list[Group]] = {}
    for group in sorted(found.groups, key=lambda group: group.cells[0].control):
        by_method.setdefault(group.cells[0].config.method.name, []).append(group)
    parts = []
    for name, groups in by_method.items():
        probing = f"{range_of(group.probing.seconds for group in groups)} probing"
        training = f"{range_of(group.train_seconds for group in groups)} a cell training, " if groups[0].step else ""
        parts.append(f"{method_name(name)} {training}{probing}")
    cells = sum(len(group.cells) for group in found.groups)
    many = f"the {cells} cells" if cells > 1 else "the cell"
    text = f"about {rough(found.seconds)} for {many} to do, {found.workers} at once ({'; '.join(parts)})"
    memory = f", at most {-(-found.memory_bytes // MIB)} MiB of training memory a cell"
    return text + (memory if found.memory_bytes else "")


def range_of(seconds: Iterable[float]) -> str:
    """ "4.1 s"; "4.1 to 5.3 s" or "50 s to 2.0 min" where they differ."""
    values = list(seconds)
    low, high = rough(min(values)), rough(max(values))
    if low == high:
        return low
    number, unit = low.split()
    return f"{number if high.endswith(f' {unit}') else low} to {high}"


def rough(seconds: float) -> str:
    """Seconds in the unit that suits them, with two digits or so: "4.1 s", "12 min", "7.5 h", "40 days"."""
    value, unit = seconds, "s"
    for larger, size, most in (("min", 60, 90), ("h", 60, 90), ("days", 24, 48)):
        if value < most:
            break
        value, unit = value / size, larger
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:,.0f} {unit}"
