"""Tuning and screening: chosen on validation images and seeds of their own, before the grid is judged."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import barlowcli.cell.run
from barlowcli.analysis.results import Results
from barlowcli.cell.run import dataset_on, run_cell
from barlowcli.data.load import load_dataset
from barlowcli.errors import ConfigError, ResultsError
from barlowcli.experiment.files import load_experiment
from barlowcli.experiment.first_stage import Tune
from barlowcli.experiment.model import Experiment
from barlowcli.plan.choosing import choose
from barlowcli.plan.freezing import freeze, plan_of
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Choice, Plan, PlannedCell
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import Record, read_records
from barlowcli.report import write_report
from barlowcli.report.first_stage import first_stage_lines, tuning_table
from barlowcli.running.experiment import select
from barlowcli.running.request import Only, Request
from barlowcli.running.runs import count
from barlowcli.tables.runs import runs
from barlowcli.training.loop import Hooks
from tests.grids import options_for

TINY = """
title = "Tuned"
question = "Which learns more?"

[settings]
data = { limit = 120, test_limit = 60, image_size = 16 }
projector = { hidden = 32, dim = 16 }
training = { epochs = 1, warmup_epochs = 0, batch_size = 32 }
evaluation = { domains = ["none"], knn_k = [5], linear_l2 = [0.01] }

[axes.method]
key = "method.name"
values = ["barlow", "byol"]

[axes.shuffle]
key = "views.shuffle"
values = ["pixels", "none"]

[[controls]]
set = { method = "random-init" }

[[controls]]
set = { method = "supervised", shuffle = "none" }

[presets.quick]
summary = "tiny"
cost = "seconds"
seeds = 2

[tune]
per = ["method"]
at = { shuffle = "none" }
seeds = 1

