"""Cells whose steps were taken in a slower way are told of, and what of their figures does not compare."""

from typing import Any

from barlowcli.analysis.results import Results
from barlowcli.plan.plan import Plan
from barlowcli.records.record import Record
from barlowcli.report.caveats import caveats
from barlowcli.report.steps import step_caveats
from tests.synthetic_results import BEYOND, cells_of, quick_plan, records_of

PLAN = quick_plan(axes={"method": ["barlow"]})
FULL = cells_of(PLAN, method="barlow", shuffle="none", jitter="on")
TRAINED = [cell for cell in PLAN.cells if cell.config.training]


def results(**slower: Any) -> Results:
    """Every trained cell captured, but those of seed k of the full model that `slower` names: (way, reasons)."""
    records = records_of(PLAN, BEYOND)
    took: dict[str, dict[str, Any]] = {cell.id: {"step": "captured"} for cell in TRAINED}
    for number, (way, reasons) in enumerate(slower.values()):
        took[FULL[number].id] = {"step": way, "slower": reasons}
    return Results(PLAN, {name: with_provenance(record, took.get(name, {})) for name, record in records.items()})


def with_provenance(record: Record, more: dict[str, Any]) -> Record:
    return record.model_copy(update={"provenance": {**record.provenance, **more}})


def test_where_all_steps_are_alike_nothing_is_said():
    assert step_caveats(results()) == []
    plain: Plan = PLAN
    assert step_caveats(Results(plain, records_of(plain, BEYOND))) == []


def test_cells_that_fell_back_are_counted_with_the_reason_and_the_arm_that_mixes_ways_is_named():
    found = results(one=("eager", ["no graph", "no compiler"]), two=("compiled", ["no graph"]))
    count = len(TRAINED)
    said = [
        f"2 of {count} cells took slower steps (eager: 1 cell, compiled: 1 cell) than were tried first: no graph; no "
        "compiler, and 1 more reason (record.json). This changes what a step costs, and numbers by rounding alone.",
        f"Steps were taken in several ways (captured: {count - 2} cells, eager: 1 cell, compiled: 1 cell): their times "
        f"do not compare, and differ within {found.arm_name(found.arms[0].at)}.",
    ]
    assert step_caveats(found) == said
    assert [text for text in caveats(found, []) if text in said] == said
