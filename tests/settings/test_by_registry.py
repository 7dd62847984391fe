"""A method or an optimiser is a file and a line of the registry: its settings, its mistakes and its cells follow."""

import sys
from types import ModuleType
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field, ValidationError

from barlowcli.entries import Entry, MethodEntry
from barlowcli.errors import ConfigError
from barlowcli.experiment.files import load_experiment
from barlowcli.plan.freezing import read_plan, write_plan
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan
from barlowcli.registry import METHODS, OPTIMIZERS
from barlowcli.settings.any_method import MethodSettings, settings_of
from barlowcli.settings.base import FREE, Free, NameOf, OnlyIf
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.mistakes import describe


class Settings(MethodSettings):
    """Of a method that does not come with barlow."""

    needs_labels: ClassVar[bool] = True
    name: Literal["mine"] = "mine"
    warm: bool = False
    weight: Annotated[float, Field(ge=0), OnlyIf(lambda mine: mine.warm), FREE] = 1.0

    def nonsense(self) -> list[str]:
        """Weight 0 is nothing to learn from."""
        return ["method.weight = 0: nothing is left"] if self.warm and self.weight == 0 else []


@pytest.fixture
def mine(monkeypatch) -> None:
    module = ModuleType("somebodys_method")
    module.__dict__["Settings"] = Settings
    monkeypatch.setitem(sys.modules, "somebodys_method", module)
    entry = MethodEntry("somebodys_method:build", "a method of one's own", word="Mine")
    monkeypatch.setattr(METHODS, "entries", {**METHODS.entries, "mine": entry})


def plan_of(method: str, preset: str = "quick", **settings: object) -> Plan:
    flags = {key.replace("__", "."): value for key, value in settings.items()}
    overrides = Overrides({"method": [method], "shuffle": ["none"], "jitter": ["on"]}, flags, 1)
    return build_plan(load_experiment("shuffle-test"), preset, overrides, on_cuda=False)


@pytest.mark.usefixtures("mine")
def test_a_registered_method_is_planned_frozen_and_read_back(tmp_path):
    plan = plan_of("mine", method__warm=True, method__weight=2.0)
    (config,) = [cell.config for cell in plan.cells if not cell.control]
    assert config.method == Settings(warm=True, weight=2.0)
    assert config.method.model_dump() == {"name": "mine", "warm": True, "weight": 2.0}
    write_plan(tmp_path, plan)
    assert read_plan(tmp_path) == plan


@pytest.mark.usefixtures("mine")
def test_its_settings_are_checked_as_those_of_others():
    with pytest.raises(ConfigError, match=r"method\.weigth: no method .*mine.* has it; did you mean `weight`"):
        plan_of("mine", method__weigth=2)
    with pytest.raises(ConfigError, match=r"method\.mine\.weight: input should be greater than or equal to 0, got -1"):
        plan_of("mine", method__weight=-1)
    with pytest.raises(ConfigError, match=r"method\.weight: no cell of this grid uses it"):
        plan_of("mine", method__weight=2.0)
    with pytest.raises(ConfigError, match=r"method\.weight = 0: nothing is left"):
        plan_of("mine", method__warm=True, method__weight=0)


@pytest.mark.usefixtures("mine")
def test_a_method_that_needs_labels_needs_no_recipe():
    assert plan_of("mine", "recipe-lightly").cells
    with pytest.raises(ConfigError, match="no recipe for `vicreg`"):
        plan_of("vicreg", "recipe-lightly")


def test_a_method_more_leaves_the_bases_of_all_other_plans_as_they_are(request):
    before = plan_of("barlow").base
    request.getfixturevalue("mine")
    assert plan_of("barlow").base == before
    assert plan_of("mine").base != before


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({}, "method: unable to extract tag using discriminator 'name', got {}"),
        (5, "method: input should be a valid dictionary or object to extract fields from, got 5"),
        ({"name": "bylo"}, "method.name: no method named `bylo`; did you mean `byol`?"),
        ({"name": ["byol"]}, "method.name: no method named `['byol']`; did you mean `byol`?"),
        ({"name": "byol", "tau": 3}, "method.byol.tau: input should be less than or equal to 1, got 3"),
        ({"name": "byol", "lambda": 1}, "method.byol.lambda: no such key; known: target, symmetric, tau"),
        ({"name": "histogram", "knn": 1}, "method.histogram.knn: no such key; did you mean `knn_k`?"),
    ],
)
def test_a_mistake_in_a_method_is_said_with_its_place(method, message):
    with pytest.raises(ValidationError) as error:
        CellConfig.model_validate({"method": method})
    (line,) = describe(error.value, CellConfig)
    assert line.startswith(message)


def test_an_optimiser_is_a_line_of_the_registry(monkeypatch):
    with pytest.raises(ConfigError) as error:
        plan_of("barlow", training__optimizer="adam")
    assert error.value.problems == ("training.optimizer: no optimizer named `adam`; did you mean `adamw`?",)
    assert error.value.exit_code == 2
    monkeypatch.setattr(OPTIMIZERS, "entries", {**OPTIMIZERS.entries, "adam": Entry("somewhere:adam", "Adam")})
    (config,) = {cell.config.training for cell in plan_of("barlow", training__optimizer="adam").cells} - {None}
    assert config is not None
    assert config.optimizer == "adam"


def test_unknown_names_of_all_registries_are_told_at_once():
    names: dict[str, object] = {
        "data__name": "cifar11",
        "views__solarize": [0.0, 0.2],
        "encoder__name": "resnet19",
        "evaluation__domains": ["none", "pixl"],
    }
    with pytest.raises(ConfigError) as error:
        plan_of("barlow", "quick", **names)
    assert error.value.problems == (
        "data.name: no dataset named `cifar11`; did you mean `cifar10`?",
        "encoder.name: no encoder named `resnet19`; did you mean `resnet18`?",
        "evaluation.domains: no shuffle arm named `pixl`; did you mean `pixels`?",
    )


def test_marks_are_of_their_fields():
    assert dict(Settings.marked(Free)) == {"weight": FREE}
    assert [name for name, _ in Settings.marked(OnlyIf)] == ["weight"]
    assert list(Settings.marked(NameOf)) == []
    assert Settings(weight=3.0).settled() == Settings()


@pytest.mark.parametrize("name", METHODS.names())
def test_every_method_has_settings_that_can_be_had_without_torch(name):
    assert settings_of(name)().name == name
    assert "torch" not in settings_of(name).__module__
