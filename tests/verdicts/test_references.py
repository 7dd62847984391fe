from collections.abc import Mapping
from typing import Any

import pytest

from barlowcli.analysis.results import Results
from barlowcli.experiment.axes import AxisValue
from barlowcli.experiment.claims import Claim, Domain
from barlowcli.plan.plan import Plan
from barlowcli.verdicts.references import cases, sides_of
from barlowcli.verdicts.sides import Case, Side
from tests.synthetic_results import BEYOND, cells_of, quick_plan, records_of


def claim_of(plan: Plan, name: str) -> Claim:
    return next(claim for claim in plan.experiment.claims if claim.id == name)


def claim(**fields: Any) -> Claim:
    words = {"title": "t", "supported": "s", "refuted": "r", "inconclusive": "i"}
    return Claim.model_validate({"id": "c", "test": "above", **words, **fields})


def at(**values: str) -> Case:
    """A case at these values of the axes."""
    return {name: AxisValue((value,)) for name, value in values.items()}


def axes_of(side: Side) -> list[Mapping[str, str]]:
    """The arms a side can come from, each once."""
    return list({str(c.axes): c.axes for cells in side.cells.values() for c in cells}.values())


def test_a_claim_is_judged_for_every_method_of_the_grid_and_for_no_control() -> None:
    plan = quick_plan(axes={"method": ["barlow", "supervised", "byol"]})
    assert [str(case["method"]) for case, _ in cases(Results(plan, {}), claim_of(plan, "r1b"), "own")] == [
        "barlow",
        "byol",
    ]


def test_axes_that_the_arm_leaves_open_make_cases_of_their_own() -> None:
    plan = quick_plan(axes={"dims": ["16", "64"]})
    found = [case for case, _ in cases(Results(plan, {}), claim_of(plan, "r1b"), "own")]
    assert [(str(case["method"]), str(case["dims"])) for case in found] == [
        ("barlow", "16"),
        ("barlow", "64"),
        ("byol", "16"),
        ("byol", "64"),
    ]
    sides = sides_of(Results(plan, {}), claim_of(plan, "r1b"), found[1], "own")
    assert sides.full is not None
    assert axes_of(sides.full) == [{"method": "barlow", "shuffle": "none", "jitter": "on", "dims": "64"}]


@pytest.mark.parametrize(
    ("domain", "arm", "full", "floor"), [("own", "pixels", "none", "pixels"), ("none", "none", "none", "none")]
)
def test_each_arm_is_probed_at_home_and_the_floor_where_the_arm_is(
    domain: Domain, arm: str, full: str, floor: str
) -> None:
    plan = quick_plan()
    sides = sides_of(Results(plan, {}), claim_of(plan, "r1b"), at(method="byol"), domain)
    assert sides.full is not None
    assert sides.floor is not None
    assert str(sides.arm.metric) == f"linear.h.{arm}.label"
    assert str(sides.full.metric) == f"linear.h.{full}.label"
    assert str(sides.floor.metric) == f"linear.h.{floor}.label"
    assert axes_of(sides.arm) == [{"method": "byol", "shuffle": "pixels", "jitter": "on"}]
    assert axes_of(sides.full) == [{"method": "byol", "shuffle": "none", "jitter": "on"}]
    assert axes_of(sides.floor) == [{"method": "random-init", "shuffle": "-", "jitter": "-"}]
    base = ("linear.h.none.label", "untrained encoder on intact images")
    assert (sides.base and (str(sides.base.metric), sides.base.name)) == (base if domain == "own" else None)
    assert (sides.arm.control, sides.full.control, sides.floor.control) == (False, False, True)


def test_a_trained_floor_is_probed_at_home() -> None:
    plan = quick_plan(axes={"shuffle": ["none", "equalise"]})
    sides = sides_of(Results(plan, {}), claim_of(plan, "jitter-limit"), at(method="barlow"), "own")
    assert sides.floor is not None
    assert str(sides.arm.metric) == "linear.h.equalise.label"
    assert str(sides.floor.metric) == "linear.h.none.label"
    assert axes_of(sides.floor) == [{"method": "barlow", "shuffle": "none", "jitter": "off"}]


