from typing import Any

import numpy as np
import pytest
import torch
from lightly.loss import VICRegLoss
from torch import Tensor

from barlowcli.methods.vicreg import vicreg_terms
from tests.small_methods import joint_embedding


def pair(n: int = 32, d: int = 12, seed: int = 0) -> tuple[Tensor, Tensor]:
    z = torch.randn(n, d, generator=torch.Generator().manual_seed(seed)) * torch.linspace(0.2, 2, d)
    return z, 0.7 * z + 0.4 * z.roll(1, 0)


def loss_of(z_a: Tensor, z_b: Tensor, **settings: Any) -> Tensor:
    return joint_embedding("vicreg", **settings).loss(z_a, z_b)[0]


@pytest.mark.parametrize("shape", [(32, 12), (8, 40), (256, 64)])
def test_loss_and_gradient_are_lightlys(shape: tuple[int, int]) -> None:
    ours, theirs = (tuple(z.clone().requires_grad_() for z in pair(*shape)) for _ in range(2))
    first, second = loss_of(*ours), VICRegLoss()(*theirs)
    torch.testing.assert_close(first, second)
    torch.autograd.backward((first, second))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_terms_are_the_published_formulas() -> None:
    z_a, z_b = pair()
    invariance, variance, covariance = vicreg_terms(z_a, z_b)
    a, b = z_a.double().numpy(), z_b.double().numpy()
    hinges = [np.maximum(0, 1 - np.sqrt(z.var(0, ddof=1) + 1e-4)).mean() for z in (a, b)]
    off = [np.square(c - np.diag(np.diag(c))).sum() / 12 for c in (np.cov(a.T), np.cov(b.T))]
    np.testing.assert_allclose(
        [invariance.item(), variance.item(), covariance.item()],
        [np.square(a - b).mean(), sum(hinges) / 2, sum(off)],
        rtol=1e-5,
    )


def test_each_term_alone() -> None:
    z_a, z_b = pair()
    invariance, variance, covariance = vicreg_terms(z_a, z_b)
    torch.testing.assert_close(loss_of(z_a, z_b, terms="invariance"), 25 * invariance)
    torch.testing.assert_close(loss_of(z_a, z_b, terms="redundancy"), 25 * variance + covariance)
    torch.testing.assert_close(loss_of(z_a, z_b, invariance_weight=0.0, covariance_weight=0.0), 25 * variance)


@pytest.mark.parametrize("normalize", ["batch", "features"])
def test_normalised_embeddings_have_the_loss_of_normalised_ones(normalize: str) -> None:
    z_a, z_b = pair()
    if normalize == "batch":
        plain = [(z - z.mean(0)) / (z.var(0, unbiased=False) + 1e-5).sqrt() for z in (z_a, z_b)]
    else:
        plain = [z / z.norm(dim=1, keepdim=True) * 12**0.5 for z in (z_a, z_b)]
    torch.testing.assert_close(loss_of(z_a, z_b, normalize=normalize), loss_of(*plain))
