"""Probes of the frozen encoder, and the bound of collapse."""

from typing import Annotated

from pydantic import Field

from barlowcli.settings.base import Count, Epochs, NonNegative, Positive, Settings, Width

MATCHING_BATCH = 256
"""Most images among which the other view of each must be found; chance is one over how many there are."""


class EvaluationSettings(Settings):
    """Probes of the frozen encoder, and the bound of collapse."""

    domains: Annotated[tuple[str, ...], Field(min_length=1)] = ("none", "pixels")
    """Shuffle arms in which the frozen encoder is probed; the plan adds the arm's own."""
    target: bool = False
    """Probe the averaged target network too, where there is one, as the spaces "target-h" and "target-z"."""
    knn_k: Annotated[tuple[Count, ...], Field(min_length=1)] = (20, 200)
    knn_temperature: Positive = 0.1
    linear_l2: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1e-4, 1e-3, 1e-2, 1e-1)
    """Candidates of the linear probe's penalty on mean cross-entropy; chosen on the validation split."""
    mlp_hidden: Width = 256
    mlp_epochs: Epochs = 20
    collapse_std: NonNegative = 0.05
    """Collapsed: mean per-dimension std of the L2-normalised embeddings times sqrt(D) is below this (1: isotropic)."""
