"""SimSiam: predict from one view what the same network, its gradient stopped, makes of the other (Chen & He 2021)."""

from functools import partial

from torch import Tensor

from barlowcli.methods.base import JointEmbedding, Method, Networks
from barlowcli.methods.normalisation import normalise
from barlowcli.settings.methods import Normalize, SimsiamSettings


def negative_cosine(prediction: Tensor, target: Tensor, *, normalize: Normalize = "features") -> Tensor:
    """Minus the mean inner product of the normalised prediction and target, minus their cosine (Chen & He 2021, eq. 1).

    prediction, target (N, D) -> (); of rows of length 1 in [-1, 1].
    """
    return -(normalise(prediction, normalize) * normalise(target, normalize)).sum(1).mean()


def build(settings: SimsiamSettings, networks: Networks) -> Method:
    """SimSiam over encoder (-> F) and projector (-> D); half of each direction is summed (eq. 2)."""
    loss = partial(_loss, normalize=settings.normalize)
    return JointEmbedding(settings, networks, loss=loss)


def _loss(prediction: Tensor, target: Tensor, *, normalize: Normalize) -> tuple[Tensor, dict[str, Tensor]]:
    loss = negative_cosine(prediction, target, normalize=normalize)
    return loss / 2, {"negative_cosine": loss}
