"""What --dry-run prints: the cells by arm and by axis, what is done of them, and what the rest would take."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from barlowcli.analysis.results import varying
from barlowcli.analysis.wording import method_name
from barlowcli.cli import output
from barlowcli.plan.freezing import status_of
from barlowcli.plan.plan import Plan, PlannedCell

if TYPE_CHECKING:
    from barlowcli.measuring.totals import Estimate, Group

STATES = ("done", "failed", "todo")
MIB = 2**20


def show_plan(
    plan: Plan,
    folder: Path,
    todo: Sequence[PlannedCell],
    *,
    data_root: Path,
    device: str,
    workers: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print the plan in `folder` and what its cells `todo` would take, `workers` at once."""
    states = {cell.id: status_of(folder, cell) for cell in plan.cells}
    axes = by_axis(plan, states)
    if not as_json:
        for line in [*arm_lines(plan, states), "", *axis_lines(axes), "", count_line(states)]:
            output.say(line)
    found, notes = measure(todo, data_root=data_root, device=device, workers=workers, quiet=quiet)
    notes = [*notes, *stage_note(plan)]
    if as_json:
        value = {
            "experiment": plan.experiment.name,
            "preset": plan.preset,
            "axes": axes,
            "estimate": estimate_value(plan, found, notes, some=bool(todo)),
            "cells": [cell_value(cell, states[cell.id]) for cell in plan.cells],
        }
        output.print_json(value)
        return
    if found is not None and found.groups:
        output.say(estimate_line(found))
    elif todo:
        output.say("no estimate of the time they take")
    for note in notes:
        output.say(note)


def by_axis(plan: Plan, states: dict[str, str]) -> dict[str, dict[str, dict[str, int]]]:
    """Axis -> value -> number of cells and of those done, failed and to do; "-" where an axis means nothing."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for name in plan.experiment.axes:
        values = found.setdefault(name, {})
        for cell in plan.cells:
            counts = values.setdefault(cell.axes.get(name, "-"), {"cells": 0, **dict.fromkeys(STATES, 0)})
            counts["cells"] += 1
            counts[states[cell.id]] += 1
    return found


def arm_lines(plan: Plan, states: dict[str, str]) -> list[str]:
    """A table with a line an arm."""
    arms: dict[tuple[str, ...], list[str]] = {}
    for cell in plan.cells:
        arms.setdefault((*cell.axes.values(), "control" if cell.control else ""), []).append(states[cell.id])
    rows = [(*arm, str(len(found)), *(str(found.count(state)) for state in STATES)) for arm, found in arms.items()]
    return table([(*plan.experiment.axes, "", "cells", "done", "failed", "to do"), *rows])


def axis_lines(axes: dict[str, dict[str, dict[str, int]]]) -> list[str]:
    """A table with a line a value of an axis."""
    rows = [
        (name if index == 0 else "", value, *(str(count) for count in counts.values()))
        for name, values in axes.items()
        for index, (value, counts) in enumerate(values.items())
    ]
    return table([("axis", "value", "cells", "done", "failed", "to do"), *rows])


def count_line(states: dict[str, str]) -> str:
    """ "36 cells, 12 done, 24 to do"."""
    counts = {state: list(states.values()).count(state) for state in STATES}
    parts = [f"{counts[state]} {state}" for state in ("done", "failed") if counts[state]]
    return ", ".join([f"{len(states)} cells", *parts, f"{counts['todo']} to do"])


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with the columns of `rows` one below the other."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def measure(
    todo: Sequence[PlannedCell], *, data_root: Path, device: str, workers: int, quiet: bool
) -> tuple["Estimate | None", list[str]]:
    """The estimate for `todo`, None where there is nothing to do or torch cannot be used, and what to say beside it."""
    if not todo:
        return None, []
    output.log("measuring a few training steps and probes", quiet=quiet)
    try:
        from barlowcli.measuring.totals import estimate
    except (ImportError, RuntimeError) as error:
        return None, [f"torch cannot be used here: {error}; see `barlow doctor`"]
    found = estimate(todo, data_root=data_root, device=device, workers=workers)
    return found, [*found.notes, *step_note(device)]


def step_note(device: str) -> list[str]:
    """A word where a run takes its steps in a faster way than they are timed in."""
    if device != "cuda":
        return []
    return [
        "the steps were timed uncompiled; a run takes them as one CUDA graph where it can, and is done sooner "
        "(`barlow bench` measures both)"
    ]


def stage_note(plan: Plan) -> list[str]:
    """A word where a screened experiment's second stage is not in the plan yet."""
    if plan.experiment.screen is None or plan.winner:
        return []
    return ["the winner of the screening adds its cells of the second stage, which are not counted here yet"]


def estimate_line(found: "Estimate") -> str:
    """ "about 12 min for the 36 cells to do, 2 at once (Barlow Twins 4.1 s a cell training, 1.2 s probing; …), …"."""
    by_method: dict[str, list[Group]] = {}
    for group in sorted(found.groups, key=lambda group: group.cells[0].control):
        by_method.setdefault(group.cells[0].config.method.name, []).append(group)
    parts = []
    for name, groups in by_method.items():
        probing = f"{span(group.probing.seconds for group in groups)} probing"
        training = f"{span(group.train_seconds for group in groups)} a cell training, " if groups[0].step else ""
        parts.append(f"{method_name(name)} {training}{probing}")
    cells = sum(len(group.cells) for group in found.groups)
    many = f"the {cells} cells" if cells > 1 else "the cell"
    text = f"about {rough(found.seconds)} for {many} to do, {found.workers} at once ({'; '.join(parts)})"
    memory = f", at most {-(-found.memory_bytes // MIB)} MiB of training memory a cell"
    return text + (memory if found.memory_bytes else "")


def span(seconds: Iterable[float]) -> str:
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


def estimate_value(plan: Plan, found: "Estimate | None", notes: Sequence[str], *, some: bool) -> dict[str, Any]:
    """The estimate for programs. some: there are cells to do; its seconds are None where none could be measured."""
    groups = found.groups if found is not None else ()
    unknown = None if some else 0.0
    return {
        "seconds": round(found.seconds, 1) if found is not None and groups else unknown,
        "workers": found.workers if found is not None else 0,
        "memory_bytes": found.memory_bytes if found is not None else 0,
        "groups": [group_value(plan, group) for group in groups],
        "notes": list(notes),
    }


def group_value(plan: Plan, group: "Group") -> dict[str, Any]:
    """Cells that cost the same: what they have in common, and seconds and bytes of one of them."""
    axes = {name: {cell.axes.get(name, "-") for cell in group.cells} for name in varying(plan)}
    return {
        "method": group.cells[0].config.method.name,
        "axes": {name: values.pop() for name, values in axes.items() if len(values) == 1},
        "cells": len(group.cells),
        "steps": group.steps,
        "step_seconds": round(group.step.seconds, 6) if group.step is not None else 0.0,
        "train_seconds": round(group.train_seconds, 3),
        "probe_seconds": round(group.probing.seconds, 3),
        "memory_bytes": group.memory_bytes,
    }


def cell_value(cell: PlannedCell, state: str) -> dict[str, Any]:
    """A cell with every setting."""
    return {
        "id": cell.id,
        "axes": cell.axes,
        "seed": cell.seed,
        "control": cell.control,
        "status": state,
        "config": json.loads(cell.config.model_dump_json(by_alias=True)),
    }
