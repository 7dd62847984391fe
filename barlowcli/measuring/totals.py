"""From cells to the kinds of them that differ in cost, each measured, and from these to the whole."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from barlowcli.cell.footprint import misfit
from barlowcli.machine.needs import Most, most_on
from barlowcli.measuring.kinds import probing_kind, step_kind
from barlowcli.measuring.probing import Probing, measure_probing
from barlowcli.measuring.sample import Sample, open_sample
from barlowcli.measuring.shares import Clock, Failure, attempt, measured
from barlowcli.measuring.step import MeasuredStep, like_step, measure_step
from barlowcli.plan.plan import PlannedCell
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.data import DataSettings
from barlowcli.settings.stages import TrainedConfig, trained_config

BUDGET = 20.0
"""Seconds that all measuring may take, about: the more kinds of cells there are, the smaller the pieces of each."""


@dataclass(frozen=True)
class Group:
    """Cells that cost the same. steps, step: of training, 0 and None where there is none; probing: of one cell."""

    cells: tuple[PlannedCell, ...]
    steps: int
    step: MeasuredStep | None
    probing: Probing

    @property
    def train_seconds(self) -> float:
        """Of one cell."""
        return self.steps * self.step.seconds if self.step else 0.0

    @property
    def cell_seconds(self) -> float:
        """Training and probing of one cell."""
        return self.train_seconds + self.probing.seconds

    @property
    def memory_bytes(self) -> int:
        """Of a training step."""
        return self.step.bytes.total if self.step else 0


@dataclass(frozen=True)
class Estimate:
    """What some cells would take. seconds: `workers` cells at once, less the start of the workers and the report;
    memory_bytes: of a training step, the most of all.

    notes: what could not be measured and why, and what was not measured whole, a line each.
    """

    seconds: float
    workers: int
    memory_bytes: int
    groups: tuple[Group, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Measurements:
    """What was measured, or why it could not be, by data and by kind."""

    samples: Mapping[DataSettings, Sample | Failure]
    steps: Mapping[str, MeasuredStep | Failure]
    probings: Mapping[str, Probing | Failure]
    most: Most

    def misfit(self, cell: PlannedCell, activations: int = 0) -> str:
        """Why the cell will not fit into memory, by its arm; "" where it does."""
        sample = self.samples[cell.config.data]
        reason = "" if isinstance(sample, Failure) else misfit_of(cell.config, sample, self.most, activations)
        return f"{cell.label()}: {reason}" if reason else ""

    def of(self, cell: PlannedCell) -> Group | Failure:
        """The group of this cell alone, or why its cost is not known."""
        config, sample = cell.config, self.samples[cell.config.data]
        if isinstance(sample, Failure):
            return sample
        if reason := self.misfit(cell):
            return Failure(reason)
        probing = self.probings[probing_kind(config)]
        if isinstance(probing, Failure):
            return probing
        if config.training is None:
            return Group((cell,), 0, None, probing)
        images, batch = sample.trained_on(config), config.training.batch_size
        if images < batch:
            return Failure(f"{images} training images do not fill one batch of {batch}")
        step = self.steps[step_kind(config)]
        if isinstance(step, Failure):
            return step
        if reason := self.misfit(cell, step.bytes.activations):
            return Failure(reason)
        return Group((cell,), images // batch * config.training.epochs, step, probing)


def estimate(
    cells: Sequence[PlannedCell], *, data_root: Path, device: str, workers: int, budget: float = BUDGET
) -> Estimate:
    """What `cells` would take on this machine, measured in about `budget` seconds and the time to read some images.

    What cannot be measured is left out and has a note; nothing is raised for it.
    """
    threads = torch.get_num_threads()
    try:
        measurements = measure(cells, data_root, device, budget)
    finally:
        torch.set_num_threads(threads)
    groups: dict[tuple[str, str, int], Group] = {}
    failures: dict[str, int] = {}
    for cell in cells:
        one = measurements.of(cell)
        if isinstance(one, Failure):
            failures[one.reason] = failures.get(one.reason, 0) + 1
            continue
        key = (step_kind(cell.config), probing_kind(cell.config), one.steps)
        groups[key] = replace(groups[key], cells=(*groups[key].cells, cell)) if key in groups else one
    times = [group.cell_seconds for group in groups.values() for _ in group.cells]
    return Estimate(
        seconds=max([sum(times) / workers, *times], default=0.0),
        workers=workers,
        memory_bytes=max((group.memory_bytes for group in groups.values()), default=0),
        groups=tuple(groups.values()),
        notes=tuple(_notes(measurements, list(groups.values()), failures)),
    )


def measure(cells: Sequence[PlannedCell], data_root: Path, device: str, budget: float) -> Measurements:
    """Measure every kind of `cells`, as far as `budget` seconds go; sets the number of threads as the cells have it."""
    samples = {
        data: attempt(partial(open_sample, data, data_root, device))
        for data in dict.fromkeys(cell.config.data for cell in cells)
    }
    readable = {data: sample for data, sample in samples.items() if isinstance(sample, Sample)}
    most = most_on(device)
    known = [cell.config for cell in cells if cell.config.data in readable]
    configs = [config for config in known if not misfit_of(config, readable[config.data], most)]
    training = {step_kind(config): trained_config(config) for config in configs if config.training is not None}
    probing = {probing_kind(config): config for config in configs}

    def step(config: TrainedConfig, seconds: float) -> MeasuredStep:
        torch.set_num_threads(config.training.threads)
        return measure_step(config, readable[config.data].data, device, seconds=seconds)

    def probe(config: CellConfig, seconds: float) -> Probing:
        torch.set_num_threads(config.training.threads if config.training else 1)
        sample = readable[config.data]
        return measure_probing(config, sample.data, sample.sizes, device, seconds=seconds)

    def similar_step(found: MeasuredStep, of: TrainedConfig, wanted: TrainedConfig) -> MeasuredStep:
        return like_step(found, readable[wanted.data].data, of, wanted)

    def similar_probing(found: Probing, of: CellConfig, wanted: CellConfig) -> Probing:
        ratio = readable[wanted.data].sizes.probed / readable[of.data].sizes.probed
        return Probing(found.seconds * ratio, measured=0)

    clock = Clock(time.monotonic() + budget, len(training) + len(probing))
    probings: dict[str, Probing | Failure] = measured(probing, probe, similar_probing, clock, family=_encoder)
    steps: dict[str, MeasuredStep | Failure] = measured(training, step, similar_step, clock, family=_method)
    return Measurements(samples, steps, probings, most)


def misfit_of(config: CellConfig, sample: Sample, most: Most, activations: int = 0) -> str:
    """Why a cell will not fit into memory with the whole of what a sample is of; "" where it does."""
    return misfit(config, sample.counts, most, activations=activations)


def _encoder(config: CellConfig | TrainedConfig) -> str:
    return config.encoder.name if config.encoder else ""


def _method(config: TrainedConfig) -> str:
    return f"{config.method.name} {_encoder(config)}"


def _notes(measurements: Measurements, groups: Sequence[Group], failures: Mapping[str, int]) -> list[str]:
    notes = [sample.note for sample in measurements.samples.values() if isinstance(sample, Sample) and sample.note]
    pieces = [
        group.step.measured
        for group in groups
        if (training := group.cells[0].config.training) and group.step and 0 < group.step.measured < training.batch_size
    ]
    if pieces:
        notes.append(f"steps were measured on batches down to {min(pieces)} images and drawn out to the cells' own")
    kinds = [*measurements.steps.values(), *measurements.probings.values()]
    similar = sum(not isinstance(kind, Failure) and kind.measured == 0 for kind in kinds)
    if similar:
        notes.append(
            f"{len(kinds) - similar} of {len(kinds)} kinds of training and probing were measured; each of the others "
            "is taken to be like the most similar"
        )
    left_out = [
        (f"{count} cells cannot be measured and are" if count > 1 else "1 cell cannot be measured and is", reason)
        for reason, count in failures.items()
    ]
    return notes + [f"{cells} left out: {reason}" for cells, reason in left_out]
