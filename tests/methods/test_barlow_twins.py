"""The loss against the review's pseudocode, lightly and NumPy's correlation matrix."""

import numpy as np
import pytest
import torch
from lightly.loss import BarlowTwinsLoss
from torch import Tensor, nn

from barlowcli.methods.barlow_twins import build, cross_correlation_loss
from barlowcli.methods.base import Networks
from barlowcli.settings.methods import BarlowSettings

LAMBDA = 0.005
SHAPES = [(64, 16), (40, 79), (40, 81), (16, 128)]  # (N, D); the last two go through the N x N form


def pair(n: int, d: int, *, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Correlated embeddings of two views, each dimension with a mean and a scale of its own."""
    generator = torch.Generator().manual_seed(n + d)
    common, noise_a, noise_b = torch.randn(3, n, d, generator=generator, dtype=dtype)
    scale, shift = torch.rand(2, d, generator=generator, dtype=dtype)
    z_a, z_b = ((common + noise) * (0.5 + scale) + shift for noise in (noise_a, noise_b))
    return z_a.requires_grad_(), z_b.requires_grad_()


def review_pseudocode(z_a: Tensor, z_b: Tensor, lambda_: float, *, correction: int) -> Tensor:
    """The review's pseudocode, line by line; torch's `std(0)` there has correction 1."""
    n, d = z_a.shape
    z_a_norm = (z_a - z_a.mean(0)) / z_a.std(0, correction=correction)  # NxD
    z_b_norm = (z_b - z_b.mean(0)) / z_b.std(0, correction=correction)  # NxD
    cross_correlation = torch.mm(z_a_norm.T, z_b_norm) / n  # DxD
    cross_correlation_diag_loss = (cross_correlation - torch.eye(d)).pow(2)  # DxD
    weight = torch.full((d, d), lambda_).fill_diagonal_(1.0)
    return (cross_correlation_diag_loss * weight).sum()


def assert_same(ours: Tensor, theirs: Tensor, leaves: tuple[Tensor, Tensor]) -> None:
    """Value and gradient to 1e-5 of their size."""
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)
    for mine, other in zip(torch.autograd.grad(ours, leaves), torch.autograd.grad(theirs, leaves), strict=True):
        assert (mine - other).norm() <= 1e-5 * other.norm()


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_equals_the_pseudocode_with_its_unbiased_deviation(n: int, d: int) -> None:
    z = pair(n, d)
    ours = cross_correlation_loss(*z, lambda_=LAMBDA, correction=1, eps=0.0)[0]
    assert_same(ours, review_pseudocode(*z, LAMBDA, correction=1), z)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_equals_the_pseudocode_with_a_deviation_of_exactly_one(n: int, d: int) -> None:
    z = pair(n, d)
    ours = cross_correlation_loss(*z, lambda_=LAMBDA, eps=0.0)[0]
    assert_same(ours, review_pseudocode(*z, LAMBDA, correction=0), z)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_equals_lightly_by_default(n: int, d: int) -> None:
    z = pair(n, d)
    assert_same(cross_correlation_loss(*z, lambda_=LAMBDA)[0], BarlowTwinsLoss(lambda_param=LAMBDA)(*z), z)


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_terms_are_those_of_the_correlation_matrix(n: int, d: int) -> None:
    z_a, z_b = pair(n, d, dtype=torch.float64)
    loss, invariance, redundancy = cross_correlation_loss(z_a, z_b, lambda_=LAMBDA, eps=0.0)
    c = np.corrcoef(z_a.detach().numpy().T, z_b.detach().numpy().T)[:d, d:]
    on = float(((np.diag(c) - 1) ** 2).sum())
    off = float((c**2).sum() - (np.diag(c) ** 2).sum())
    assert invariance.item() == pytest.approx(on, rel=1e-9)
    assert redundancy.item() == pytest.approx(off, rel=1e-9)
    assert loss.item() == pytest.approx(on + LAMBDA * off, rel=1e-9)


@pytest.mark.parametrize(("n", "d"), [(8, 3), (5, 12)])
@pytest.mark.parametrize("correction", [0, 1])
def test_gradient_is_that_of_finite_differences(n: int, d: int, correction: int) -> None:
    def loss(z_a: Tensor, z_b: Tensor) -> Tensor:
        return cross_correlation_loss(z_a, z_b, lambda_=LAMBDA, correction=correction)[0]

    assert torch.autograd.gradcheck(loss, pair(n, d, dtype=torch.float64))


def test_is_zero_for_equal_whitened_views() -> None:
    z = torch.randn(64, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    white = torch.linalg.qr(z - z.mean(0)).Q  # columns are orthogonal and, like those of z, of mean 0
    assert cross_correlation_loss(white, white, lambda_=1.0, eps=0.0)[0].item() == pytest.approx(0, abs=1e-20)


@pytest.mark.parametrize(("n", "d"), [(32, 8), (8, 32)])
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e4])
def test_constant_dimension_has_a_finite_gradient(n: int, d: int, constant: float) -> None:
    z_a, z_b = (z.detach() for z in pair(n, d))
    z_a[:, 0] = constant
    z_b[:, :2] = constant
    leaves = (z_a.requires_grad_(), z_b.requires_grad_())
    loss = cross_correlation_loss(*leaves, lambda_=LAMBDA)[0]
    assert loss.isfinite()
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(loss, leaves))


@pytest.mark.parametrize("unbiased", [False, True])
def test_the_setting_chooses_between_the_papers_code_and_its_pseudocode(unbiased: bool) -> None:
    identity = nn.Identity()
    settings = BarlowSettings.model_validate({"lambda": LAMBDA, "unbiased_std": unbiased})
    method = build(settings, Networks(identity, None, feature_dim=8, embedding_dim=8, classes=2))
    z_a, z_b = torch.randn(32, 8), torch.randn(32, 8)
    expected = review_pseudocode(z_a, z_b, LAMBDA, correction=1 if unbiased else 0)
    torch.testing.assert_close(method(z_a, z_b, torch.zeros(32)).loss, expected, rtol=1e-4, atol=0)
