"""Spectra of matrices too wide for an eigendecomposition, whose work grows with the third power of their side."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from barlowcli.settings.evaluation import WIDEST_AXES

WIDEST = WIDEST_AXES
"""Side of a Gram matrix, at most, that is decomposed whole."""
OVERSAMPLED = 16
"""Axes sought beyond those wanted, of which the last are the least exact."""
POWERS = 2
PROBES, STEPS = 16, 64
"""Random vectors of a quadrature, and the steps of Lanczos from each."""


class Quadrature(NamedTuple):
    """Where a spectral sum is evaluated: tr f(A) is about the sum of weights f(nodes); both (K,)."""

    nodes: Tensor
    weights: Tensor

    def sum(self, f: Callable[[Tensor], Tensor]) -> float:
        """The sum of f over the eigenvalues."""
        return float((self.weights * f(self.nodes)).sum())


def too_wide(rows: Tensor) -> bool:
    """Whether both sides of rows (N, F) are too wide for the whole spectrum."""
    return min(rows.shape) > WIDEST


def leading_axes(rows: Tensor, count: int) -> Tensor:
    """Orthonormal axes (F, count) along which rows (N, F) reach furthest, nearly; count is at most N and F.

    Subspace iteration from a random start (Halko, Martinsson & Tropp 2011, algorithms 4.4 and 5.1): the products with
    the rows are all its work, and the Gram matrix is never made. The draws are always the same.
    """
    wanted = min(count + OVERSAMPLED, *rows.shape)
    basis = _draws(rows.shape[1], wanted, rows)
    for _ in range(POWERS + 1):
        basis = torch.linalg.qr(rows.T @ (rows @ basis)).Q
    along = rows @ basis  # (N, count + 16)
    turned = torch.linalg.eigh((along.T @ along).double()).eigenvectors.to(rows)
    axes: Tensor = basis @ turned[:, -count:].flip(1)
    return axes


def lanczos_quadrature(product: Callable[[Tensor], Tensor], start: Tensor, count: int) -> Quadrature:
    """Nodes and weights for the spectral sums of a symmetric A >= 0 of side S, of which `product` is A times (S, P).

    start: (S, P), P columns of independent draws with mean 0 and covariance I, or of such draws with some axes taken
    away: the sums are then those over what is left. count: how many eigenvalues that are. Stochastic Lanczos quadrature
    (Ubaru, Chen & Saad 2017, algorithm 1), every vector made orthogonal to all before it. Computes in the type of
    `start`.
    """
    lengths = start.norm(dim=0)  # (P,)
    vector = start / lengths.clamp_min(torch.finfo(start.dtype).tiny)
    found, diagonal, beside = [vector], [], []
    for _ in range(min(STEPS, len(start))):
        image = product(vector)
        diagonal.append((image * vector).sum(0))
        earlier = torch.stack(found)  # (K, S, P)
        for _ in range(2):
            image = image - (earlier * (earlier * image).sum(1, keepdim=True)).sum(0)
        length = image.norm(dim=0)
        # Rounding is all that is left once a column has seen every direction of its own: it ends there.
        length = torch.where(length > 1e-12 * torch.stack(diagonal).abs().amax(0), length, 0.0)
        beside.append(length)
        vector = torch.where(length > 0, image / length.clamp_min(torch.finfo(start.dtype).tiny), 0.0)
        found.append(vector)
    along, off = torch.stack(diagonal, 1), torch.stack(beside[:-1], 1) if len(beside) > 1 else None
    tridiagonal = torch.diag_embed(along)  # (P, K, K)
    if off is not None:
        tridiagonal += torch.diag_embed(off, 1) + torch.diag_embed(off, -1)
    nodes, vectors = torch.linalg.eigh(tridiagonal)
    weights = vectors[:, 0].square() * count / start.shape[1]  # (P, K)
    return Quadrature(nodes.clamp_min(0).flatten(), weights.flatten())


def random_signs(size: int, like: Tensor) -> Tensor:
    """Draws for a quadrature: (size, 16) of 1 and -1, always the same."""
    return torch.where(_draws(size, PROBES, like) < 0, -1.0, 1.0).to(like)


def _draws(rows: int, columns: int, like: Tensor) -> Tensor:
    """Normal draws (rows, columns), on the CPU: the same whatever the device."""
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(0)).to(like)
