"""A setting that came after cells had been run leaves their ids and their plan's base as they were."""

from typing import Annotated, Any

import pytest
from pydantic import Field

from barlowcli.experiment.files import load_experiment
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.running.again import is_whole
from barlowcli.settings.base import LATER, Settings
from barlowcli.settings.cell import id_of
from barlowcli.settings.evaluation import EvaluationSettings
from barlowcli.settings.methods import BarlowSettings
from barlowcli.settings.views import ViewSettings
from tests.added_field import added_field
from tests.synthetic_results import record_of

SECTIONS: dict[str, type[Settings]] = {
    "views": ViewSettings,
    "evaluation": EvaluationSettings,
    "method": BarlowSettings,
}


def planned(**flags: object) -> Plan:
    chosen = {key.replace("__", "."): value for key, value in flags.items()}
    axes = {"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]}
    return build_plan(load_experiment("shuffle-test"), "quick", Overrides(axes, chosen, 1), on_cuda=False)


def trained(plan: Plan) -> PlannedCell:
    (cell,) = [cell for cell in plan.cells if not cell.control]
    return cell


def ids(plan: Plan) -> list[str]:
    return [cell.id for cell in plan.cells]


@pytest.mark.parametrize("section", SECTIONS)
def test_a_later_setting_at_its_default_is_no_part_of_an_id_or_of_a_base(section: str) -> None:
    kind, key = SECTIONS[section], f"{section}__more"
    before = planned()
    with added_field(kind, "more", Annotated[tuple[float, float], LATER], (0.0, 0.5)):
        same, asked, other = planned(), planned(**{key: (0.0, 0.5)}), planned(**{key: (0.0, 1.0)})
        assert (same.base, ids(same)) == (before.base, ids(before))
        assert ids(asked) == ids(before)
        assert other.base != before.base
        assert trained(other).id != trained(before).id
        assert all(is_whole(record_of(plan, cell, {})) for plan in (same, other) for cell in plan.cells)
        assert record_of(same, trained(same), {}).config[section]["more"] == [0.0, 0.5]
        assert is_whole(record_of(before, trained(before), {}))
        changed = record_of(other, trained(other), {})
        changed.config[section]["more"] = [0.0, 0.5]
        assert not is_whole(changed)
    assert ids(planned()) == ids(before)


def test_any_other_setting_is_a_part_at_its_default_too() -> None:
    before = planned()
    with added_field(ViewSettings, "more", float, 0.0):
        after = planned()
        assert after.base != before.base
        assert trained(after).id != trained(before).id


def test_a_later_setting_has_both_its_names() -> None:
    config = trained(planned()).config.model_dump(mode="json", by_alias=True)
    before = id_of(config)
    with added_field(BarlowSettings, "more_", Annotated[float, LATER, Field(alias="more")], 0.0):
        for name in ("more", "more_"):
            assert id_of(config | {"method": {**config["method"], name: 0.0}}) == before


@pytest.mark.parametrize("change", [{"name": "no-such-method"}, {"name": 3}, {"name": None}])
def test_the_config_of_a_method_that_is_not_known_has_an_id(change: dict[str, Any]) -> None:
    config = trained(planned()).config.model_dump(mode="json", by_alias=True)
    assert id_of(config | {"method": config["method"] | change}) != id_of(config)
    assert id_of({}) != id_of({"views": "none"})
