from collections.abc import Mapping
from typing import Any

import pytest

from barlowcli.analysis.results import Results
from barlowcli.experiment.axes import AxisValue
from barlowcli.experiment.claims import Claim, Domain
from barlowcli.plan.plan import Plan
from barlowcli.verdicts.references import cases, sides_of
from barlowcli.verdicts.sides import AnySide, Case, Side
from tests.synthetic_results import BEYOND, cells_of, quick_plan, records_of


def claim_of(plan: Plan, name: str) -> Claim:
    return next(claim for claim in plan.experiment.claims if claim.id == name)


def claim(**fields: Any) -> Claim:
    words = {"title": "t", "supported": "s", "refuted": "r", "inconclusive": "i"}
    return Claim.model_validate({"id": "c", "test": "above", **words, **fields})


def at(**values: str) -> Case:
    """A case at these values of the axes."""
    return {name: AxisValue((value,)) for name, value in values.items()}


def plain(side: AnySide | None) -> Side:
    """A side that is there, and no slope."""
    assert isinstance(side, Side)
    return side


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
    sides = sides_of(Results(plan, {}), claim_of(plan, "r1b"), found[1], "none")
    assert axes_of(plain(sides.full)) == [{"method": "barlow", "shuffle": "none", "jitter": "on", "dims": "64"}]


@pytest.mark.parametrize(("domain", "probed"), [("own", "pixels"), ("none", "none")])
def test_all_sides_are_probed_where_the_arm_is(domain: Domain, probed: str) -> None:
    plan = quick_plan()
    r1b = claim_of(plan, "r1b").in_domain(domain)
    sides = sides_of(Results(plan, {}), r1b, at(method="byol"), domain)
    assert {str(side.metric) for _, side in sides.needed} == {f"linear.h.{probed}.label"}
    full = {
        "own": {"method": "supervised", "shuffle": "pixels", "jitter": "off"},
        "none": {"method": "byol", "shuffle": "none", "jitter": "on"},
    }
    arm, whole, floor = (plain(side) for side in (sides.arm, sides.full, sides.floor))
    assert axes_of(arm) == [{"method": "byol", "shuffle": "pixels", "jitter": "on"}]
    assert axes_of(whole) == [full[domain]]
    assert axes_of(floor) == [{"method": "random-init", "shuffle": "-", "jitter": "-"}]
    assert (arm.control, whole.control, floor.control) == (False, domain == "own", True)


def test_a_trained_floor_is_probed_where_the_arm_is() -> None:
    plan = quick_plan(axes={"shuffle": ["none", "equalise"]})
    sides = sides_of(Results(plan, {}), claim_of(plan, "jitter-limit"), at(method="barlow"), "none")
    floor = plain(sides.floor)
    assert str(sides.arm.metric) == str(floor.metric) == "linear.h.none.label"
    assert axes_of(floor) == [{"method": "barlow", "shuffle": "none", "jitter": "off"}]


def test_an_untrained_floor_is_any_record_that_was_probed_in_the_domain() -> None:
    plan = quick_plan(axes={"shuffle": ["none", "equalise"]})
    equal = claim(
        test="recovers-at-most",
        arm={"shuffle": "equalise", "jitter": "on"},
        full={"shuffle": "none", "jitter": "on"},
        floor={"method": "random-init"},
        margin=0.1,
    )
    own = plain(sides_of(Results(plan, {}), equal, at(method="barlow"), "own").floor)
    intact = plain(sides_of(Results(plan, {}), equal, at(method="barlow"), "none").floor)
    assert [axes["shuffle"] for axes in axes_of(own)] == ["equalise"]  # the standard one is not probed there
    assert {axes["shuffle"] for axes in axes_of(intact)} == {"-", "equalise"}
    records = records_of(plan, BEYOND)
    without = {name: r for name, r in records.items() if r.axes["shuffle"] != "-"}
    assert intact.values(without).keys() == {0, 1, 2}


def test_a_reference_may_name_a_metric_and_a_control_is_taken_as_the_experiment_defines_it() -> None:
    plan = quick_plan(axes={"method": ["barlow", "supervised"]})  # the grid has supervised with jitter too
    sides = sides_of(Results(plan, {}), claim_of(plan, "beyond-histograms"), at(method="barlow"), "none")
    shuffled, intact, *histograms = sides.against
    assert (str(shuffled.metric), str(intact.metric)) == ("linear.h.pixels.label", "linear.h.none.label")
    for supervised in (shuffled, intact):
        assert axes_of(plain(supervised)) == [{"method": "supervised", "shuffle": "pixels", "jitter": "off"}]
    assert [str(side.metric) for side in histograms] == ["linear.joint.none.label", "linear.marginal.none.label"]
    assert all(side.control for side in sides.against)


def test_another_method_of_the_grid_can_be_the_reference() -> None:
    plan = quick_plan(axes={"dims": ["16", "64"], "jitter": ["on"]})
    small = claim(by="dims", arm={"method": "byol", "shuffle": "none"}, against=[{"method": "barlow"}])
    found = [case for case, _ in cases(Results(plan, {}), small, "own")]
    assert [str(case["dims"]) for case in found] == ["16", "64"]
    (reference,) = sides_of(Results(plan, {}), small, found[1], "own").against
    assert axes_of(plain(reference)) == [{"method": "barlow", "shuffle": "none", "jitter": "on", "dims": "64"}]
    assert not reference.control


def test_what_the_plan_lacks_has_no_cells_and_is_named_in_full() -> None:
    plan = quick_plan(axes={"jitter": ["off"]})
    full = plain(sides_of(Results(plan, {}), claim_of(plan, "r1a-fair"), at(method="barlow"), "none").full)
    assert (full.cells, full.name) == ({}, "intact, jitter on")


def test_names_say_what_is_compared() -> None:
    plan = quick_plan()
    sides = sides_of(Results(plan, {}), claim_of(plan, "beyond-histograms"), at(method="barlow"), "own")
    assert sides.arm.name == "intact, jitter off"
    assert [side.name for side in sides.against[:3]] == [
        "supervised encoder, shuffled, jitter off, probed on shuffled images",
        "supervised encoder, shuffled, jitter off",
        "linear probe on joint RGB histograms",
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
