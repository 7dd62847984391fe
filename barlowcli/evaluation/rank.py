"""Collapse of an embedding, of its dimensions together (RankMe) and of each (standard deviation)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from barlowcli.evaluation.features import in_double
from barlowcli.evaluation.spectrum import Quadrature, lanczos_quadrature, leading_axes, random_signs, too_wide

LEADING = 256
"""Singular values of wide features that are computed one by one; a quadrature sums over the others."""


def rankme(features: Tensor, *, epsilon: float = 1e-7) -> float:
    """Effective rank of features (N, D): the exponential of the entropy of their normalised singular values.

    Between 1 (collapsed to a line) and min(N, D), since the features are not centred. Garrido et al. 2023 (RankMe),
    equations 1 and 2. Computes in float64. Where both N and D are above 4,096 it is estimated (`too_wide`), to 1 %
    or so.
    """
    wide = in_double(features)
    wide = wide.T if wide.shape[1] > wide.shape[0] else wide
    if too_wide(features):
        return _estimated(wide, epsilon)
    # From the smaller Gram matrix: in float64 its error, 1e-8 of the largest singular value, is below epsilon.
    singular = torch.linalg.eigvalsh(wide.T @ wide).clamp_min(0).sqrt()
    p = singular / singular.sum().clamp_min(torch.finfo(singular.dtype).tiny) + epsilon
    return math.exp(-float((p * p.log()).sum()))


def _estimated(tall: Tensor, epsilon: float) -> float:
    """RankMe of features (L, S), L >= S: the leading singular values, and a quadrature over the others (the splitting
    is Hutch++'s, Meyer et al. 2021)."""
    axes = leading_axes(tall, LEADING)  # (S, 256)
    along = tall @ axes
    first = torch.linalg.eigvalsh(along.T @ along).clamp_min(0)

    def outside(vectors: Tensor) -> Tensor:
        return vectors - axes @ (axes.T @ vectors)

    start = outside(random_signs(tall.shape[1], tall))
    rest = lanczos_quadrature(lambda vectors: outside(tall.T @ (tall @ vectors)), start, len(axes) - axes.shape[1])
    spectrum = Quadrature(torch.cat([first, rest.nodes]), torch.cat([torch.ones_like(first), rest.weights]))
    total = max(spectrum.sum(torch.sqrt), torch.finfo(tall.dtype).tiny)

    def surprise(values: Tensor) -> Tensor:
        p = values.sqrt() / total + epsilon
        return -p * p.log()

    return math.exp(spectrum.sum(surprise))


def embedding_std(embeddings: Tensor) -> Tensor:
    """Standard deviation a dimension of L2-normalised embeddings (N, D), mean over dimensions, times sqrt(D).

    About 1 for an isotropic Gaussian, 0 for a constant; a scalar tensor, without synchronisation. Chen & He 2021
    (SimSiam), section 4.1.
    """
    unit = F.normalize(embeddings.float(), dim=1)
    return unit.std(0, correction=0).mean() * math.sqrt(embeddings.shape[1])


def view_correlation(z_a: Tensor, z_b: Tensor) -> Tensor:
    """Correlation of two views' embeddings (N, D), (N, D) over the batch, pooled over dimensions by their spread.

    Sum over D of the covariances, divided by the sum of the products of the standard deviations: 1 where the views
    are embedded alike, 0 where they have nothing in common; a scalar tensor, without synchronisation.
    """
    a, b = (z.float() - z.float().mean(0) for z in (z_a, z_b))
    spread = (a.square().mean(0) * b.square().mean(0)).sqrt().sum()
    return (a * b).mean(0).sum() / spread.clamp_min(torch.finfo(a.dtype).tiny)
