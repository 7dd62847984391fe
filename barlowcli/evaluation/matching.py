"""In-batch matching: is the pretext task solved, that is, can the two views of an image be told to belong together?"""

import torch
import torch.nn.functional as F
from torch import Tensor

from barlowcli.evaluation.features import share


def matching_accuracy(z_a: Tensor, z_b: Tensor) -> float:
    """Fraction in [0, 1] of images whose other view is the most similar (cosine) of the N, over both directions.

    z_a, z_b: (N, D), row i of both from image i. N is the number of images given, not the batch size of training:
    each of the 2 N views is looked for among the N views of the other side, its own partner included. Chance is 1 / N:
    in expectation where z tells nothing of the image, exactly where z is constant, since of equals one is picked.
    Hence values at different N do not compare.
    """
    similarity = F.normalize(z_a.float(), dim=1) @ F.normalize(z_b.float(), dim=1).T  # (N, N)
    image = torch.arange(len(similarity), device=similarity.device)
    return share(torch.cat([similarity.argmax(0) == image, similarity.argmax(1) == image]))
