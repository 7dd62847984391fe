"""Control: probes on raw colour histograms. It has no network; `settings.encodes` and `.trains` are False."""

from typing import NoReturn

from torch import nn

from barlowcli.errors import CellError
from barlowcli.settings.methods import HistogramSettings


def build(
    settings: HistogramSettings,
    encoder: nn.Module | None,
    projector: nn.Module | None,
    *,
    feature_dim: int,
    embedding_dim: int,
    classes: int,
) -> NoReturn:
    """Raises CellError: there is nothing to build."""
    raise CellError("`histogram` has no network to build", hint="probe the images' histograms themselves")
