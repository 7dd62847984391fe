"""SimCLR: tell an image's other view from the other images of the batch (Chen et al. 2020)."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from barlowcli.methods.base import JointEmbedding, Method, Networks
from barlowcli.methods.normalisation import normalise
from barlowcli.settings.methods import Normalize, SimclrSettings


def nt_xent(z_a: Tensor, z_b: Tensor, *, temperature: float, normalize: Normalize = "features") -> Tensor:
    """Normalised temperature-scaled cross-entropy over all 2 N anchors (Chen et al. 2020, eq. 1).

    z_a, z_b (N, D) -> (); each anchor's positive is its other view, its negatives are the 2 N - 2 views of
    the other images. Similarities are inner products of the normalised embeddings.
    """
    n = z_a.shape[0]
    z = torch.cat([normalise(z_a, normalize), normalise(z_b, normalize)])  # (2N, D)
    logits = z @ z.T / temperature  # (2N, 2N)
    logits.fill_diagonal_(-torch.inf)
    positives = torch.arange(2 * n, device=z.device).roll(n)  # (2N,): i <-> i + N
    return F.cross_entropy(logits, positives)


def build(settings: SimclrSettings, networks: Networks) -> Method:
    """SimCLR over encoder (-> F) and projector (-> D)."""
    loss = partial(_loss, temperature=settings.temperature, normalize=settings.normalize)
    return JointEmbedding(settings, networks, loss=loss)


def _loss(z_a: Tensor, z_b: Tensor, *, temperature: float, normalize: Normalize) -> tuple[Tensor, dict[str, Tensor]]:
    loss = nt_xent(z_a, z_b, temperature=temperature, normalize=normalize)
    return loss, {"nt_xent": loss}
