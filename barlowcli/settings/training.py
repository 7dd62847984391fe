"""Optimiser, schedule, batch and precision."""

from typing import Annotated, Literal

from pydantic import Field

from barlowcli.settings.base import Epochs, NonNegative, Positive, Settings


class TrainingSettings(Settings):
    """Optimiser, schedule, batch and precision."""

    epochs: Epochs = 10
    batch_size: Annotated[int, Field(ge=2, le=2**20)] = 256
    optimizer: Literal["sgd", "lars", "adamw"] = "sgd"
    lr: Positive = 0.12
    """Learning rate at batch 256; the rate used is lr * (batch / 256) under lr_scaling = linear."""
    lr_scaling: Literal["linear", "sqrt", "none"] = "linear"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of SGD and LARS; AdamW's first beta."""
    weight_decay: NonNegative = 5e-4
    lars_trust: Positive = 1e-3
    """LARS's trust coefficient (Barlow Twins and BYOL: .001; solo-learn's CIFAR-10 recipes: .02)."""
    warmup_epochs: NonNegative = 0.0
    """Linear from 0, at most a quarter of the epochs; then cosine to 0 at the last step."""
    clip_gradient: Positive | None = None
    """Largest L2 norm of the whole gradient; None: no clipping."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 autocast on CUDA, fp32 elsewhere; resolved by the plan."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """CPU threads inside one cell (it changes the order of sums, so it is part of the cell)."""
