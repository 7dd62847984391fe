"""NT-Xent against its definition and lightly."""

import math

import pytest
import torch
from lightly.loss import NTXentLoss

from barlowcli.methods.simclr import nt_xent


def pair(n: int, d: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    z_a, z_b = torch.randn(2, n, d, generator=torch.Generator().manual_seed(n))
    return z_a.requires_grad_(), z_b.requires_grad_()


@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("n", [2, 33])
def test_equals_lightly(n: int, temperature: float) -> None:
    z = pair(n)
    ours, theirs = nt_xent(*z, temperature=temperature), NTXentLoss(temperature=temperature)(*z)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)
    for mine, other in zip(torch.autograd.grad(ours, z), torch.autograd.grad(theirs, z), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def test_equals_equation_one() -> None:
    n, temperature = 3, 0.5
    z = [row.tolist() for row in torch.cat(pair(n)).detach()]

    def similarity(i: int, k: int) -> float:
        inner = sum(x * y for x, y in zip(z[i], z[k], strict=True))
        return math.exp(inner / math.hypot(*z[i]) / math.hypot(*z[k]) / temperature)

    losses = [
        -math.log(similarity(i, (i + n) % (2 * n)) / sum(similarity(i, k) for k in range(2 * n) if k != i))
        for i in range(2 * n)
    ]
    assert nt_xent(*pair(n), temperature=temperature).item() == pytest.approx(sum(losses) / (2 * n), rel=1e-5)


def test_zero_embedding_has_a_finite_gradient() -> None:
    z_a, z_b = (z.detach() for z in pair(8))
    z_a[0] = 0
    z_a.requires_grad_()
    (gradient,) = torch.autograd.grad(nt_xent(z_a, z_b, temperature=0.1), z_a)
    assert gradient.isfinite().all()
