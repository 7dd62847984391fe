"""Barlow Twins: the cross-correlation of two views' embeddings, driven towards the identity (Zbontar et al. 2021)."""

from functools import partial

import torch.nn.functional as F
from torch import Tensor

from barlowcli.methods.base import JointEmbedding, Method, Networks
from barlowcli.methods.normalisation import EPS, standardise
from barlowcli.settings.methods import BarlowSettings, Normalize


def cross_correlation_loss(
    z_a: Tensor,
    z_b: Tensor,
    *,
    lambda_: float,
    normalize: Normalize = "batch",
    correction: int = 0,
    eps: float = EPS,
) -> tuple[Tensor, Tensor, Tensor]:
    """Barlow Twins' loss of two views' embeddings (Zbontar et al. 2021, eq. 1 and 2).

    z_a, z_b (N, D) -> loss (), invariance (), redundancy (), with loss = invariance + lambda_ * redundancy;
    C = z_a^T z_b / N of the embeddings as `normalised` makes them, invariance = sum of (C_ii - 1)^2,
    redundancy = sum of C_ij^2 off the diagonal.

    The paper's code and its pseudocode differ in the standard deviation; both divide by N. The defaults are
    the code's, BatchNorm: the biased one (`correction` 0), with `eps` added to the variance, so that C_ii is
    Pearson's correlation and a dimension that is constant has a finite gradient. `correction` 1 with `eps` 0
    is the pseudocode: `std(0)` is unbiased, C shrinks by (N - 1) / N, and a constant dimension gives NaN.
    """
    n, d = z_a.shape
    z_a, z_b = (normalised(z, normalize, correction=correction, eps=eps) for z in (z_a, z_b))
    diagonal = (z_a * z_b).sum(0) / n  # (D,)
    if 2 * n < d:
        # The sum of all C_ij^2 is <z_a z_a^T, z_b z_b^T> / N^2, exactly, and costs N x N. The difference keeps its
        # digits: with an even diagonal, C of rank at most N has a sum of squares of at least D / N > 2 times its own.
        total = ((z_a @ z_a.T) * (z_b @ z_b.T)).sum() / n**2
        redundancy = total - diagonal.square().sum()
    else:
        c = z_a.T @ z_b / n  # (D, D)
        redundancy = c.fill_diagonal_(0).square().sum()
    invariance = (diagonal - 1).square().sum()
    return invariance + lambda_ * redundancy, invariance, redundancy


def cross_entropy_loss(
    z_a: Tensor, z_b: Tensor, *, lambda_: float, temperature: float, correction: int = 0, eps: float = EPS
) -> tuple[Tensor, Tensor, Tensor]:
    """The cross-entropy with temperature of Table 5 (Zbontar et al. 2021, section 4).

    z_a, z_b (N, D) -> loss (), invariance (), redundancy (), with loss = invariance + lambda_ * redundancy,
    invariance = -log sum_i exp(C_ii / T), redundancy = log sum_i sum_{j != i} exp(max(C_ij, 0) / T).
    """
    n, d = z_a.shape
    z_a, z_b = (standardise(z, correction=correction, eps=eps) for z in (z_a, z_b))
    c = z_a.T @ z_b / n  # (D, D)
    off_diagonal = c.flatten()[1:].view(d - 1, d + 1)[:, :-1]  # (D - 1, D): what is left without every (D + 1)th
    invariance = -(c.diagonal() / temperature).logsumexp(0)
    redundancy = (off_diagonal.clamp(min=0) / temperature).flatten().logsumexp(0)
    return invariance + lambda_ * redundancy, invariance, redundancy


def normalised(z: Tensor, how: Normalize, *, correction: int = 0, eps: float = EPS) -> Tensor:
    """z (N, D) as the paper's ablation of normalisations has it (section 4).

    batch: standardised over the batch. features: that, and then each row to length 1. none: its mean taken away, so
    that C is the cross-covariance.
    """
    if how == "none":
        return z - z.mean(0)
    z = standardise(z, correction=correction, eps=eps)
    return F.normalize(z, dim=1) if how == "features" else z


def redundancy_weight(settings: BarlowSettings, dim: int) -> float:
    """The weight of the redundancy term at D = `dim`: lambda, or lambda / D under the rule c/D."""
    return settings.lambda_ / dim if settings.lambda_rule == "c/D" else settings.lambda_


def build(settings: BarlowSettings, networks: Networks) -> Method:
    """Barlow Twins over encoder (-> F) and projector (-> D), with whatever branches the settings name."""
    loss = partial(_loss, settings=settings, lambda_=redundancy_weight(settings, networks.embedding_dim))
    return JointEmbedding(settings, networks, loss=loss)


def _loss(z_a: Tensor, z_b: Tensor, *, settings: BarlowSettings, lambda_: float) -> tuple[Tensor, dict[str, Tensor]]:
    correction, eps = (1, 0.0) if settings.unbiased_std else (0, EPS)
    if settings.terms == "cross-entropy":
        loss, invariance, redundancy = cross_entropy_loss(
            z_a, z_b, lambda_=lambda_, temperature=settings.temperature, correction=correction, eps=eps
        )
    else:
        loss, invariance, redundancy = cross_correlation_loss(
            z_a, z_b, lambda_=lambda_, normalize=settings.normalize, correction=correction, eps=eps
        )
    if settings.terms == "invariance":
        loss = invariance
    elif settings.terms == "redundancy":
        loss = lambda_ * redundancy
    return loss, {"invariance": invariance, "redundancy": redundancy}
