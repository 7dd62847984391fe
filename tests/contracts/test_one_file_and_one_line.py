"""One file and one line: what CONTRIBUTING.md shows for each kind is all that it takes, from plan to report."""

import csv
import json
import re
import tomllib
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import torch
from pydantic import create_model

from barlowcli.cell.run import run_cell
from barlowcli.data.fingerprint import read_once
from barlowcli.evaluation.probes import Space, Split, probe_features
from barlowcli.experiment.files import load_experiment
from barlowcli.experiment.model import Experiment
from barlowcli.plan.freezing import freeze
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import Record, read_records
from barlowcli.registry import SHUFFLES
from barlowcli.report import write_report
from barlowcli.settings.base import LATER, Probability
from barlowcli.settings.evaluation import EvaluationSettings
from barlowcli.settings.shuffles import tiles
from barlowcli.settings.views import ViewSettings
from barlowcli.training.loop import Hooks
from barlowcli.views import augmentations, pipeline, random
from barlowcli.views.pipeline import AugmentedViews
from tests.added_field import added_field
from tests.contracts.contributing import sections, toml_of
from tests.grids import TINY, options_for

Add = Callable[[str], list[str]]
Command = Callable[..., tuple[int, str, str]]

QUICK = TINY | {
    "training.epochs": 1,
    "evaluation.domains": ["none"],
    "evaluation.knn_k": [5],
    "evaluation.linear_l2": [1e-3],
}
ONE = {"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]}


def planned(experiment: str | Experiment = "shuffle-test", axes: Any = None, **settings: Any) -> Plan:
    """A grid of one arm, but for what is asked."""
    chosen = QUICK | {key.replace("__", "."): value for key, value in settings.items()}
    spec = load_experiment(experiment) if isinstance(experiment, str) else experiment
    overrides = Overrides(ONE if axes is None else ONE | axes, chosen, 1)
    return build_plan(spec, "quick", overrides, on_cuda=False)


def found(plan: Plan, folder: Path, cells: list[PlannedCell] | None = None) -> list[Record]:
    """Run the cells that are no controls, or those that are named, and report; their records."""
    chosen = cells or [cell for cell in plan.cells if not cell.control]
    freeze(folder, plan)
    for cell in chosen:
        run_cell(cell, options_for(folder), Hooks())
    write_report(folder)
    records = read_records(ResultsFolder(folder), (cell.id for cell in chosen))
    assert len(records) == len(chosen)
    assert {record.status for record in records.values()} <= {"ok", "collapsed"}
    assert all(np.isfinite(list(record.metrics.values())).all() and record.metrics for record in records.values())
    return list(records.values())


def text(folder: Path, name: str) -> str:
    """A file of the report."""
    (path,) = folder.rglob(name)
    return path.read_text(encoding="utf-8")


def test_a_method(add: Add, run: Command, tmp_path: Path) -> None:
    assert add("A method") == ["align-uniform"]
    assert "align-uniform" in run("ls", "methods")[1]
    (record,) = found(planned(axes={"method": ["align-uniform"]}), tmp_path)
    assert record.axes["method"] == "align-uniform"
    assert record.metrics["linear.h.none.label"] > 0.1
    assert "| Align and Uniform" in text(tmp_path, "summary.md")


def test_a_control(add: Add, run: Command, tmp_path: Path) -> None:
    assert add("A control") == ["coarse-labels"]
    assert "coarse-labels" in run("ls", "methods")[1]
    file = tmp_path / "mine.toml"
    file.write_text(toml_of("An experiment") + "\n[axes.method]\nkey = 'method.name'\nvalues = ['barlow']\n")
    without = {cell.id for cell in planned(load_experiment(str(file)), {}).cells}
    file.write_text(file.read_text() + "\n" + toml_of("A control"))
    assert tomllib.loads(toml_of("A control")).keys() == {"controls"}
    plan = planned(load_experiment(str(file)), {})
    beside = [cell for cell in plan.cells if cell.id not in without]
    assert [(cell.axes["method"], cell.control) for cell in beside] == [("coarse-labels", True)]
    (record,) = found(plan, tmp_path / "results", beside)
    assert record.metrics["linear.h.none.label"] > 0.1
    assert "| coarsely supervised encoder" in text(tmp_path, "summary.md")
    assert "only whether its class is even" in text(tmp_path, "report.html")


def test_shuffle_arms_alone_and_as_a_family(add: Add, run: Command, tmp_path: Path) -> None:
    assert add("A shuffle arm") == ["rows", "roll-K"]
    listed = run("ls", "shuffles")[1]
    assert "rows" in listed
    assert "roll the finished view by 3 pixels" in listed
    assert "roll-2" not in SHUFFLES
    assert {"rows", "roll-1", "roll-3"} <= {*SHUFFLES.names()}
    assert tiles("roll-3", 16)  # its number is no side of blocks
    records = found(planned(axes={"shuffle": ["rows", "roll-3"]}), tmp_path)
    assert [record.domain for record in records] == ["rows", "roll-3"]
    for record in records:
        assert {f"linear.h.{record.domain}.label", "linear.h.none.label"} <= {*record.metrics}
    summary = text(tmp_path, "summary.md")
    assert "rows shuffled" in summary
    assert "roll-3" in summary


def test_an_augmentation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = {block.place: block.code for block in sections()["An augmentation"]}
    (name, number), (setting, declared) = (
        re.split(" = |: ", code[place].strip(), maxsplit=1) for place in ("Number", "ViewSettings")
    )
    numbers = {one.name: one.value for one in random.Number}
    assert int(number) == len(numbers)
    monkeypatch.setattr(random, "Number", IntEnum("Number", {**numbers, name: int(number)}))
    place = {**vars(augmentations), "Number": random.Number}
    exec(code["barlowcli/views/augmentations.py"], place)
    added = eval(f"({code['AUGMENTATIONS']})", place)
    assert declared == "Annotated[Probability, LATER] = 0.0"
    fields: Any = {setting: (Annotated[Probability, LATER], 0.0)}
    more: Any = create_model("ViewSettings", __base__=ViewSettings, **fields)
    images = torch.randint(0, 256, (12, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))

    def views(settings: ViewSettings) -> torch.Tensor:
        made = AugmentedViews(settings, image_size=16, mean=(0.5,) * 3, std=(0.2,) * 3, seed=0)
        return made(images, torch.arange(12), epoch=0, view=1)

    before = views(ViewSettings())
    monkeypatch.setattr(pipeline, "AUGMENTATIONS", (*augmentations.AUGMENTATIONS, *added))
    assert torch.equal(views(more()), before)
    assert torch.equal(views(more(**{setting: 1.0})), before.flip(2))
    some = views(more(**{setting: 0.5}))
    turned = (some == before.flip(2)).flatten(1).all(1)
    assert torch.equal(some[~turned], before[~turned])
    assert 0 < turned.sum() < 12
    assert added[0].words(more(**{setting: 0.5})) == "upside down p 0.5"

    done = [cell.id for cell in planned().cells]
    asked: Any = {f"views__{setting}": 1.0}
    with added_field(ViewSettings, setting, Annotated[Probability, LATER], 0.0):
        assert [cell.id for cell in planned().cells] == done
        (plain,) = found(planned(), tmp_path / "plain")
        (turned_over,) = found(planned(**asked), tmp_path / "turned")
    assert turned_over.id != plain.id
    assert turned_over.metrics.keys() == plain.metrics.keys()
    assert turned_over.metrics != plain.metrics


def test_a_data_set_by_name(add: Add, run: Command, tmp_path: Path) -> None:
    assert add("A data set by name") == ["little-digits"]
    assert "little-digits" in run("ls", "datasets")[1]
    (record,) = found(planned(data__name="little-digits"), tmp_path)
    assert record.counts["train"] == 270
    assert record.chance["label"] == pytest.approx(0.1, abs=0.03)
    assert "little-digits" in text(tmp_path, "report.html")


def test_data_at_a_path(add: Add, run: Command, tmp_path: Path) -> None:
    assert add("Data at a path") == ["npz"]
    assert "npz" in run("ls", "datasets")[1]
    file = tmp_path / "mine.npz"

    def ids(seed: int) -> Plan:
        drawn = np.random.default_rng(seed)
        labels = np.arange(400, dtype=np.uint8) % 4
        images = drawn.integers(0, 60, (400, 3, 16, 16), dtype=np.uint8) + 60 * labels[:, None, None, None] // 2
        np.savez(file, images=images.astype(np.uint8), labels=labels)
        read_once.cache_clear()
        return planned(data__name=f"npz:{file}", data__limit=200, data__test_limit=80)

    first, second, again = ids(0), ids(1), ids(0)
    assert [cell.id for cell in first.cells] == [cell.id for cell in again.cells]
    assert not {cell.id for cell in first.cells} & {cell.id for cell in second.cells}
    (record,) = found(again, tmp_path / "results")
    assert record.counts["train"] == 180
    assert record.metrics["linear.h.none.label"] > 0.5


def test_a_metric(add: Add, tmp_path: Path) -> None:
    assert add("A metric") == ["uniformity"]
    (record,) = found(planned(), tmp_path)
    assert record.metrics["uniformity.h.none"] < 0
    (row,) = [row for row in csv.DictReader(text(tmp_path, "runs.csv").splitlines()) if row["id"] == record.id]
    assert float(row["uniformity.h.none"]) == pytest.approx(record.metrics["uniformity.h.none"], abs=1e-6)
    stored = json.loads(text(tmp_path / "cells" / record.id, "record.json"))
    assert stored["metrics"]["uniformity.z.none"] == record.metrics["uniformity.z.none"]


def test_the_metric_is_that_of_its_paper(add: Add) -> None:
    add("A metric")
    h = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))
    split = Split(h, {"label": torch.arange(12) % 2})
    settings = EvaluationSettings(linear_l2=(1e-3,))
    parts = dict.fromkeys(("train", "validation", "test"), split)
    space = Space("h", "none", parts, {"label": 2}, settings, (3,), histograms={"train": h, "test": h})
    value = {str(metric): one.value for metric, one in probe_features(space).items()}["uniformity.h.none"]
    unit = (h / h.norm(dim=1, keepdim=True)).double().numpy()
    pairs = [np.exp(-2 * ((unit[i] - unit[j]) ** 2).sum()) for i in range(12) for j in range(i)]
    assert value == pytest.approx(np.log(np.mean(pairs)), abs=1e-5)


