"""Features of a frozen network in another domain than it was trained in: BatchNorm statistics first, then features."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def _as_it_was(*modules: nn.Module) -> Iterator[None]:
    """Restore every submodule's training flag and every BatchNorm's momentum on the way out."""
    inside = [part for module in modules for part in module.modules()]
    flags = [part.training for part in inside]
    momenta = {part: part.momentum for part in inside if isinstance(part, _BatchNorm)}
    try:
        yield
    finally:
        for part, flag in zip(inside, flags, strict=True):
            part.training = flag
        for norm, momentum in momenta.items():
            norm.momentum = momentum


def reestimate_batchnorm(module: nn.Module, batches: Iterable[Tensor]) -> None:
    """Replace the running statistics of every BatchNorm in `module` by those of `batches`, changing nothing else.

    batches: inputs of `module`, (B, …). As torch.optim.swa_utils.update_bn has it, statistics are averages over
    batches: running_mean that of the batches' means, running_var that of their unbiased variances. This is not the
    variance of all inputs pooled: the variance of the batch means is not in it, so it depends on how the inputs are
    divided, and is too small where values of a batch are alike (the pixels of an image; inputs sorted by class), the
    more so the smaller the batch. Layers see their inputs normalised by the batch, as in training. Unlike in
    update_bn, a batch weighs by its size, so that a short last one counts for no more than it holds.
    A batch of one input has no variance and is left out. Raises ValueError where no batch is left.
    """
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm)]
    seen = 0
    with _as_it_was(module), torch.no_grad():
        module.eval()
        for norm in norms:
            norm.reset_running_stats()
            norm.train()
        for batch in batches:
            if len(batch) < 2:
                continue
            seen += len(batch)
            for norm in norms:
                norm.momentum = len(batch) / seen
            module(batch)
    if not seen:
        raise ValueError("no batches to estimate BatchNorm statistics from")


def extract_features(encoder: nn.Module, projector: nn.Module | None, batches: Iterable[Tensor]) -> list[Tensor]:
    """Representations h (N, F) and embeddings z (N, D) of all batches, float32, networks in evaluation mode.

    batches: inputs of `encoder`, (B, …). There is no z without a projector. Raises ValueError where there is no batch.
    """
    parts = [encoder] if projector is None else [encoder, projector]
    spaces: list[list[Tensor]] = [[] for _ in parts]
    with _as_it_was(*parts), torch.inference_mode():
        for part in parts:
            part.eval()
        for batch in batches:
            features = batch
            for part, found in zip(parts, spaces, strict=True):
                features = part(features)
                found.append(features.float())
    if not spaces[0]:
        raise ValueError("no batches to take features of")
    # Concatenated outside inference mode, so that the result may enter autograd.
    return [torch.cat(found) for found in spaces]
