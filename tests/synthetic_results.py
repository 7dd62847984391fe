"""Results folders with chosen true accuracies, to test the arithmetic of the report on; no number here was measured."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from barlowcli.experiment.claims import Claim
from barlowcli.experiment.files import load_experiment
from barlowcli.plan.freezing import write_plan
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import Record, write_record

World = Mapping[tuple[str, str, str], tuple[float, float]]
"""(method, shuffle, jitter) -> true digit accuracy in the arm's own domain, and on intact images. Under
("any", "none", "shuffled"): what every arm that was trained on intact images has on shuffled ones."""

BEYOND: dict[tuple[str, str, str], tuple[float, float]] = {
    ("barlow", "none", "on"): (0.72, 0.72),
    ("barlow", "none", "off"): (0.55, 0.55),
    ("barlow", "pixels", "on"): (0.2, 0.50),
    ("barlow", "pixels", "off"): (0.28, 0.37),
    ("byol", "none", "on"): (0.74, 0.74),
    ("byol", "none", "off"): (0.60, 0.60),
    ("byol", "pixels", "on"): (0.2, 0.52),
    ("byol", "pixels", "off"): (0.27, 0.42),
    ("any", "none", "shuffled"): (0.24, 0.24),
    ("supervised", "pixels", "off"): (0.31, 0.3),
}
"""Digits independent of colour: histograms know little of the digit, space does."""

SUFFICE: dict[tuple[str, str, str], tuple[float, float]] = {
    **{(method, "none", "on"): (0.95, 0.95) for method in ("barlow", "byol")},
    **{(method, "none", "off"): (0.95, 0.95) for method in ("barlow", "byol")},
    **{(method, "pixels", "on"): (0.60, 0.50) for method in ("barlow", "byol")},
    **{(method, "pixels", "off"): (0.95, 0.70) for method in ("barlow", "byol")},
    ("any", "none", "shuffled"): (0.95, 0.95),
    ("supervised", "pixels", "off"): (0.95, 0.70),
}
"""Colour tied to the digit: a histogram tells it all."""

UNTRAINED = {"none": 0.45, "pixels": 0.22, "equalise": 0.4, "equalise+pixels": 0.11}
HISTOGRAM = {"knn50.joint": 0.21, "linear.joint": 0.24, "mlp.joint": 0.26, "linear.marginal": 0.2, "mlp.marginal": 0.25}
SUPERVISED = {"none": 0.9, "equalise": 0.8, "equalise+pixels": 0.11}
"""In its own domain; elsewhere as `World` says."""


def quick_plan(
    *, seeds: int = 3, axes: Mapping[str, list[str]] | None = None, settings: Mapping[str, Any] | None = None
) -> Plan:
    """The shuffle test under its preset `quick`, by default with intact and shuffled views alone."""
    overrides = Overrides(axes={"shuffle": ["none", "pixels"], **(axes or {})}, settings=settings or {}, seeds=seeds)
    return build_plan(load_experiment("shuffle-test"), "quick", overrides, on_cuda=False)


def record_of(
    plan: Plan,
    cell: PlannedCell,
    metrics: Mapping[str, float],
    *,
    status: Literal["ok", "collapsed", "diverged", "failed"] = "ok",
    message: str = "",
) -> Record:
    """A record of a planned cell."""
    return Record(
        id=cell.id,
        experiment=plan.experiment.name,
        preset=plan.preset,
        axes=cell.axes,
        seed=cell.seed,
        control=cell.control,
        status=status,
        message=message,
        domain=cell.config.views.shuffle if cell.config.views else "none",
        labels=("label", "colour"),
        label_names={"label": "digit", "colour": "colour"},
        chance={"label": 0.11, "colour": 0.1},
        metrics=dict(metrics),
        counts={"train": 3600, "validation": 400, "test": 1000, "parameters": 60_000},
        config=cell.config.model_dump(mode="json", by_alias=True),
        provenance={
            "command": "barlow run shuffle-test",
            "commit": "0123456789abcdef",
            "barlow": "0.1.0",
            "python": "3.11.9",
            "versions": {"torch": "2.15.0", "numpy": "2.3.0"},
            "device": "cpu",
            "device_name": "a processor",
            "platform": "linux",
        },
    )


def metrics_of(cell: PlannedCell, world: World, noise: float) -> dict[str, float]:
    """All metrics of one cell: its true accuracies and Gaussian noise, half of it shared by the cells of a seed."""
    method, shuffle = cell.config.method.name, cell.axes["shuffle"]
    shared = noise * float(np.random.default_rng([1, cell.seed]).standard_normal())
    draw = np.random.default_rng([2, cell.seed, *" ".join(cell.axes.values()).encode()])

    def noisy(value: float) -> float:
        return float(np.clip(value + shared + noise * draw.standard_normal(), 0, 1))

    if method == "histogram":
        exact = {f"{probe}.none.label": value for probe, value in HISTOGRAM.items()}
        return exact | {f"{probe}.none.colour": 0.99 for probe in HISTOGRAM}
    if method == "random-init":
        truth = {domain: UNTRAINED[domain] for domain in cell.config.evaluation.domains}
    else:
        default = SUPERVISED.get(shuffle, 0.5) if method == "supervised" else 0.5
        own, intact = world.get((method, shuffle, cell.axes["jitter"]), (default, default))
        truth = {"pixels": world.get(("any", "none", "shuffled"), (0.2, 0.2))[0], shuffle: own, "none": intact}
    metrics: dict[str, float] = {}
    for domain, value in truth.items():
        accuracy = noisy(value)
        metrics[f"linear.h.{domain}.label"] = accuracy
        metrics[f"linear.h.{domain}.colour"] = noisy(0.98 if cell.axes["jitter"] == "off" else 0.8)
        metrics[f"mlp.h.{domain}.label"] = noisy(value + 0.01)
        metrics[f"linear.h+joint.{domain}.label"] = noisy(value + 0.02)
        for k in (20, 200):
            metrics[f"knn{k}.h.{domain}.label"] = max(0.0, accuracy - 0.05 - k / 10_000)
        if method != "supervised":
            metrics[f"linear.z.{domain}.label"] = max(0.0, accuracy - 0.08)
    metrics |= {"histogram_r2.h.none": noisy(0.7), "rankme.h.none": 30 + 100 * noisy(0.1)}
    if method != "supervised":
        metrics |= {"rankme.z.none": 60 + 100 * noisy(0.1), "std.z.none": noisy(0.8)}
    if method not in ("supervised", "random-init"):
        metrics["matching"] = noisy(0.9)
    return metrics


def records_of(plan: Plan, world: World, *, noise: float = 0.004) -> dict[str, Record]:
    """A record for every cell of `plan`."""
    return {cell.id: record_of(plan, cell, metrics_of(cell, world, noise)) for cell in plan.cells}


def with_claims(plan: Plan, claims: Sequence[Claim]) -> Plan:
    """`plan` with other claims."""
    return plan.model_copy(update={"experiment": plan.experiment.model_copy(update={"claims": list(claims)})})


def cells_of(plan: Plan, **axes: str) -> list[PlannedCell]:
    """Cells with these axes, by seed."""
    found = [cell for cell in plan.cells if all(cell.axes[name] == value for name, value in axes.items())]
    return sorted(found, key=lambda cell: cell.seed)


def beaten_by_untrained(plan: Plan, records: Mapping[str, Record], values: Sequence[float]) -> dict[str, Record]:
    """`records` with an untrained encoder of these accuracies on intact images."""
    return put(records, cells_of(plan, method="random-init"), "linear.h.none.label", values)


def put(
    records: Mapping[str, Record], cells: Sequence[PlannedCell], metric: str, values: Sequence[float]
) -> dict[str, Record]:
    """`records` with the values of one metric, one a cell."""
    changed = dict(records)
    for cell, value in zip(cells, values, strict=True):
        record = records[cell.id]
        changed[cell.id] = record.model_copy(update={"metrics": {**record.metrics, metric: value}})
    return changed


def write_results(folder: Path, plan: Plan, records: Mapping[str, Record]) -> None:
    """A results folder: plan, records and training logs."""
    write_plan(folder, plan)
    for cell in plan.cells:
        if (record := records.get(cell.id)) is None:
            continue
        at = ResultsFolder(folder).cell(cell.id)
        write_record(at, record)
        if cell.config.training is not None:
            at.log.write_text("".join(json.dumps(line) + "\n" for line in log_of(cell)), "utf-8")


def log_of(cell: PlannedCell) -> list[dict[str, float]]:
    """A training log that falls, for Barlow Twins from some hundred."""
    assert cell.config.training is not None
    scale = {"barlow": 120.0, "byol": 3.0, "supervised": 2.3}[cell.config.method.name]
    low = 0.05 + 0.1 * (cell.axes["shuffle"] == "none") + 0.02 * cell.seed
    epochs = range(1, cell.config.training.epochs + 1)
    return [
        {"step": 14 * e, "epoch": e, "loss": scale * (low + 0.6 ** (e - 1)), "lr": 0.1, "std": 0.8, "term.on": 1.0}
        for e in epochs
    ]