def test_an_optimiser(add: Add, run: Command, tmp_path: Path) -> None:
    assert add("An optimiser") == ["rmsprop"]
    assert "rmsprop" in run("ls", "optimizers")[1]
    plan = planned(training__optimizer="rmsprop", training__lr=0.001)
    (record,) = found(plan, tmp_path)
    assert record.counts["steps"] == 4
    (other,) = found(planned(training__lr=0.001), tmp_path / "sgd")
    assert other.metrics != record.metrics


def test_an_encoder(add: Add, run: Command, tmp_path: Path) -> None:
    assert add("An encoder") == ["flat"]
    assert "flat" in run("ls", "encoders")[1]
    (record,) = found(planned(encoder__name="flat"), tmp_path)
    assert record.counts["encoder_parameters"] == 32 * (3 * 16 + 1)


def test_an_engine(add: Add, run: Command, tmp_path: Path) -> None:
    assert add("An engine") == ["longest-first"]
    assert "longest-first" in run("ls", "engines")[1]
    grid = ["--method", "barlow", "--shuffle", "none", "--jitter", "on", "--seeds", "1", "--preset", "quick"]
    sizes = [flag for key, value in QUICK.items() for flag in ("--set", f"{key}={value}")]
    where = ["--device", "cpu", "--results", str(tmp_path), "--json", "--engine"]
    code, out, err = run("run", "shuffle-test", *grid, *sizes, *where, "longest-first")
    assert code == 0, err
    assert json.loads(out)["cells"]["missing"] == 0
    trained = [record for record in tmp_path.rglob("record.json") if '"barlow"' in record.read_text()]
    assert trained
    code, _, err = run("run", "shuffle-test", *grid, *sizes, *where, "longest-frist")
    assert code == 2
    assert "longest-first" in err


