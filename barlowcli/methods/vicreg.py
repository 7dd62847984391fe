"""VICReg: embeddings alike in two views, each dimension with spread, no two dimensions alike (Bardes et al. 2022)."""

import math
from functools import partial

import torch.nn.functional as F
from torch import Tensor

from barlowcli.methods.base import JointEmbedding, Method, Networks
from barlowcli.methods.normalisation import normalise, standardise
from barlowcli.settings.methods import VicregSettings

STD_TARGET, STD_EPS = 1.0, 1e-4
"""gamma and epsilon of the variance term (section 4.1 and the official code)."""


def vicreg_terms(z_a: Tensor, z_b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Invariance (), variance () and covariance () of two views' embeddings z_a, z_b (N, D), as in the official code.

    invariance: mean squared difference. variance: mean over D of max(0, 1 - std), mean of the views. covariance: sum
    of the squared entries off the diagonal of each view's covariance, divided by D, sum of the views. (The paper's
    eq. 1 and 5 sum the invariance over D and the variance over the views; its weights go with the code.)
    """
    variance = (_hinge(z_a) + _hinge(z_b)) / 2
    return F.mse_loss(z_a, z_b), variance, _off_diagonal(z_a) + _off_diagonal(z_b)


def build(settings: VicregSettings, networks: Networks) -> Method:
    """VICReg over encoder (-> F) and projector (-> D)."""
    loss = partial(_loss, settings=settings)
    return JointEmbedding(settings, networks, loss=loss)


def _loss(z_a: Tensor, z_b: Tensor, *, settings: VicregSettings) -> tuple[Tensor, dict[str, Tensor]]:
    if settings.normalize == "batch":
        z_a, z_b = standardise(z_a), standardise(z_b)
    elif settings.normalize == "features":  # to length sqrt(D), at which each dimension can have the spread 1
        z_a, z_b = (normalise(z, "features") * math.sqrt(z.shape[1]) for z in (z_a, z_b))
    invariance, variance, covariance = vicreg_terms(z_a, z_b)
    redundancy = settings.variance_weight * variance + settings.covariance_weight * covariance
    loss = {
        "both": settings.invariance_weight * invariance + redundancy,
        "invariance": settings.invariance_weight * invariance,
        "redundancy": redundancy,
    }[settings.terms]
    return loss, {"invariance": invariance, "variance": variance, "covariance": covariance}


def _hinge(z: Tensor) -> Tensor:
    std = (z.var(0) + STD_EPS).sqrt()  # (D,)
    return (STD_TARGET - std).relu().mean()


def _off_diagonal(z: Tensor) -> Tensor:
    n, d = z.shape
    z = z - z.mean(0)
    covariance = z.T @ z / (n - 1)  # (D, D)
    return covariance.fill_diagonal_(0).square().sum() / d
