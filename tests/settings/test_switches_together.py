"""Which switches go together: what is refused and why, and what makes no other cell."""

import pytest

from barlowcli.analysis.results import Results
from barlowcli.errors import ConfigError
from barlowcli.experiment.claims import Claim
from barlowcli.experiment.files import load_experiment
from barlowcli.plan.freezing import freeze
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan
from barlowcli.registry import METHODS
from barlowcli.settings.any_method import settings_of
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.methods import BarlowSettings, VicregSettings
from barlowcli.verdicts import judge
from barlowcli.verdicts.references import cases
from tests.synthetic_grids import by_hand


def claim_of(plan: Plan, name: str) -> Claim:
    return next(claim for claim in plan.experiment.claims if claim.id == name)


def configs(method: str, **settings: object) -> list[CellConfig]:
    """Configs of the augmentations experiment's baseline with these settings of the method."""
    overrides = Overrides(
        {"method": [method], "augmentation": ["baseline"]}, {f"method.{key}": v for key, v in settings.items()}, 1
    )
    plan = build_plan(load_experiment("augmentations"), "quick", overrides, on_cuda=False)
    return [cell.config for cell in plan.cells if not cell.control]


@pytest.mark.parametrize(
    ("method", "settings", "reason"),
    [
        ("barlow", {"symmetric": False}, "a shared target without predictor is one loss of both views"),
        ("simclr", {"symmetric": False}, "a shared target without predictor is one loss of both views"),
        ("barlow", {"target": "stop-gradient"}, "has the very gradient of target = shared"),
        ("byol", {"target": "stop-gradient", "predictor": False}, "has the very gradient of target = shared"),
        ("barlow", {"terms": "cross-entropy", "normalize": "none"}, "its temperature is for correlations"),
        ("barlow", {"terms": "cross-entropy", "normalize": "features"}, "its temperature is for correlations"),
        ("barlow", {"terms": "redundancy", "lambda": 0}, "nothing is left of the loss"),
        ("vicreg", {"terms": "invariance", "invariance_weight": 0}, "nothing is left of the loss"),
        ("vicreg", {"terms": "redundancy", "variance_weight": 0, "covariance_weight": 0}, "nothing is left"),
    ],
)
def test_a_combination_that_makes_no_sense_is_refused_with_the_reason(method, settings, reason):
    with pytest.raises(ConfigError) as error:
        configs(method, **settings)
    assert reason in error.value.message
    assert "method." in error.value.message


@pytest.mark.parametrize(
    ("method", "settings", "key"),
    [
        ("barlow", {"tau": 0.5}, "method.tau"),
        ("barlow", {"temperature": 0.5}, "method.temperature"),
        ("barlow", {"terms": "invariance", "lambda": 0.1}, "method.lambda"),
        ("barlow", {"normalize": "none", "unbiased_std": True}, "method.unbiased_std"),
        ("simclr", {"predictor_hidden": 64}, "method.predictor_hidden"),
        ("vicreg", {"terms": "invariance", "variance_weight": 3}, "method.variance_weight"),
    ],
)
def test_a_switch_that_nothing_uses_is_refused(method, settings, key):
    with pytest.raises(ConfigError, match=f"{key}: no cell of this grid uses it"):
        configs(method, **settings)


def test_a_flag_that_repeats_what_is_there_is_no_mistake():
    assert configs("byol", tau=0.96) == configs("byol")


@pytest.mark.parametrize("method", ["barlow", "byol", "simclr", "vicreg", "simsiam"])
@pytest.mark.parametrize("target", ["shared", "stop-gradient", "ema"])
@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
def test_every_other_combination_of_branches_is_a_cell(method, target, predictor, symmetric):
    alone = target == "shared" and not predictor
    twice = target == "stop-gradient" and not predictor
    branches = {"target": target, "predictor": predictor, "symmetric": symmetric}
    if (alone and not symmetric) or (twice and symmetric):
        with pytest.raises(ConfigError):
            configs(method, **branches)
        return
    (config,) = configs(method, **branches)
    assert {key: getattr(config.method, key) for key in branches} == branches


