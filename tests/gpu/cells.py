"""Cells whose data set is fake: of the shape of the embedded one, on a device that is not here."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from barlowcli.cell.build import build_step
from barlowcli.data.imageset import Dataset, ImageSet
from barlowcli.registry import METHODS
from barlowcli.settings.any_method import settings_of
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.stages import TrainedConfig, trained_config
from barlowcli.settings.tables import expand
from barlowcli.training.step import EagerStep
from tests.gpu.watch import Watch

SIDE, BATCH = 16, 32
STATISTICS = SimpleNamespace(tolist=lambda: [0.5] * 3), SimpleNamespace(tolist=lambda: [0.25] * 3)
"""Mean and deviation of each channel, which are numbers before a step is taken."""


def trained() -> list[str]:
    """Names of the methods that are trained."""
    return [name for name in METHODS.names() if settings_of(name).trains]


def config(kind: str = "cuda", **settings: Any) -> TrainedConfig:
    """A small cell; settings: by dotted key, with __ for the dot."""
    chosen = {
        "training.batch_size": BATCH,
        "projector.hidden": 64,
        "projector.dim": 48,
        "evaluation.mlp_epochs": 1,
        "evaluation.linear_l2": [1e-2, 1e-3],
        **{key.replace("__", "."): value for key, value in settings.items()},
    }
    return trained_config(CellConfig.model_validate(expand(chosen)).canonical(on_cuda=kind == "cuda"))


def dataset(device: torch.device) -> Dataset:
    """Images and labels of every split, on `device`."""

    def part(count: int) -> ImageSet:
        images = torch.empty(count, 3, SIDE, SIDE, dtype=torch.uint8, device=device)
        labels = torch.empty(count, dtype=torch.int64, device=device)
        return ImageSet(images, labels, {"tint": labels.clone()})

    classes = tuple("0123456789")
    made = Dataset("fake", part(96), part(64), part(64), None, classes, {"tint": classes}, "digit", (), "")
    vars(made)["statistics"] = STATISTICS
    return made


def step_of(device: torch.device, chosen: TrainedConfig) -> EagerStep:
    """A step of the cell, as it is taken eagerly."""
    data = dataset(device)
    with device:  # initial values are drawn on the device: no number of theirs is looked at
        return build_step(str(device), chosen, data, data.train.images, data.train.labels)


def take(step: EagerStep) -> None:
    """Take one step."""
    device = step.images.device
    step(torch.arange(step.settings.batch_size, device=device), **inputs(device))


def inputs(device: torch.device) -> dict[str, Any]:
    """Epoch, learning rate and progress: tensors where steps are captured, else numbers."""
    if device.type != "cuda":
        return {"epoch": 0, "lr": 0.1, "progress": 0.5}
    zero: Tensor = torch.zeros((), device=device)
    return {"epoch": torch.zeros((), dtype=torch.int64, device=device), "lr": zero, "progress": zero.clone()}


def faults_of(step: EagerStep) -> list[str]:
    """What is wrong with a step."""
    kind = step.images.device.type
    with Watch(kind, step=kind == "cuda") as watch:
        take(step)
    assert watch.types == {torch.bfloat16 if step.settings.precision == "bf16" else torch.float32}
    return watch.faults
