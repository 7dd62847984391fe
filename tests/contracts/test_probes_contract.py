"""What holds for every probe of the registry."""

import json
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from barlowcli.evaluation.histogram import joint_histogram
from barlowcli.evaluation.probes import Space, Split, probe_features
from barlowcli.records.metrics import Metric
from barlowcli.registry import PROBES
from barlowcli.settings.evaluation import EvaluationSettings
from tests.views.conftest import photos as photos

NAMES = PROBES.names()


@pytest.fixture
def space(photos: Tensor) -> Space:
    """Photographs, their pixels as features, told apart by which half of them is lighter."""
    left, right = photos.float().tensor_split(2, dim=3)
    label = (left.mean((1, 2, 3)) > right.mean((1, 2, 3))).long()
    features, parts = photos.float().flatten(1)[:, ::97] / 255, {"train": (0, 24), "validation": (24, 34)}
    rows = {name: slice(*ends) for name, ends in (parts | {"test": (34, 48)}).items()}
    return Space(
        "h",
        "pixels",
        {
            name: Split(features[part], {"label": label[part], "even": torch.arange(48)[part] % 2})
            for name, part in rows.items()
        },
        {"label": 2, "even": 2},
        EvaluationSettings(mlp=True, mlp_epochs=2, mlp_hidden=8),
        (3, 5),
        histograms={name: joint_histogram(photos[part], 4) for name, part in rows.items()},
        seed=3,
    )


def test_there_is_none_that_nothing_asks_for() -> None:
    assert all(entry.features or entry.histograms for entry in PROBES.entries.values())


@pytest.mark.parametrize("name", NAMES)
def test_it_finds_numbers_of_this_space_in_this_domain_under_its_own_name(name: str, space: Space) -> None:
    found = PROBES.load(name)(space)
    assert found
    for metric, measured in found.items():
        assert Metric.read(str(metric)) == metric
        assert metric.probe.rstrip("0123456789") == name.rstrip("0123456789")
        assert (metric.space, metric.domain) == ("h", "pixels")
        assert metric.label in ("", *space.classes)
        assert math.isfinite(measured.value)
        assert type(measured.value) is float


@pytest.mark.parametrize("name", NAMES)
def test_it_needs_no_test_images_and_has_no_accuracy_where_there_are_none(name: str, space: Space) -> None:
    blind = {part: split for part, split in space.splits.items() if part != "test"}
    with_test = PROBES.load(name)(space)
    found = PROBES.load(name)(replace(space, splits=blind))
    for metric, measured in found.items():
        if metric.is_accuracy:
            assert measured.value is None
            assert 0 <= measured.settings["validation_accuracy"] <= 1
            assert measured.settings == with_test[metric].settings
        else:
            assert measured.value is not None


@pytest.mark.parametrize("name", NAMES)
def test_its_settings_are_what_json_gives_back(name: str, space: Space) -> None:
    for measured in PROBES.load(name)(space).values():
        assert json.loads(json.dumps(measured.settings, allow_nan=False)) == measured.settings


@pytest.mark.parametrize("name", NAMES)
def test_it_finds_the_same_again_whatever_was_drawn_before_and_changes_nothing(name: str, space: Space) -> None:
    before = [part.features.clone() for part in space.splits.values()]
    torch.manual_seed(1)
    first = PROBES.load(name)(space)
    torch.manual_seed(2)
    drawn = torch.get_rng_state()
    assert PROBES.load(name)(space) == first
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(torch.equal(part.features, was) for part, was in zip(space.splits.values(), before, strict=True))


@pytest.mark.parametrize("name", [name for name in NAMES if PROBES.entries[name].features])
def test_those_of_an_encoder_are_in_its_record(name: str, space: Space) -> None:
    assert PROBES.load(name)(space).items() <= probe_features(space).items()
