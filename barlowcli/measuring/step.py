"""Time and memory of a training step, measured on a few."""

import time
from dataclasses import dataclass

import torch

from barlowcli.cell.build import build_method, build_step
from barlowcli.data.imageset import Dataset
from barlowcli.measuring.growth import grown, line
from barlowcli.settings.stages import TrainedConfig
from barlowcli.training.meter import Meter, StepBytes, kept_bytes
from barlowcli.training.optimisers import build_optimizer

SMALLEST = 2
"""Images of the first batch: BatchNorm has no variance of one."""
STEPS, LEAST_SECONDS, MOST_STEPS = 2, 0.2, 20
"""Steps that are timed at the cell's own batch; more, up to the last number, while they take less than that."""


@dataclass(frozen=True)
class MeasuredStep:
    """A training step at the cell's own batch. measured: the largest batch that was measured, 0 where only a similar
    cell was."""

    seconds: float
    bytes: StepBytes
    measured: int


def measure_step(config: TrainedConfig, data: Dataset, device: str, *, seconds: float) -> MeasuredStep:
    """A training step of a cell, on images of `data`, which are on `device`.

    Batches grow up to the cell's own as long as the next should end within `seconds`; from a smaller one, time and
    activations are drawn out along a line. Raises what building the cell raises.
    """
    batch, images = config.training.batch_size, data.train.images
    take_step = build_step(device, config, data, images, data.train.labels)

    def steps(size: int) -> tuple[float, StepBytes]:
        index = torch.arange(size, device=images.device) % len(images)
        meter = Meter(take_step.method, take_step.optimizer, images.device)
        least, most = (STEPS, MOST_STEPS) if size == batch else (1, 1)
        while meter.steps <= least or (meter.steps <= most and time.monotonic() < meter.since + LEAST_SECONDS):
            with meter.step():  # at a learning rate of 0, so that nothing diverges
                take_step(index, epoch=0, lr=0.0, progress=0.0)
        return meter.seconds, meter.bytes

    found = grown(steps, min(SMALLEST, batch), batch, seconds=seconds)
    time_of_step = line([(size, taken) for size, (taken, _) in found], batch)
    activations = line([(size, needed.activations) for size, (_, needed) in found], batch)
    measured, (_, needed) = found[-1]
    return MeasuredStep(time_of_step, StepBytes(needed.kept, round(activations)), measured)


def like_step(step: MeasuredStep, data: Dataset, of: TrainedConfig, wanted: TrainedConfig) -> MeasuredStep:
    """A step of `wanted` where only one `of` a similar cell was measured: in proportion to the batch; what is kept
    whatever the batch is counted of `wanted` itself."""
    ratio = wanted.training.batch_size / of.training.batch_size
    needed = StepBytes(count_kept(wanted, data), round(step.bytes.activations * ratio))
    return MeasuredStep(step.seconds * ratio, needed, measured=0)


def count_kept(config: TrainedConfig, data: Dataset) -> int:
    """`kept_bytes` of a cell after a step, without computing one: its tensors have a shape and no content."""
    with torch.device("meta"):
        method = build_method(config, data)
    optimizer = build_optimizer(config.training, method)
    for parameter in method.parameters():
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    optimizer.step()
    return kept_bytes(method, optimizer)
