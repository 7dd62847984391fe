"""BYOL: predict, from one view, what a slowly averaged copy of the network makes of the other (Grill et al. 2020)."""

import torch.nn.functional as F
from torch import Tensor, nn

from barlowcli.methods.base import JointEmbedding, Method
from barlowcli.settings import ByolSettings


def regression_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared distance of the L2-normalised prediction and target, 2 - 2 cos (Grill et al. 2020, eq. 2).

    prediction, target (N, D) -> (), in [0, 4].
    """
    # The distance and not 2 - 2 cos, which loses its digits as the two come close.
    return (F.normalize(prediction, dim=1) - F.normalize(target, dim=1)).square().sum(1).mean()


def build(
    settings: ByolSettings,
    encoder: nn.Module,
    projector: nn.Module | None,
    *,
    feature_dim: int,
    embedding_dim: int,
    classes: int,
) -> Method:
    """BYOL over encoder (-> F) and projector (-> D); the two directions are summed."""
    return JointEmbedding(settings, encoder, projector, embedding_dim=embedding_dim, loss=_loss)


def _loss(prediction: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    loss = regression_loss(prediction, target)
    return loss, {"regression": loss}
