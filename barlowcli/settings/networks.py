"""Encoder and projector."""

from typing import Annotated, Literal, Self

from pydantic import Field

from barlowcli.registry import ENCODERS
from barlowcli.settings.base import NameOf, OnlyIf, Settings, Width

BETWEEN_LAYERS = OnlyIf(lambda projector: projector.layers > 1)


class EncoderSettings(Settings):
    """The network from image to representation h."""

    name: Annotated[str, NameOf(ENCODERS)] = "small"
    stem: Literal["auto", "small", "imagenet"] = "auto"
    """small: 3x3, stride 1, no max-pool; imagenet: 7x7, stride 2, max-pool; auto: small up to 64 pixels."""


class ProjectorSettings(Settings):
    """The MLP from h to the embedding z, on which the loss is computed."""

    layers: Annotated[int, Field(ge=1, le=8)] = 3
    hidden: Annotated[Width | Literal["tied"], BETWEEN_LAYERS] = 512
    """Width of the layers before the last; tied: the same as dim (Barlow Twins, Figure 4)."""
    dim: Annotated[int, Field(ge=2, le=2**20)] = 128
    """Width D of the output, on which the loss is computed."""
    batch_norm: Annotated[bool, BETWEEN_LAYERS] = True
    """BatchNorm and ReLU between the layers, or ReLU alone."""

    def canonical(self) -> Self:
        """`tied` as the width it comes to, so that it is one cell with the same width asked for by number."""
        hidden = self.dim if self.hidden == "tied" else self.hidden
        return self.model_copy(update={"hidden": hidden}).settled()
