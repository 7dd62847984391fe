"""MLP probe: one hidden layer on fixed inputs, for what a linear probe cannot read off a histogram."""

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from barlowcli.evaluation.features import as_float, check_probed_labels, share

LEARNING_RATE = 0.01
WEIGHT_DECAY = 0.1
BATCH, LEAST_BATCH, LEAST_STEPS = 256, 32, 64
"""Small sets get smaller batches, down to 32, so that an epoch has 64 steps where it can."""


@dataclass(frozen=True)
class MlpProbe:
    """A fitted probe.

    parameters: weights (H, F), bias (H,), weights (C, H), bias (C,). epoch: the one kept, from 1.
    validation_accuracy: in [0, 1], at that epoch.
    """

    parameters: tuple[Tensor, Tensor, Tensor, Tensor]
    epoch: int
    validation_accuracy: float

    @property
    def chosen(self) -> dict[str, Any]:
        """The settings that it was fitted with."""
        hidden = len(self.parameters[1])
        return {"hidden": hidden, "epoch": self.epoch, "validation_accuracy": self.validation_accuracy}

    def predict(self, inputs: Tensor) -> Tensor:
        """Classes, int64 (N,), of inputs (N, F)."""
        return _logits(as_float(inputs), self.parameters).argmax(1)

    def accuracy(self, inputs: Tensor, labels: Tensor) -> float:
        """Fraction in [0, 1] of inputs (N, F) whose class is predicted."""
        return share(self.predict(inputs) == labels)


def fit_mlp_probe(
    train: Tensor,
    labels: Tensor,
    validation: Tensor,
    validation_labels: Tensor,
    *,
    classes: int,
    hidden: int,
    epochs: int,
    seed: int,
) -> MlpProbe:
    """Train on inputs (N, F) with labels int64 (N,) and keep the epoch that is best on validation (V, F).

    Linear, ReLU, linear; cross-entropy; AdamW with a cosine decay to 0 over `epochs`. The learning rate is meant for
    rows of length 1, such as square roots of histograms, and does for standardised features. The earlier epoch wins a
    tie. Pure in its inputs and seed. Raises DataError on labels that do not fit.
    """
    check_probed_labels(train, labels, classes, "train")
    check_probed_labels(validation, validation_labels, classes, "validation")
    train, validation = as_float(train), as_float(validation)
    generator = torch.Generator().manual_seed(seed)  # on the CPU: the same draws whatever the device
    parameters = _initial(train, hidden, classes, generator)
    optimizer = torch.optim.AdamW(parameters, LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
    size = min(BATCH, max(LEAST_BATCH, len(train) // LEAST_STEPS))
    steps = epochs * math.ceil(len(train) / size)
    step = 0
    best: MlpProbe | None = None
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(train), generator=generator).to(train.device)
        for batch in torch.split(order, size):
            optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 + math.cos(math.pi * step / steps)) / 2
            optimizer.zero_grad()
            torch.autograd.backward(F.cross_entropy(_logits(train[batch], parameters), labels[batch]))
            optimizer.step()
            step += 1
        with torch.no_grad():
            accuracy = share(_logits(validation, parameters).argmax(1) == validation_labels)
        if best is None or accuracy > best.validation_accuracy:
            first, first_bias, second, second_bias = (p.detach().clone() for p in parameters)
            best = MlpProbe((first, first_bias, second, second_bias), epoch, accuracy)
    if best is None:
        raise ValueError("an MLP probe needs at least one epoch")
    return best


Parameters = tuple[Tensor, Tensor, Tensor, Tensor]


def _initial(train: Tensor, hidden: int, classes: int, generator: torch.Generator) -> Parameters:
    """Uniform in +-1 / sqrt(inputs of the layer), torch.nn.Linear's default."""

    def draw(*shape: int, inputs: int) -> Tensor:
        value = (2 * torch.rand(shape, generator=generator) - 1) / math.sqrt(inputs)
        return value.to(train).requires_grad_()

    features = train.shape[1]
    return (
        draw(hidden, features, inputs=features),
        draw(hidden, inputs=features),
        draw(classes, hidden, inputs=hidden),
        draw(classes, inputs=hidden),
    )


def _logits(inputs: Tensor, parameters: Parameters) -> Tensor:
    """(N, C) from inputs (N, F)."""
    first, first_bias, second, second_bias = parameters
    return F.linear(F.linear(inputs, first, first_bias).relu(), second, second_bias)