[tune.values]
"training.lr" = [0.4, 0.1, 0.2]
"""
LR = "training.lr"


@pytest.fixture
def spec(tmp_path: Path) -> Experiment:
    return written(tmp_path, TINY)


def written(folder: Path, text: str) -> Experiment:
    path = folder / "tuned.toml"
    path.write_text(text)
    return load_experiment(str(path))


def plan(spec: Experiment, settings: Mapping[str, Any] | None = None, **chosen: Any) -> Plan:
    return build_plan(spec, "quick", Overrides({}, settings or {}), on_cuda=False, **chosen)


def rate(cell: PlannedCell) -> float | None:
    return cell.config.training.lr if cell.config.training is not None else None


def tried(spec: Experiment, accuracies: Mapping[tuple[str, float], float]) -> dict[str, Record]:
    """Records of the tuning cells with these validation accuracies by method and learning rate; others have .3."""
    return {
        cell.id: Record(
            id=cell.id,
            experiment="tuned",
            preset="quick",
            axes=cell.axes,
            seed=cell.seed,
            status="ok",
            probes={
                "linear.h.none.label": {
                    "validation_accuracy": accuracies.get((cell.group["method"], cell.candidate[LR]), 0.3)
                }
            },
        )
        for cell in plan(spec).first
    }


BEST = {("barlow", 0.2): 0.5, ("byol", 0.4): 0.6, ("supervised", 0.1): 0.7}


def test_every_group_has_every_value_on_seeds_of_its_own_and_the_rest_waits(spec: Experiment) -> None:
    before = plan(spec)
    seen = {(cell.axes["method"], cell.axes["shuffle"], rate(cell)) for cell in before.first}
    methods = ("barlow", "byol", "supervised")
    assert seen == {(method, "none", lr) for method in methods for lr in (0.1, 0.2, 0.4)}
    assert len(before.first) == 9
    assert not any(cell.config.evaluation.test for cell in before.first)
    assert {cell.config.method.name for cell in before.cells} == {"random-init"}  # has nothing to be tuned
    assert before.open == ["tuning"]
    after = plan(spec, tuned=choose(before, tried(spec, BEST))[0])
    assert after.open == []
    assert {cell.seed for cell in after.first}.isdisjoint(cell.seed for cell in after.cells)
    rates = {(cell.config.method.name, rate(cell)) for cell in after.cells if rate(cell)}
    assert rates == {("barlow", 0.2), ("byol", 0.4), ("supervised", 0.1)}
    assert all(cell.config.evaluation.test for cell in after.cells)


def test_a_tuned_cell_is_the_one_that_its_settings_alone_would_be(spec: Experiment) -> None:
    tuned = plan(spec, tuned=choose(plan(spec), tried(spec, dict.fromkeys(BEST, 0.5) | {("byol", 0.2): 0.9}))[0])
    by_hand = plan(spec, {LR: 0.2})
    assert by_hand.first == ()
    ids = {cell.id for cell in by_hand.cells if cell.config.method.name in ("barlow", "byol")}
    assert ids == {cell.id for cell in tuned.cells if cell.config.method.name in ("barlow", "byol")}
    request = Request(spec, preset="quick", device="cpu", overrides=Overrides(settings={LR: 0.2}))
    assert "training.lr is set by hand: it is not tuned" in request.about(by_hand)


def test_of_equal_values_it_is_the_smaller_and_an_edge_is_said(spec: Experiment) -> None:
    records = tried(spec, {("byol", 0.2): 0.9})
    tuned, _ = choose(plan(spec), records)
    assert {c.group["method"]: c.settings[LR] for c in tuned} == {"barlow": 0.1, "byol": 0.2, "supervised": 0.1}
    results = Results(plan(spec, tuned=tuned), {}, first=records)
    said = first_stage_lines(results)
    assert said[0].startswith("Tuned on validation images, on 1 seed that is not used again: Barlow Twins: training.lr")
    assert "training.lr=0.1 is at the edge" in said[1]
    assert "BYOL" not in said[1]
    table = tuning_table(results)
    assert table is not None
    assert table.rows[1][1:3] == [
        "training.lr=0.1: 30.0 %, training.lr=0.2: 90.0 %, training.lr=0.4: 30.0 %",
        "training.lr=0.2",
    ]


def test_a_value_that_failed_is_not_chosen_and_where_all_did_that_is_an_error(spec: Experiment) -> None:
    records = tried(spec, BEST)
    best = next(c.id for c in plan(spec).first if c.group["method"] == "barlow" and c.candidate[LR] == 0.2)
    records[best] = records[best].model_copy(update={"status": "diverged", "probes": {}})
    tuned, _ = choose(plan(spec), records)
    assert tuned[0].settings[LR] == 0.1
    none = {name: record.model_copy(update={"status": "failed", "probes": {}}) for name, record in records.items()}
    with pytest.raises(ResultsError, match="no candidate of the tuning of method=barlow has its numbers"):
        choose(plan(spec), none)
    del records[best]
    assert [choice.group["method"] for choice in choose(plan(spec), records)[0]] == ["byol", "supervised"]


def test_another_choice_takes_the_place_of_the_former_in_the_frozen_plan(spec: Experiment, tmp_path: Path) -> None:
    freeze(tmp_path, plan(spec))
    first = plan(spec, tuned=choose(plan(spec), tried(spec, BEST))[0])
    freeze(tmp_path, first)
    assert plan_of(tmp_path) == first
    more = written(tmp_path, TINY.replace("[0.4, 0.1, 0.2]", "[0.4, 0.1, 0.2, 0.8]"))
    freeze(tmp_path, plan(more))
    assert {cell.id for cell in plan_of(tmp_path).cells} == {cell.id for cell in first.cells}  # until it is decided
    records = tried(more, BEST | {("barlow", 0.8): 0.9})
    second = plan(more, tuned=choose(plan(more), records)[0])
    freeze(tmp_path, second)
    assert plan_of(tmp_path) == second
    rates = {rate(cell) for cell in second.cells if cell.config.method.name == "barlow"}
    assert rates == {0.8}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('per = ["method"]', 'per = ["methods"]', "tune names the axis `methods`"),
        ('"training.lr" = [0.4, 0.1, 0.2]', '"training.lr" = [0.4]', "at least two values"),
        ('"training.lr" = [0.4, 0.1, 0.2]', '"views.shuffle" = ["none", "pixels"]', "which the axis `shuffle` sets"),
        ('"training.lr" = [0.4, 0.1, 0.2]', '"training.lrr" = [0.4, 0.1]', "lrr"),
        ('"training.lr" = [0.4, 0.1, 0.2]', '"method.lambdaa" = [0.4, 0.1]', "has method.lambdaa"),
    ],
)
def test_a_stage_that_makes_no_sense_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan(written(tmp_path, TINY.replace(old, new)))


def test_combinations_are_all_tried_the_smaller_first() -> None:
    tune = Tune(values={"a.b": [2, 1], "c": ["y", "x"]})
    assert tune.candidates == [{"a.b": a, "c": c} for a in (1, 2) for c in ("y", "x")]
    assert tune.edges({"a.b": 1, "c": "y"}) == ["a.b"]


def test_a_screening_waits_for_the_tuning_of_its_candidates() -> None:
    spec = load_experiment("hybrid")
    tune = Tune(per=("arm",), at={"condition": "full"}, seeds=1, values={LR: [0.1, 0.2]})
    spec = spec.model_copy(update={"tune": tune})
    before = plan(spec)
    assert before.open == ["tuning", "screening"]
    assert {cell.stage for cell in before.first} == {"tuning"}
    assert spec.screen is not None
    arms = {*spec.axes["arm"].names()} - {"untrained"}
    assert {cell.group["arm"] for cell in before.first} == arms
    choices = [Choice(group={"arm": arm}, settings={LR: 0.2 if arm == "byol" else 0.1}) for arm in sorted(arms)]
    screening = [cell for cell in plan(spec, tuned=choices).first if cell.stage == "screening"]
    assert {cell.axes["arm"] for cell in screening} == {*spec.screen.candidates}
    assert {rate(cell) for cell in screening} == {0.1}
    last = plan(spec, tuned=choices, winner="ema")
    assert {rate(cell) for cell in last.cells if cell.axes["arm"] == "byol"} == {0.2}
    assert last.open == []
    assert {cell.axes["arm"] for cell in last.cells} == {"barlow", "byol", "ema", "untrained"}


class PoisonedError(RuntimeError):
    """A test image was looked at."""


class Poison:
    """Stands for test images; whoever asks anything of them fails."""

    def __getattr__(self, name: str) -> Any:
        raise PoisonedError(name)

    def __len__(self) -> int:
        raise PoisonedError("len")


def poison(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test image of a data set that is loaded from now on can be touched."""
    poisoned: Any = Poison()
    monkeypatch.setattr(
        barlowcli.cell.run, "load_dataset", lambda *a, **k: replace(load_dataset(*a, **k), test=poisoned)
    )
    dataset_on.cache_clear()


