"""Encoder and projector."""

from typing import Annotated, Literal

from pydantic import Field

from barlowcli.settings.base import Settings, Width


class EncoderSettings(Settings):
    """The network from image to representation h."""

    name: str = "small"
    stem: Literal["auto", "small", "imagenet"] = "auto"
    """small: 3x3, stride 1, no max-pool; imagenet: 7x7, stride 2, max-pool; auto: small up to 64 pixels."""


class ProjectorSettings(Settings):
    """The MLP from h to the embedding z, on which the loss is computed."""

    layers: Annotated[int, Field(ge=1, le=8)] = 3
    hidden: Width | Literal["tied"] = 512
    """Width of the layers before the last; tied: the same as dim (Barlow Twins, Figure 4)."""
    dim: Annotated[int, Field(ge=2, le=2**20)] = 128
    """Width D of the output, on which the loss is computed."""
    batch_norm: bool = True
    """BatchNorm and ReLU between the layers, or ReLU alone."""
