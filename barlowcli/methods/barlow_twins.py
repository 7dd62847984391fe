"""Barlow Twins: the cross-correlation of two views' embeddings, driven towards the identity (Zbontar et al. 2021)."""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from barlowcli.methods.base import JointEmbedding, Method
from barlowcli.settings import BarlowSettings


def cross_correlation_loss(
    z_a: Tensor, z_b: Tensor, *, lambda_: float, correction: int = 0, eps: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    """Barlow Twins' loss of two views' embeddings (Zbontar et al. 2021, eq. 1 and 2).

    z_a, z_b (N, D) -> loss (), invariance (), redundancy (), with loss = invariance + lambda_ * redundancy;
    C = z_a^T z_b / N of the embeddings standardised over the batch, invariance = sum of (C_ii - 1)^2,
    redundancy = sum of C_ij^2 off the diagonal.

    The paper's code and its pseudocode differ in the standard deviation; both divide by N. The defaults are
    the code's, BatchNorm: the biased one (`correction` 0), with `eps` added to the variance, so that C_ii is
    Pearson's correlation and a dimension that is constant has a finite gradient. `correction` 1 with `eps` 0
    is the pseudocode: `std(0)` is unbiased, C shrinks by (N - 1) / N, and a constant dimension gives NaN.
    """
    n, d = z_a.shape
    z_a, z_b = (_standardise(z, correction, eps) for z in (z_a, z_b))
    diagonal = (z_a * z_b).sum(0) / n  # (D,)
    if 2 * n < d:
        # The sum of all C_ij^2 is <z_a z_a^T, z_b z_b^T> / N^2, exactly, and costs N x N. The difference keeps its
        # digits: with a diagonal near 1, C of rank at most N - 1 has a sum of squares of at least D^2 / (N - 1) > 2 D.
        total = ((z_a @ z_a.T) * (z_b @ z_b.T)).sum() / n**2
        redundancy = total - diagonal.square().sum()
    else:
        c = z_a.T @ z_b / n  # (D, D)
        redundancy = c.fill_diagonal_(0).square().sum()
    invariance = (diagonal - 1).square().sum()
    return invariance + lambda_ * redundancy, invariance, redundancy


def build(
    settings: BarlowSettings,
    encoder: nn.Module,
    projector: nn.Module | None,
    *,
    feature_dim: int,
    embedding_dim: int,
    classes: int,
) -> Method:
    """Barlow Twins over encoder (-> F) and projector (-> D), with whatever branches the settings name."""
    correction, eps = (1, 0.0) if settings.unbiased_std else (0, 1e-5)
    correlate = partial(cross_correlation_loss, lambda_=settings.lambda_, correction=correction, eps=eps)
    loss = partial(_loss, correlate, settings.loss_scale)
    return JointEmbedding(settings, encoder, projector, embedding_dim=embedding_dim, loss=loss)


def _loss(
    correlate: Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]], scale: float, z_a: Tensor, z_b: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    loss, invariance, redundancy = correlate(z_a, z_b)
    return scale * loss, {"invariance": invariance, "redundancy": redundancy}


def _standardise(z: Tensor, correction: int, eps: float) -> Tensor:
    """Each of D dimensions over the batch: mean 0, standard deviation 1."""
    centred = z - z.mean(0)
    variance = centred.square().sum(0) / (z.shape[0] - correction)  # (D,)
    return centred * (variance + eps).rsqrt()
