"""Results of any experiment with chosen true accuracies, to test curves and comparisons on; none was measured."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from barlowcli.experiment.files import load_experiment
from barlowcli.experiment.model import Experiment
from barlowcli.plan.freezing import write_plan
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import Record, write_record
from tests.synthetic_results import HISTOGRAM, record_of

Truth = Callable[[PlannedCell], float]
"""True accuracy of a trained cell."""
UNTRAINED = 0.31
CUT = {"dims": {"method": ["barlow", "byol", "simclr"], "lambda": ["fixed", "c/D"]}}
"""Experiment -> the values of its axes that these results are made for."""


def grid_plan(
    name: str,
    preset: str = "quick",
    *,
    seeds: int = 3,
    axes: Mapping[str, list[str]] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Plan:
    """An experiment that comes with barlow, cut down by flags."""
    spec, chosen = load_experiment(name), {**CUT.get(name, {}), **(axes or {})}
    given = by_hand(spec, preset) | dict(settings or {})
    return build_plan(spec, preset, Overrides(chosen, given, seeds), on_cuda=False)


def by_hand(spec: Experiment, preset: str) -> dict[str, Any]:
    """What the preset would tune, set by a flag: so its grid is known at once."""
    tune = spec.tuned_under(preset)
    return {key: listed[0] for key, listed in tune.values.items()} if tune is not None else {}


def dims_truth(cell: PlannedCell) -> float:
    """Barlow Twins rises with log2 D, less so under c/D; BYOL and SimCLR are flat; a tied width costs all a little."""
    doublings = math.log2(int(cell.axes["dims"]) / 16)
    slope = {"fixed": 0.022, "c/D": 0.012, "-": 0.003}[cell.axes["lambda"]]
    start = {"barlow": 0.4, "byol": 0.58, "simclr": 0.5}[cell.config.method.name]
    return start + slope * doublings - 0.03 * (cell.axes["hidden"] == "tied")


def augmentations_truth(cell: PlannedCell) -> float:
    """What is removed costs Barlow Twins more than BYOL."""
    removed = ["baseline", "no-jitter", "no-grayscale", "no-grayscale-no-jitter", "crop-blur-only", "crop-only"]
    cost = {"barlow": 0.04, "byol": 0.015, "simclr": 0.05}[cell.config.method.name]
    return 0.66 - cost * removed.index(cell.axes["augmentation"])


def patch_truth(cell: PlannedCell) -> float:
    """The larger the patches, the better."""
    order = ["pixels", "patch-2", "patch-4", "patch-8", "patch-16", "none"]
    return 0.3 + 0.08 * order.index(cell.axes["shuffle"])


def grid_records(plan: Plan, truth: Truth, *, noise: float = 0.008) -> dict[str, Record]:
    """A record for every cell of `plan`: accuracies of the main probe in every domain that it is probed in."""
    return {cell.id: record_of(plan, cell, _metrics(cell, truth, noise)) for cell in plan.cells}


def _metrics(cell: PlannedCell, truth: Truth, noise: float) -> dict[str, float]:
    method = cell.config.method
    if not method.encodes:
        return {f"{probe}.none.label": value for probe, value in HISTOGRAM.items()}
    grid = method.trains and not cell.control
    trained = cell.config.views.shuffle if cell.config.views else "none"
    found: dict[str, float] = {}
    for index, domain in enumerate(cell.config.evaluation.domains):
        true = truth(cell) if grid else UNTRAINED - 0.02 * index
        elsewhere = 0.05 * (grid and domain != trained)
        who = " ".join(cell.axes.values()) if method.trains else ""  # one untrained encoder, whatever the arm is called
        draw = np.random.default_rng([3, cell.seed, *f"{who} {domain}".encode()])
        accuracy = true - elsewhere + noise * float(draw.standard_normal())
        found |= {f"linear.h.{domain}.label": accuracy, f"linear.h.{domain}.colour": 1 - accuracy / 2}
        if cell.config.evaluation.mlp:
            found[f"mlp.h.{domain}.label"] = accuracy + 0.01
        if cell.config.evaluation.beside_histogram:
            found[f"linear.h+joint.{domain}.label"] = accuracy + 0.02
        if cell.config.evaluation.target and grid:
            found[f"linear.target-h.{domain}.label"] = accuracy + noise * float(draw.standard_normal())
    return found


def grid_logs(plan: Plan) -> dict[str, list[dict[str, float]]]:
    """A training log that falls for every cell that is trained."""
    trained = [cell for cell in plan.cells if cell.config.training is not None]
    return {
        cell.id: [
            {"step": 9 * epoch, "epoch": epoch, "loss": (2 + index % 7) * (0.2 + 0.6**epoch)} for epoch in range(1, 9)
        ]
        for index, cell in enumerate(trained)
    }


def write_grid(folder: Path, plan: Plan, records: Mapping[str, Record]) -> None:
    """A results folder: plan, records and training logs."""
    write_plan(folder, plan)
    for name, record in records.items():
        write_record(ResultsFolder(folder).cell(name), record)
    for name, log in grid_logs(plan).items():
        if name in records:
            text = "".join(json.dumps(line) + "\n" for line in log)
            ResultsFolder(folder).cell(name).log.write_text(text, "utf-8")
