"""A setting changes the cell, or does nothing and is brought to its default: every one, against tables of its own."""

from typing import Any

import pytest

from barlowcli.errors import ConfigError
from barlowcli.measuring.kinds import step_kind
from barlowcli.settings import methods
from barlowcli.settings.any_method import settings_of
from barlowcli.settings.base import Settings
from barlowcli.settings.cell import CellConfig, cell_id
from barlowcli.settings.data import DataSettings
from barlowcli.settings.evaluation import EvaluationSettings
from barlowcli.settings.networks import EncoderSettings, ProjectorSettings
from barlowcli.settings.tables import expand, flatten, merge
from barlowcli.settings.training import TrainingSettings
from barlowcli.settings.views import ViewSettings
from tests.settings.every_setting import ALL, BRANCHES, CONTROLS, FREE, HISTOGRAM, OWN, STAGES, Flat


def canonical(*flat: Flat, on_cuda: bool = False) -> CellConfig:
    """The config of these settings over the defaults."""
    table = expand(merge(*flat))
    method = {"method": merge({"name": "barlow"}, table.get("method", {}))}
    return CellConfig.model_validate(merge(table, method)).canonical(on_cuda=on_cuda)


def label(row: tuple[str, Any, Flat, Flat | None]) -> str:
    return f"{row[2].get('method.name', '')} {row[0]}".strip()


def test_the_tables_have_every_setting():
    kinds: dict[str, type[Settings]] = {
        "data": DataSettings,
        "views": ViewSettings,
        "encoder": EncoderSettings,
        "projector": ProjectorSettings,
        "training": TrainingSettings,
        "evaluation": EvaluationSettings,
    }
    assert set(STAGES) == {f"{stage}.{name}" for stage, kind in kinds.items() for name in kind.model_fields}
    assert set(BRANCHES) == set(methods.BranchSettings.model_fields)
    for method, own in (OWN | CONTROLS).items():
        named = {field.alias or name for name, field in settings_of(method).model_fields.items()}
        assert named == {"name", *own, *(BRANCHES if method in OWN else ())}
    assert {key for key, *_ in ALL} >= FREE


@pytest.mark.parametrize("row", ALL, ids=label)
def test_a_setting_that_is_used_makes_another_cell(row):
    key, value, used, _ = row
    before, after = canonical(used), canonical(used, {key: value})
    assert cell_id(before) != cell_id(after)


@pytest.mark.parametrize("row", [row for row in ALL if row[3] is not None], ids=label)
def test_a_setting_that_does_nothing_makes_no_other_cell(row):
    key, value, _, unused = row
    before, after = canonical(unused), canonical(unused, {key: value})
    assert after == before
    assert cell_id(before) == cell_id(after)


@pytest.mark.parametrize("row", [row for row in ALL if not row[0].startswith("evaluation.")], ids=label)
def test_a_setting_makes_another_kind_of_step_unless_it_is_free(row):
    key, value, used, _ = row
    same = step_kind(canonical(used)) == step_kind(canonical(used, {key: value}))
    assert same == (key in FREE)


def test_seed_and_evaluation_make_no_other_kind_of_step():
    config = canonical()
    assert step_kind(config.model_copy(update={"seed": 3})) == step_kind(config)
    assert step_kind(canonical({"evaluation.knn_k": [5]})) == step_kind(config)


@pytest.mark.parametrize("row", ALL, ids=label)
def test_the_canonical_form_is_its_own(row):
    key, value, used, _ = row
    config = canonical(used, {key: value})
    kept = CellConfig.model_validate(config.model_dump(mode="json", by_alias=True))
    assert kept == config
    if config.method.trains:  # a stage that was dropped cannot be asked for again
        assert config.canonical(on_cuda=True) == config


def test_auto_is_resolved():
    for on_cuda, precision in ((False, "fp32"), (True, "bf16")):
        training = canonical(on_cuda=on_cuda).training
        assert training is not None
        assert training.precision == precision
    fixed = canonical({"training.precision": "fp32"}, on_cuda=True).training
    assert fixed is not None
    assert fixed.precision == "fp32"
    for jitter, grayscale in (("on", "on"), ("off", "off"), ("histogram", "off")):
        views = canonical({"views.jitter": jitter}).views
        assert views is not None
        assert views.grayscale == grayscale
        assert ViewSettings.model_validate({"jitter": jitter}).turns_grey == (grayscale == "on")


