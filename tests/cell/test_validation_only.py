"""A cell with `evaluation.test = false` never touches a test image: those of its data set raise when they are."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from barlowcli.analysis.results import Results
from barlowcli.cell import run as running
from barlowcli.cell.run import dataset_on, run_cell
from barlowcli.data.imageset import ImageSet
from barlowcli.data.load import load_dataset
from barlowcli.entries import ProbeEntry
from barlowcli.evaluation.probes import Found, Measured, Space
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.metrics import Metric
from barlowcli.records.record import Record
from barlowcli.registry import PROBES
from barlowcli.training.loop import Hooks
from tests.grids import options_for, tiny_plan

BLIND = {"evaluation.test": False}
METHODS = ("barlow", "byol", "supervised", "random-init", "histogram")


class TouchedError(Exception):
    """A test image was touched."""


class Poisoned(ImageSet):
    """Images that raise whatever is asked of them."""

    def __getattribute__(self, name: str) -> Any:
        raise TouchedError(name)

    def __len__(self) -> int:
        raise TouchedError("len")


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every data set that is loaded has test images that raise."""

    def load(*given: Any, **named: Any) -> Any:
        return replace(load_dataset(*given, **named), test=object.__new__(Poisoned))

    monkeypatch.setattr(running, "load_dataset", load)
    dataset_on.cache_clear()
    yield
    dataset_on.cache_clear()


def cell_of(method: str, settings: dict[str, Any]) -> PlannedCell:
    plan = tiny_plan({"method": ["barlow", "byol"], "shuffle": ["none"], "jitter": ["on"]}, settings)
    return next(cell for cell in plan.cells if cell.axes["method"] == method)


def run(method: str, folder: Path, settings: dict[str, Any]) -> Record:
    return run_cell(cell_of(method, settings), options_for(folder), Hooks())


@pytest.mark.parametrize("method", METHODS)
def test_it_runs_where_test_images_raise(method: str, tmp_path: Path, poisoned: None) -> None:
    record = run(method, tmp_path, BLIND | ({"evaluation.target": True} if method == "byol" else {}))
    assert record.status == "ok"
    assert record.measured
    assert "test" not in record.counts
    assert not any(Metric.read(name).is_accuracy for name in record.metrics)
    probed = {name: probe for name, probe in record.probes.items() if Metric.read(name).is_accuracy}
    assert ("linear.h.pixels.label" in probed) == (method != "histogram")
    assert ("mlp.joint.none.colour" in probed) == (method == "histogram")
    assert all(0 <= probe["validation_accuracy"] <= 1 for probe in probed.values())


@pytest.mark.parametrize("method", METHODS)
def test_any_other_cell_is_judged_on_test_images(method: str, tmp_path: Path, poisoned: None) -> None:
    with pytest.raises(TouchedError):
        run(method, tmp_path, {})


def greedy(space: Space) -> Found:
    """A probe that looks at test images."""
    test = space.splits["test"]
    return {space.metric("greedy"): Measured(float(len(test.features)), {})}


@pytest.mark.parametrize("method", ["barlow", "histogram"])
def test_a_probe_that_looks_at_test_images_fails_there(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = ProbeEntry(f"{__name__}:greedy", "looks at test images", histograms=True)
    monkeypatch.setattr(PROBES, "entries", {**PROBES.entries, "greedy": entry})
    with pytest.raises(KeyError, match="test"):
        run(method, tmp_path, BLIND)
    assert "greedy.joint.none" in run("histogram", tmp_path / "seen", {}).metrics


@pytest.mark.parametrize("method", ["barlow", "histogram"])
def test_it_learns_and_chooses_as_the_cell_that_is_judged_on_test_images(method: str, tmp_path: Path) -> None:
    blind, seen = run(method, tmp_path / "blind", BLIND), run(method, tmp_path / "seen", {})
    assert blind.id != seen.id
    assert blind.provenance["data_digest"] == seen.provenance["data_digest"]
    accuracies = {name: probe for name, probe in blind.probes.items() if Metric.read(name).is_accuracy}
    assert accuracies == {name: seen.probes[name] for name in accuracies}
    assert accuracies.keys() == {name for name in seen.metrics if Metric.read(name).is_accuracy}
    assert blind.chance == pytest.approx(seen.chance, abs=0.1)


def test_a_cell_that_has_validation_accuracies_alone_is_done(tmp_path: Path) -> None:
    plan = tiny_plan({"method": ["barlow"]}, BLIND)
    cell = next(cell for cell in plan.cells if cell.axes["method"] == "histogram")
    record = run_cell(cell, options_for(tmp_path), Hooks())
    assert record.metrics == {}
    results = Results(plan.model_copy(update={"cells": (cell,)}), {cell.id: record})
    assert results.lacking == []
    assert results.measured == [record]
