"""Optimiser, schedule, batch and precision."""

from typing import Annotated, Literal, Self

from pydantic import Field

from barlowcli.registry import OPTIMIZERS
from barlowcli.settings.base import FREE, LATER, Count, Epochs, NameOf, NonNegative, OnlyIf, Positive, Settings

MOST_WARMUP = 0.25
"""Share of the epochs that warm-up may take at most, so that a run cut short still reaches its learning rate."""


class TrainingSettings(Settings):
    """Optimiser, schedule, batch and precision."""

    epochs: Annotated[Epochs, FREE] = 10
    epochs_at: Annotated[Count | Literal["any"], FREE, LATER] = "any"
    """Batch size that `epochs` are for: others take epochs * batch / epochs_at of them, and so as many steps. any: all
    take `epochs`. The canonical form has it worked into `epochs`."""
    batch_size: Annotated[int, Field(ge=2, le=2**20)] = 256
    optimizer: Annotated[str, NameOf(OPTIMIZERS)] = "sgd"
    lr: Annotated[Positive, FREE] = 0.12
    """Learning rate at batch 256; the rate used is lr * (batch / 256) under lr_scaling = linear."""
    lr_scaling: Annotated[Literal["linear", "sqrt", "none"], FREE] = "linear"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of SGD and LARS; AdamW's first beta."""
    weight_decay: Annotated[NonNegative, FREE] = 5e-4
    lars_trust: Annotated[Positive, OnlyIf(lambda training: training.optimizer == "lars"), FREE] = 1e-3
    """LARS's trust coefficient (Barlow Twins and BYOL: .001; solo-learn's CIFAR-10 recipes: .02)."""
    warmup_epochs: Annotated[NonNegative, FREE] = 0.0
    """Linear from near 0, at most a quarter of the epochs; then cosine to 0 at the last step."""
    clip_gradient: Positive | None = None
    """Largest L2 norm of the whole gradient; None: no clipping."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 autocast on CUDA, fp32 elsewhere; resolved by the plan."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """CPU threads inside one cell (it changes the order of sums, so it is part of the cell)."""

    def canonical(self, *, on_cuda: bool) -> Self:
        """These settings with the epochs of the batch, the warm-up that they leave room for, and the precision of the
        device."""
        share = 1.0 if self.epochs_at == "any" else self.batch_size / self.epochs_at
        epochs = max(1, round(self.epochs * share))
        worked_in = {
            "epochs": epochs,
            "epochs_at": "any",
            "warmup_epochs": min(self.warmup_epochs * share, MOST_WARMUP * epochs),
            "precision": precision_on(self.precision, on_cuda=on_cuda),
        }
        return self.model_copy(update=worked_in).settled()


def precision_on(precision: str, *, on_cuda: bool) -> str:
    """The precision that is trained in: `auto` is bf16 on CUDA and fp32 elsewhere."""
    if precision != "auto":
        return precision
    return "bf16" if on_cuda else "fp32"
