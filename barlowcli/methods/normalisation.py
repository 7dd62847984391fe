"""What is done to embeddings before a loss: standardised over the batch, brought to length 1, or left as they are."""

import math

import torch.nn.functional as F
from torch import Tensor

from barlowcli.settings.methods import Normalize

EPS = 1e-5
"""BatchNorm's."""


def standardise(z: Tensor, *, correction: int = 0, eps: float = EPS) -> Tensor:
    """Each of D dimensions of z (N, D) over the batch: mean 0, standard deviation 1.

    The variance divides by N - `correction` and has `eps` added to it.
    """
    centred = z - z.mean(0)
    variance = centred.square().sum(0) / (z.shape[0] - correction)  # (D,)
    return centred * (variance + eps).rsqrt()


def normalise(z: Tensor, how: Normalize) -> Tensor:
    """z (N, D) as a loss of distances or cosines takes it.

    features: each row to length 1. batch: each dimension over the batch, divided by sqrt(D), so that rows have length
    1 on average (BYOL's study of normalisations, Grill et al. 2020, appendix). none: z itself.
    """
    if how == "features":
        return F.normalize(z, dim=1)
    if how == "batch":
        return standardise(z) / math.sqrt(z.shape[1])
    return z
