"""Do something to the drawn samples of a batch and leave the others alone."""

from collections.abc import Callable

import torch
from torch import Tensor


def where_drawn_(images: Tensor, drawn: Tensor, operation: Callable[..., Tensor], *parameters: Tensor) -> Tensor:
    """Images (B, C, H, W) with `operation(images, *parameters)` in the samples where `drawn` (B,) is true.

    parameters: each (B, ...), one row a sample. `images` may be overwritten: take the result. On a GPU (or compiled)
    all samples are computed and the drawn ones kept, since to count them would make the host wait; on a CPU only the
    drawn ones are computed. The operation treats samples one by one, so both give the same bits.
    """
    if images.device.type != "cpu" or torch.compiler.is_compiling():
        return torch.where(drawn.view(-1, 1, 1, 1), operation(images, *parameters), images)
    rows = drawn.nonzero().squeeze(1)
    if len(rows) == 0:
        return images
    changed = operation(images.index_select(0, rows), *(p.index_select(0, rows) for p in parameters))
    return images.index_copy_(0, rows, changed)
