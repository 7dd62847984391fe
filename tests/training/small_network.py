"""A network of a few weights of every kind, and gradients for it."""

import torch
from torch import Tensor, nn

from barlowcli.settings.training import TrainingSettings


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(36, 2))


def settings(optimizer: str, **others: object) -> TrainingSettings:
    return TrainingSettings.model_validate({"optimizer": optimizer, "lr": 0.1, "weight_decay": 0.01, **others})


def fill_gradients(module: nn.Module, step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for parameter in module.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def values(module: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in module.parameters()]