def test_an_untrained_floor_is_any_record_that_was_probed_in_the_domain() -> None:
    plan = quick_plan(axes={"shuffle": ["none", "equalise"]})
    equal = claim(
        test="recovers-at-most",
        arm={"shuffle": "equalise", "jitter": "on"},
        full={"shuffle": "none", "jitter": "on"},
        floor={"method": "random-init"},
        margin=0.1,
    )
    own = sides_of(Results(plan, {}), equal, at(method="barlow"), "own").floor
    intact = sides_of(Results(plan, {}), equal, at(method="barlow"), "none").floor
    assert own is not None
    assert intact is not None
    assert [axes["shuffle"] for axes in axes_of(own)] == ["equalise"]  # the standard one is not probed there
    assert {axes["shuffle"] for axes in axes_of(intact)} == {"-", "equalise"}
    records = records_of(plan, BEYOND)
    without = {name: r for name, r in records.items() if r.axes["shuffle"] != "-"}
    assert intact.values(without).keys() == {0, 1, 2}


def test_a_reference_may_name_a_metric_and_a_control_is_taken_as_the_experiment_defines_it() -> None:
    plan = quick_plan(axes={"method": ["barlow", "supervised"]})  # the grid has supervised with jitter too
    sides = sides_of(Results(plan, {}), claim_of(plan, "beyond-histograms"), at(method="barlow"), "none")
    supervised, *histograms = sides.against
    assert str(supervised.metric) == "linear.h.pixels.label"
    assert axes_of(supervised) == [{"method": "supervised", "shuffle": "pixels", "jitter": "off"}]
    assert [str(side.metric) for side in histograms] == [
        "knn50.joint.none.label",
        "linear.joint.none.label",
        "mlp.joint.none.label",
        "mlp.marginal.none.label",
    ]
    assert all(side.control for side in sides.against)


def test_another_method_of_the_grid_can_be_the_reference() -> None:
    plan = quick_plan(axes={"dims": ["16", "64"], "jitter": ["on"]})
    small = claim(by="dims", arm={"method": "byol", "shuffle": "none"}, against=[{"method": "barlow"}])
    found = [case for case, _ in cases(Results(plan, {}), small, "own")]
    assert [str(case["dims"]) for case in found] == ["16", "64"]
    (reference,) = sides_of(Results(plan, {}), small, found[1], "own").against
    assert axes_of(reference) == [{"method": "barlow", "shuffle": "none", "jitter": "on", "dims": "64"}]
    assert not reference.control


def test_what_the_plan_lacks_has_no_cells_and_is_named_in_full() -> None:
    plan = quick_plan(axes={"jitter": ["off"]})
    full = sides_of(Results(plan, {}), claim_of(plan, "r1a-fair"), at(method="barlow"), "own").full
    assert full is not None
    assert (full.cells, full.name) == ({}, "intact, jitter on")


def test_names_say_what_is_compared() -> None:
    plan = quick_plan()
    sides = sides_of(Results(plan, {}), claim_of(plan, "beyond-histograms"), at(method="barlow"), "own")
    assert sides.arm.name == "intact, jitter off"
    assert [side.name for side in sides.against[:2]] == [
        "supervised encoder, shuffled, jitter off",
        "kNN (k = 50) on joint RGB histograms",
    ]
    floor = sides_of(Results(plan, {}), claim_of(plan, "r1b"), at(method="barlow"), "own").floor
    assert floor is not None
    assert floor.name == "untrained encoder on shuffled images"


def test_missing_says_which_cell_and_why() -> None:
    plan = quick_plan()
    arm = sides_of(Results(plan, {}), claim_of(plan, "r1b"), at(method="barlow"), "own").arm
    records = records_of(plan, BEYOND)
    first, second, third = cells_of(plan, method="barlow", shuffle="pixels", jitter="on")
    del records[first.id]
    records[second.id] = records[second.id].model_copy(update={"status": "diverged", "metrics": {}})
    records[third.id] = records[third.id].model_copy(update={"metrics": {"matching": 1.0}})
    assert [(cell.seed, why) for cell, why in arm.missing(records)] == [
        (0, "not run"),
        (1, "diverged"),
        (2, "has no linear.h.pixels.label"),
    ]