def test_settings_that_do_nothing_are_brought_to_their_defaults():
    idle = BarlowSettings(terms="invariance", lambda_=3.0, lambda_rule="c/D", temperature=9.0, tau=0.1)
    assert idle.canonical() == BarlowSettings(terms="invariance")
    assert VicregSettings(terms="redundancy", invariance_weight=3.0).canonical() == VicregSettings(terms="redundancy")
    used = BarlowSettings(target="ema", tau=0.3, predictor=True, predictor_hidden=7, lambda_=0.1)
    assert used.canonical() == used


def test_the_defaults_of_every_method_make_sense():
    assert [name for name in METHODS.names() if settings_of(name)().nonsense()] == []


def test_arms_that_come_to_the_same_cell_stand_at_both_values_and_at_no_other():
    overrides = Overrides({"method": ["barlow"], "grayscale": ["off"]}, {}, 1)
    plan = build_plan(load_experiment("augmentations"), "quick", overrides, on_cuda=False)
    grid = {cell.axes["augmentation"] for cell in plan.cells if not cell.control}
    assert grid == {"baseline|no-grayscale", "no-jitter|no-grayscale-no-jitter", "crop-blur-only", "crop-only"}
    found = cases(Results(plan, {}), claim_of(plan, "dispensable"), "own")
    sides = {str(case["augmentation"]): sides for case, sides in found}
    crop = sides["crop-only"]
    assert [cell.axes["augmentation"] for cell in crop.arm.end("").cells[0]] == ["crop-only"]
    assert [cell.axes["augmentation"] for cell in crop.against[0].end("").cells[0]] == ["baseline|no-grayscale"]
    assert "no-grayscale" not in sides  # it is the baseline: nothing to be held against


def test_what_a_cut_leaves_out_is_no_arm_of_the_plan():
    overrides = Overrides({"method": ["vicreg"], "normalisation": ["baseline", "no-normalisation"]}, {}, 1)
    plan = build_plan(load_experiment("normalisation"), "quick", overrides, on_cuda=False)
    assert {cell.axes["normalisation"] for cell in plan.cells if not cell.control} == {"-"}  # VICReg has none anyhow
    collapse = [verdict.word for verdict in judge(Results(plan, {})) if verdict.claim.id == "collapse"]
    assert set(collapse) == {"untested"}


def test_two_plans_of_one_folder_keep_what_their_cells_stand_for(tmp_path):
    def plan(hidden: list[str]) -> Plan:
        axes = {"method": ["barlow"], "dims": ["256"], "lambda": ["fixed"], "hidden": hidden}
        return build_plan(load_experiment("dims"), "quick", Overrides(axes, {}, 1), on_cuda=False)

    freeze(tmp_path, plan(["tied", "256"]))
    joined, _ = freeze(tmp_path, plan(["512"]))
    assert {cell.axes["hidden"] for cell in joined.cells if not cell.control} == {"tied|256", "512"}
    assert joined.axes["hidden"] == ["tied", "256", "512"]


def test_a_flag_does_not_change_what_arms_are_called():
    for name, axes in (
        ("hybrid", {"method": ["byol"]}),
        ("hybrid", {"dims": ["256"]}),
        ("augmentations", {"jitter": ["on"]}),
    ):
        with pytest.raises(ConfigError, match="would not be what they are called"):
            build_plan(load_experiment(name), "quick", Overrides(axes, {}, 1), on_cuda=False)


def test_what_defines_an_experiment_stands_under_every_recipe():
    for preset in ("recipe-lightly", "recipe-solo", "cifar10"):
        plan = build_plan(load_experiment("target-network"), preset, Overrides(seeds=1), on_cuda=False)
        assert {getattr(c.config.method, "tau_schedule", "") for c in plan.cells if not c.control} == {"constant"}
        spec = load_experiment("shuffle-test")
        plan = build_plan(spec, preset, Overrides(settings=by_hand(spec, preset), seeds=1), on_cuda=False)
        assert {c.config.views.solarize for c in plan.cells if c.config.views} == {(0.0, 0.0)}


def test_a_recipe_is_refused_to_a_method_that_has_none():
    overrides = Overrides({"method": ["vicreg"]}, {}, 1)
    with pytest.raises(ConfigError, match="no recipe for `vicreg` among lightly's CIFAR-10 benchmark"):
        build_plan(load_experiment("augmentations"), "recipe-lightly", overrides, on_cuda=False)
