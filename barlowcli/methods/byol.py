"""BYOL: predict, from one view, what a slowly averaged copy of the network makes of the other (Grill et al. 2020)."""

from functools import partial

from torch import Tensor

from barlowcli.methods.base import JointEmbedding, Method, Networks
from barlowcli.methods.normalisation import normalise
from barlowcli.settings.methods import ByolSettings, Normalize


def regression_loss(prediction: Tensor, target: Tensor, *, normalize: Normalize = "features") -> Tensor:
    """Mean squared distance of the normalised prediction and target (Grill et al. 2020, eq. 2).

    prediction, target (N, D) -> (); of rows of length 1 it is 2 - 2 cos, in [0, 4].
    """
    # The distance and not 2 - 2 cos, which loses its digits as the two come close.
    return (normalise(prediction, normalize) - normalise(target, normalize)).square().sum(1).mean()


def build(settings: ByolSettings, networks: Networks) -> Method:
    """BYOL over encoder (-> F) and projector (-> D); the two directions are summed."""
    loss = partial(_loss, normalize=settings.normalize)
    return JointEmbedding(settings, networks, loss=loss)


def _loss(prediction: Tensor, target: Tensor, *, normalize: Normalize) -> tuple[Tensor, dict[str, Tensor]]:
    loss = regression_loss(prediction, target, normalize=normalize)
    return loss, {"regression": loss}
