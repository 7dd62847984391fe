"""Linear maps of images that act on rows and columns apart, with another map for every sample.

Crop, resize, flip, antialiasing and blur are all of this form, and batched matrix products make them exact and fast.
"""

from torch import Tensor


def separable(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """rows @ image @ columns^T in every channel.

    images (B, C, H, W) float, rows (B, S, H), columns (B, T, W) -> (B, C, S, T).
    """
    batch, channels = images.shape[:2]
    tall = rows.unsqueeze(1) @ images  # (B, C, S, W)
    wide = tall.flatten(1, 2) @ columns.mT  # (B, C * S, T)
    return wide.view(batch, channels, rows.shape[1], columns.shape[1])