def test_two_ways_to_say_the_same_are_one_cell():
    doubled = {"views.brightness": 0.8, "views.contrast": 0.8, "views.saturation": 0.8, "views.hue": 0.2}
    assert canonical({"views.jitter_strength": 2.0}) == canonical(doubled)
    assert canonical({"projector.hidden": "tied", "projector.dim": 64}) == canonical(
        {"projector.hidden": 64, "projector.dim": 64}
    )
    assert canonical({"training.warmup_epochs": 9, "training.epochs": 8}) == canonical(
        {"training.warmup_epochs": 2, "training.epochs": 8}
    )


def test_a_control_has_the_stages_that_its_class_says():
    stages = {
        method: {stage for stage in ("views", "encoder", "projector", "training") if getattr(config, stage) is not None}
        for method in ("barlow", *CONTROLS)
        for config in [canonical({"method.name": method})]
    }
    assert stages == {
        "barlow": {"views", "encoder", "projector", "training"},
        "supervised": {"views", "encoder", "training"},
        "random-init": {"encoder", "projector"},
        "histogram": set(),
    }


def test_an_arm_is_probed_on_what_it_was_trained_on_too():
    assert canonical({"views.shuffle": "channels"}).evaluation.domains == ("none", "pixels", "channels")
    assert canonical({"views.shuffle": "channels"}, HISTOGRAM).evaluation.domains == ("none",)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"training": None}, "views, training and encoder cannot be switched off"),
        (
            {"views.shuffle": "patch-8", "data.image_size": 28},
            "views.shuffle: patch-8 does not tile images of 28 x 28 pixels",
        ),
    ],
)
def test_what_makes_no_cell_is_refused(settings, message):
    with pytest.raises(ConfigError) as error:
        canonical(settings)
    assert error.value.problems == (message,)


def test_a_method_that_sets_a_default_anew_keeps_what_is_marked_beside_it():
    for method in (*OWN, *CONTROLS):
        kind = settings_of(method)
        for base in kind.__mro__[1:]:
            if isinstance(base, type) and issubclass(base, Settings):
                for name, field in base.model_fields.items():
                    assert kind.model_fields[name].metadata == field.metadata, f"{method}: {name}"


def test_settings_are_named_as_a_user_types_them():
    assert "method.lambda" in set(flatten(canonical().model_dump(by_alias=True)))


def test_equal_steps_take_more_epochs_at_larger_batches() -> None:
    def training(batch: int, at: object, epochs: int = 4) -> TrainingSettings:
        given = TrainingSettings.model_validate(
            {"batch_size": batch, "epochs_at": at, "epochs": epochs, "warmup_epochs": 1}
        )
        return given.canonical(on_cuda=False)

    images = 1600
    steps = {batch: images // batch * training(batch, 64).epochs for batch in (16, 32, 64, 128)}
    assert set(steps.values()) == {100, 96}  # 128 does not divide 1600
    assert {training(batch, "any").epochs for batch in (16, 128)} == {4}
    assert training(16, 64, epochs=1).epochs == 1
    assert training(128, 64).warmup_epochs * (images // 128) == pytest.approx(images // 64, rel=0.05)
    assert training(128, 64) == training(128, "any", epochs=8).model_copy(update={"warmup_epochs": 2.0})


def test_a_target_that_averages_over_as_many_images_forgets_as_much_in_each() -> None:
    def tau(batch: int, at: object = 64) -> float:
        settings = {"method": {"name": "byol", "tau": 0.96, "tau_at": at}, "training": {"batch_size": batch}}
        method = CellConfig.model_validate(settings).canonical(on_cuda=False).method
        assert isinstance(method, methods.ByolSettings)
        assert method.tau_at == "any"
        return method.tau

    for batch in (16, 32, 64, 256):
        assert tau(batch) ** (1024 / batch) == pytest.approx(0.96 ** (1024 / 64))
    assert tau(16, "any") == tau(256, "any") == 0.96