def test_an_experiment(run: Command, tmp_path: Path) -> None:
    file = tmp_path / "crop-size.toml"
    file.write_text(toml_of("An experiment"))
    code, out, err = run("validate", str(file))
    assert (code, err) == (0, "")
    assert "quick" in out
    plan = planned(load_experiment(str(file)), {})
    assert len(found(plan, tmp_path / "results")) == 4
    for report in ("summary.md", "report.html"):
        shown = text(tmp_path, report)
        for words in ("small crops, 2 layers", "crops of 0.9-1, 3 layers"):
            assert words in shown


def test_a_claim(run: Command, tmp_path: Path) -> None:
    file = tmp_path / "crop-size.toml"
    file.write_text(f"{toml_of('An experiment')}\n{toml_of('A claim')}")
    code, out, err = run("validate", str(file))
    assert (code, err) == (0, "")
    assert "4 arms" in out
    assert len(found(planned(load_experiment(str(file)), {}), tmp_path / "results")) == 4
    (claim,) = json.loads(text(tmp_path, "verdict.json"))["claims"]
    assert claim["primary"]
    assert [verdict["case"]["depth"] for verdict in claim["verdicts"]] == ["2", "3"]
    assert "Small crops teach more than large ones" in text(tmp_path, "report.html")


def test_every_kind_is_short_and_has_its_place() -> None:
    kinds = [kind for kind in sections() if re.match("An? |Data ", kind)]
    assert len(kinds) >= 10
    for kind in kinds:
        for block in sections()[kind]:
            assert len([line for line in block.code.splitlines() if line.strip()]) <= 24, kind
            assert max(map(len, block.code.splitlines())) <= 120, kind
