"""What the probes share: checks at their border, and how features are scaled."""

import torch
from torch import Tensor

from barlowcli.errors import CellError, DataError


def as_float(features: Tensor) -> Tensor:
    """Features (N, F) in float32, or as they are in float64."""
    return features if features.dtype == torch.float64 else features.float()


def in_double(values: Tensor) -> Tensor:
    """The values in float64; on the CPU where the device has no float64 (Apple's)."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def check_features(features: Tensor, what: str) -> None:
    """Features must be (N, F) with N, F >= 1, and finite.

    Raises DataError on the shape and CellError on NaN or infinity, which is what training that diverged leaves.
    """
    if features.ndim != 2 or not features.numel():
        raise DataError(f"{what} must be (N, F) with N, F >= 1, not {tuple(features.shape)}")
    if not bool(torch.isfinite(features).all()):
        raise CellError(f"{what} are not finite", hint="training diverged: lower training.lr")


def check_probed_labels(features: Tensor, labels: Tensor, classes: int, what: str) -> None:
    """Labels must be int64 (N,), one a row of `features`, in 0 … classes - 1; raises DataError."""
    if labels.shape != features.shape[:1] or labels.dtype != torch.int64 or not len(labels):
        raise DataError(
            f"labels of {what} must be int64 ({len(features)},) and not empty, not {labels.dtype} {tuple(labels.shape)}"
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise DataError(f"labels of {what} lie in {low} … {high}, but there are {classes} classes")


def standardisation(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (F,) of features (N, F); the deviation of a constant feature is given as 1.

    Constant: it varies by no more than what rounding leaves of equal numbers.
    """
    mean, std = features.mean(0), features.std(0, correction=0)
    rounding = 8 * torch.finfo(features.dtype).eps * features.abs().amax(0)
    return mean, torch.where(std <= rounding, 1.0, std)


def share(hits: Tensor) -> float:
    """Fraction of True in (N,), exact."""
    return int(hits.sum()) / len(hits)
