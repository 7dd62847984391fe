"""Weighted k-nearest-neighbour classification of frozen features (Wu et al. 2018, section 3.4)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from barlowcli.evaluation.features import as_float

SIMILARITIES = 2**24
"""Similarities held at a time (64 MiB in float32)."""
VOTE_UNIT = 2**40
"""A weight of 1 in the votes, which are counted in int64."""


def nearest(train: Tensor, test: Tensor, *, k: int, chunk: int = SIMILARITIES) -> tuple[Tensor, Tensor]:
    """The `k` rows of train (N, F) most similar to each row of test (M, F), best first.

    Returns cosine similarities (M, k) and indices into train, int64 (M, k); k is capped at N. Of square roots of
    histograms the cosine is the Bhattacharyya coefficient, which orders neighbours as the Hellinger distance does.
    chunk: similarities computed at a time; no number depends on it but for rounding.
    """
    train, test = _unit(train), _unit(test)
    k = min(k, len(train))
    found = [(rows @ train.T).topk(k, dim=1) for rows in torch.split(test, max(1, chunk // len(train)))]
    return torch.cat([similarity for similarity, _ in found]), torch.cat([index for _, index in found])


def vote(
    similarities: Tensor, neighbours: Tensor, *, ks: Sequence[int], temperature: float | None, classes: int
) -> dict[int, Tensor]:
    """The class, int64 (M,), that the first k neighbours elect, for every k of `ks`.

    similarities (M, K), best first, with the neighbours' labels int64 (M, K); a k above K counts K. A neighbour's
    vote weighs exp(similarity / temperature) (Wu et al. 2018, equation 7), or 1 where temperature is None. The
    lowest class wins a tie.
    """
    if temperature is None:
        votes = torch.full_like(neighbours, VOTE_UNIT)
    else:
        # Relative to the nearest neighbour, so that no temperature overflows; a common factor elects the same class.
        weights = ((similarities - similarities[:, :1]) / temperature).exp()
        # In integers, so that the sum is exact in whichever order a device's atomic additions come.
        votes = (weights * VOTE_UNIT).long()
    total = neighbours.new_zeros(len(neighbours), classes)
    elected, counted = {}, 0
    for k in sorted(ks):
        total.scatter_add_(1, neighbours[:, counted:k], votes[:, counted:k])
        counted = max(counted, min(k, neighbours.shape[1]))
        elected[k] = total.argmax(1)
    return elected


def _unit(features: Tensor) -> Tensor:
    """Rows of length 1, whose inner product is their cosine."""
    return F.normalize(as_float(features), dim=1)
