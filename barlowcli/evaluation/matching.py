"""In-batch matching: is the pretext task solved, that is, can the two views of an image be told to belong together?"""

import torch
import torch.nn.functional as F
from torch import Tensor

from barlowcli.evaluation.features import share


def matching_accuracy(z_a: Tensor, z_b: Tensor) -> float:
    """Fraction in [0, 1] of images whose other view is the most similar (cosine) of the N, over both directions.

    z_a, z_b: (N, D), row i of both from image i. Chance, and a constant embedding, give 1 / N.
    """
    similarity = F.normalize(z_a.float(), dim=1) @ F.normalize(z_b.float(), dim=1).T  # (N, N)
    image = torch.arange(len(similarity), device=similarity.device)
    return share(torch.cat([similarity.argmax(0) == image, similarity.argmax(1) == image]))
