"""BYOL's regression loss against its definition and lightly."""

import torch
from lightly.loss import NegativeCosineSimilarity

from barlowcli.methods.byol import regression_loss


def pair(n: int = 16, d: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    p, z = torch.randn(2, n, d, generator=torch.Generator().manual_seed(0))
    return p, z


def test_is_two_minus_twice_the_cosine() -> None:
    p, z = pair()
    inner = torch.stack([row_p.dot(row_z) / (row_p.norm() * row_z.norm()) for row_p, row_z in zip(p, z, strict=True)])
    torch.testing.assert_close(regression_loss(p, z), (2 - 2 * inner).mean(), rtol=1e-5, atol=0)


def test_equals_lightly() -> None:
    p, z = pair()
    torch.testing.assert_close(regression_loss(p, z), 2 + 2 * NegativeCosineSimilarity()(p, z), rtol=1e-5, atol=0)


def test_range_is_from_parallel_to_opposite() -> None:
    p, _ = pair()
    torch.testing.assert_close(regression_loss(p, 3 * p), torch.tensor(0.0), rtol=0, atol=1e-12)
    torch.testing.assert_close(regression_loss(p, -2 * p), torch.tensor(4.0))


def test_zero_prediction_has_a_finite_gradient() -> None:
    p, z = pair()
    p[0] = 0
    p.requires_grad_()
    (gradient,) = torch.autograd.grad(regression_loss(p, z), p)
    assert gradient.isfinite().all()
