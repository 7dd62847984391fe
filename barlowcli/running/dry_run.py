"""What a run would do: its cells by arm and by axis, what is done of them, what they can show, what the rest takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from barlowcli.analysis.results import Results
from barlowcli.experiment.first_stage import SCREENING, TUNING
from barlowcli.plan.freezing import status_of
from barlowcli.plan.plan import Plan, PlannedCell, TrialCell
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.obstacles import check_place
from barlowcli.running.experiment import select
from barlowcli.running.request import Request
from barlowcli.running.shards import Shard, shard_in
from barlowcli.running.show import SILENT, Show
from barlowcli.running.spread import Spread, spread_of
from barlowcli.verdicts.power import POWER, Detectable, detectable

if TYPE_CHECKING:  # it imports torch
    from barlowcli.measuring.totals import Estimate, Group

STATES = ("done", "failed", "todo")


@dataclass(frozen=True)
class DryRun:
    """The plan, its cells' states by id, and the cells that would be run. Nothing is written.

    spread: of accuracies over seeds. power: what effects the primary claims can then show. shard: the part of the cells
    that was asked for, None where all are meant.
    """

    plan: Plan
    states: Mapping[str, str]
    todo: Sequence[PlannedCell]
    spread: Spread
    power: Sequence[Detectable]
    shard: Shard | None = None

    @property
    def axes(self) -> dict[str, dict[str, dict[str, int]]]:
        """Axis -> value -> number of cells and of those done, failed and to do; "-" where an axis means nothing."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for name in self.plan.experiment.axes:
            values = found.setdefault(name, {})
            for cell in self.plan.all_cells:
                counts = values.setdefault(cell.axes[name], {"cells": 0, **dict.fromkeys(STATES, 0)})
                counts["cells"] += 1
                counts[self.states[cell.id]] += 1
        return found

    @property
    def arms(self) -> dict[tuple[str, ...], list[str]]:
        """Values of the axes, and the first stage, "control" or "" -> the states of the cells of that arm."""
        found: dict[tuple[str, ...], list[str]] = {}
        for cell in self.plan.all_cells:
            kind = cell.stage if isinstance(cell, TrialCell) else "control" if cell.control else ""
            arm = (*cell.axes.values(), kind)
            found.setdefault(arm, []).append(self.states[cell.id])
        return found


@dataclass(frozen=True)
class RunCost:
    """What the cells to do would take. estimate: None where there is nothing to do or torch cannot be used; notes: what
    to know beside it."""

    estimate: "Estimate | None"
    notes: tuple[str, ...]


def dry_run(request: Request, show: Show = SILENT) -> DryRun:
    """What `run` would do with the same request. Raises as it does where nothing can be planned."""
    plan = request.plan()
    for line in request.about(plan):
        show.note(line)
    check_place(ResultsFolder(request.folder), (cell.id for cell in plan.all_cells))
    states = {cell.id: status_of(request.folder, cell) for cell in plan.all_cells}
    spread = spread_of(plan, request)
    todo = select(plan.all_cells, request.folder, request.only)
    return DryRun(plan, states, todo, spread, detectable(plan, spread.sd), shard_in(plan, states, request.only))


def estimate_of(found: DryRun, request: Request, show: Show = SILENT) -> RunCost:
    """Measure what the cells to do would take on this machine, in about 20 seconds."""
    after = stage_note(found.plan)
    if not found.todo:
        return RunCost(None, after)
    show.note("measuring a few training steps and probes")
    try:
        from barlowcli.measuring.totals import estimate
    except (ImportError, RuntimeError) as error:
        return RunCost(None, (f"torch cannot be used here: {error}; see `barlow doctor`", *after))
    workers = request.at_once(len(found.todo))
    cost = estimate(found.todo, data_root=request.data_root, device=request.device, workers=workers)
    return RunCost(cost, (*cost.notes, *step_note(request.device), *after))


def step_note(device: str) -> tuple[str, ...]:
    """A word where a run takes its steps in a faster way than they are timed in."""
    if device != "cuda":
        return ()
    return (
        "the steps were timed uncompiled; a run takes them as one CUDA graph where it can, and is done sooner "
        "(`barlow bench` measures both)",
    )


def stage_note(plan: Plan) -> tuple[str, ...]:
    """A word where cells wait for what a first stage chooses."""
    what = {TUNING: "the settings that tuning chooses", SCREENING: "the winner of the screening"}
    if not plan.open:
        return ()
    which = " and ".join(what[stage] for stage in plan.open)
    return (f"{which} add their cells of the next stage, which are not counted here yet",)


def as_value(found: DryRun, cost: RunCost) -> dict[str, Any]:
    """All of it for programs."""
    return {
        "experiment": found.plan.experiment.name,
        "preset": found.plan.preset,
        **({} if found.shard is None else {"shard": found.shard.as_value()}),
        "axes": found.axes,
        "power": power_value(found),
        "estimate": cost_value(found, cost),
        "cells": [cell_value(cell, found.states[cell.id]) for cell in found.plan.all_cells],
    }


def power_value(found: DryRun) -> dict[str, Any]:
    """What the primary claims can show, for programs: effects as fractions, None with too few seeds to test."""
    spread = found.spread
    return {
        "power": POWER,
        "spread": {"sd": round(spread.sd, 6), "cells": spread.cells, "source": spread.source},
        "claims": [
            {
                "claim": row.claim.id,
                "test": row.claim.test,
                "seeds": row.seeds,
                "verdicts": row.tests,
                "effect": None if row.effect is None else round(row.effect, 6),
            }
            for row in found.power
        ],
    }


def cost_value(found: DryRun, cost: RunCost) -> dict[str, Any]:
    """The estimate for programs; its seconds are None where there are cells to do and none could be measured."""
    estimate = cost.estimate
    groups = estimate.groups if estimate is not None else ()
    unknown = None if found.todo else 0.0
    return {
        "seconds": round(estimate.seconds, 1) if estimate is not None and groups else unknown,
        "workers": estimate.workers if estimate is not None else 0,
        "memory_bytes": estimate.memory_bytes if estimate is not None else 0,
        "groups": [group_value(found.plan, group) for group in groups],
        "notes": list(cost.notes),
    }


def group_value(plan: Plan, group: "Group") -> dict[str, Any]:
    """Cells that cost the same: what they have in common, and seconds and bytes of one of them."""
    axes = {name: {cell.axes[name] for cell in group.cells} for name in Results(plan, {}).varying}
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
    return {**cell.model_dump(mode="json", by_alias=True), "status": state}