def run_all(cells: Any, folder: Path) -> None:
    for cell in cells:
        run_cell(cell, options_for(folder), Hooks())


def test_it_runs_to_a_report_and_test_images_are_used_by_the_last_stage_alone(
    spec: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request(
        spec,
        preset="quick",
        device="cpu",
        results=tmp_path,
        overrides=Overrides({"method": ["barlow"], "shuffle": ["none"]}, seeds=1),
    )
    before = request.plan()
    freeze(request.folder, before)
    with monkeypatch.context() as patch:
        poison(patch)
        run_all(before.first[:-1], request.folder)
        touching = before.first[0].config.evaluation.model_copy(update={"test": True})
        config = before.first[0].config.model_copy(update={"evaluation": touching})
        with pytest.raises(PoisonedError):  # a first stage that would touch them fails here
            run_all([before.first[0].model_copy(update={"config": config})], tmp_path / "other")
        assert request.plan().open == ["tuning"]  # interrupted before its last cell
        assert select(request.plan().all_cells, request.folder, Only())[0].id != before.first[0].id
        partial = write_report(request.folder)
        assert partial.partial
        run_all(before.first[-1:], request.folder)
    dataset_on.cache_clear()
    after = request.plan()
    assert after.open == []
    freeze(request.folder, after)
    run_all(after.cells, request.folder)
    report = write_report(request.folder)
    assert not report.partial
    assert report.counts["done"] == len(after.cells)
    records = read_records(ResultsFolder(request.folder), (cell.id for cell in after.first))
    assert not any(".label" in name for record in records.values() for name in record.metrics)
    assert "What was tuned" in (request.folder / "report.html").read_text()
    table = runs(
        Results(after, read_records(ResultsFolder(request.folder), [c.id for c in after.cells]), first=records)
    )
    assert list(table["stage"].fillna("")) == [""] * len(after.cells) + ["tuning"] * len(after.first)
    assert table["validation_accuracy"].notna().sum() == len(after.first)
    assert count(request.folder).first == {"tuning": "6 of 6 cells done"}
