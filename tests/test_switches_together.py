"""Which switches go together: what is refused and why, and what makes no other cell."""

import pytest

from barlowcli.errors import ConfigError
from barlowcli.experiment_files import load_experiment
from barlowcli.plan import Overrides, build_plan
from barlowcli.settings import BarlowSettings, CellConfig, MethodSettings, VicregSettings
from barlowcli.switches import canonical, nonsense


def cells(method: str, **settings: object) -> list[CellConfig]:
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
        cells(method, **settings)
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
        cells(method, **settings)


def test_a_flag_that_repeats_what_is_there_is_no_mistake():
    assert cells("byol", tau=0.96) == cells("byol")


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
            cells(method, **branches)
        return
    (config,) = cells(method, **branches)
    assert {key: getattr(config.method, key) for key in branches} == branches


def test_settings_that_do_nothing_are_brought_to_their_defaults():
    idle = BarlowSettings(terms="invariance", lambda_=3.0, lambda_rule="c/D", temperature=9.0, tau=0.1)
    assert canonical(idle) == BarlowSettings(terms="invariance")
    assert canonical(VicregSettings(terms="redundancy", invariance_weight=3.0)) == VicregSettings(terms="redundancy")
    used = BarlowSettings(target="ema", tau=0.3, predictor=True, predictor_hidden=7, lambda_=0.1)
    assert canonical(used) == used


def test_the_defaults_of_every_method_make_sense():
    from typing import get_args

    for model in get_args(get_args(MethodSettings)[0]):
        if "target" in model.model_fields:
            assert nonsense(model()) == []
