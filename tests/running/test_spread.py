"""Where the scatter of accuracies that a dry run reckons with comes from."""

from pathlib import Path

import numpy as np
import pytest

from barlowcli.experiment.files import load_experiment
from barlowcli.plan.grid import Overrides
from barlowcli.running.dry_run import dry_run, power_value
from barlowcli.running.request import Request
from barlowcli.running.spread import Spread
from tests.synthetic_grids import augmentations_truth, grid_plan, grid_records, write_grid
from tests.synthetic_results import BEYOND, quick_plan, records_of, write_results


def request(results: Path, **more: int) -> Request:
    overrides = Overrides(seeds=more.get("seeds"))
    return Request(load_experiment("shuffle-test"), preset="quick", device="cpu", overrides=overrides, results=results)


def test_without_records_it_is_the_guess_of_the_experiment_file(tmp_path: Path) -> None:
    found = dry_run(request(tmp_path))
    assert found.spread == Spread(load_experiment("shuffle-test").spread, 0, "guess")


def test_the_records_of_the_run_come_first_pooled_over_trained_arms(tmp_path: Path) -> None:
    plan = quick_plan(seeds=4)
    records = records_of(plan, BEYOND)
    write_results(tmp_path / "shuffle-test" / "quick", plan, records)
    arms: dict[tuple[str, ...], list[float]] = {}
    for cell in plan.cells:
        if cell.config.method.trains and "linear.h.none.label" in records[cell.id].metrics:
            accuracy = records[cell.id].metrics["linear.h.none.label"]
            arms.setdefault(tuple(cell.axes.values()), []).append(accuracy)
    expected = np.sqrt(np.mean([np.var(values, ddof=1) for values in arms.values()]))
    found = dry_run(request(tmp_path, seeds=4))
    assert (found.spread.source, found.spread.cells) == ("here", sum(map(len, arms.values())))
    assert found.spread.sd == pytest.approx(expected)
    value = power_value(found)
    assert value["spread"] == {"sd": round(expected, 6), "cells": found.spread.cells, "source": "here"}
    assert [row["seeds"] for row in value["claims"]] == [4] * len(value["claims"])


def test_else_those_of_other_runs_with_the_same_data_and_encoder(tmp_path: Path) -> None:
    plan = grid_plan("augmentations", seeds=3)
    write_grid(tmp_path / "augmentations" / "quick", plan, grid_records(plan, augmentations_truth))
    found = dry_run(request(tmp_path))
    assert found.spread.source == "other runs"
    assert found.spread.sd == pytest.approx(0.008, rel=0.5)
    broken = tmp_path / "augmentations" / "quick" / "plan.json"
    broken.write_text("{", "utf-8")  # another run's damage does not stop this one
    assert dry_run(request(tmp_path)).spread.source == "guess"
