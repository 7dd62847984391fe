"""BatchNorm that keeps the views of a batch apart: two views pass through at once, each by its own statistics.

What comes out, and the running statistics after it, are those of two passes one after the other (to rounding); but a
network reads its weights once, and launches half as many kernels.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class ViewBatchNorm1d(nn.BatchNorm1d):
    """BatchNorm1d whose batch (V x N, C) holds `views` = V parts, each with statistics of its own in training."""

    views = 1

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that torch has
        """As BatchNorm1d where there is one view, or in evaluation."""
        return super().forward(input) if self.views == 1 or not self.training else by_view(self, input, self.views)


class ViewBatchNorm2d(nn.BatchNorm2d):
    """BatchNorm2d whose batch (V x N, C, H, W) holds `views` = V parts, each with statistics of its own in training."""

    views = 1

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """As BatchNorm2d where there is one view, or in evaluation."""
        return super().forward(input) if self.views == 1 or not self.training else by_view(self, input, self.views)


ViewBatchNorm = ViewBatchNorm1d | ViewBatchNorm2d
KINDS: dict[type[nn.Module], type[ViewBatchNorm1d] | type[ViewBatchNorm2d]] = {
    nn.BatchNorm1d: ViewBatchNorm1d,
    nn.BatchNorm2d: ViewBatchNorm2d,
}


def by_view(norm: ViewBatchNorm, batch: Tensor, views: int) -> Tensor:
    """BatchNorm of each of the `views` equal parts of `batch` (V x N, C, …) by its own mean and variance, in float32.

    The running statistics go through the parts in their order. The count of batches is left to `together`: it is a
    kernel of its own for each layer, and with a momentum no number depends on it.
    """
    made: Tensor
    made, mean, variance = Normalise.apply(batch, norm.weight, norm.bias, views, norm.eps)
    running_mean, running_var, momentum = norm.running_mean, norm.running_var, norm.momentum
    assert running_mean is not None  # of those without, see `keep_views_apart`
    assert running_var is not None
    assert momentum is not None
    with torch.no_grad():
        count = batch.numel() // mean.numel()
        means, variances = running_mean, running_var
        for view in range(views):
            means = means.lerp(mean[view], momentum)
            variances = variances.lerp(variance[view] * (count / (count - 1)), momentum)
        running_mean.copy_(means)
        running_var.copy_(variances)
    return made


class Normalise(torch.autograd.Function):
    """The arithmetic of BatchNorm by view, and its gradient in the two sums a channel that it comes to (Ioffe & Szegedy
    2015, section 3), which autograd would take four for."""

    @staticmethod
    def forward(
        ctx: Any, batch: Tensor, weight: Tensor | None, bias: Tensor | None, views: int, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Batch (V x N, C, …) -> the same, of the same type; and the parts' mean and biased variance (V, C)."""
        wide = _wide(batch)
        parts = wide.unflatten(0, (views, -1))  # (V, N, C, …)
        variance, mean = torch.var_mean(parts, _over(parts), correction=0)  # (V, C) each
        scale = torch.rsqrt(variance + eps)
        ctx.save_for_backward(batch, weight, mean, scale)
        ctx.mark_non_differentiable(mean, variance)
        made = (wide - _along(mean, wide)) * _along(scale, wide)
        if weight is not None and bias is not None:
            made = made * _along(weight[None], wide) + _along(bias[None], wide)
        if made.dtype != batch.dtype:  # a `to` that does nothing loses the gradient where torch 2.11 compiles it
            made = made.to(batch.dtype)
        return made, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of batch, weight and bias."""
        batch, weight, mean, scale = ctx.saved_tensors
        wide, incoming = _wide(batch), _wide(gradients[0])
        unit = (wide - _along(mean, wide)) * _along(scale, wide)
        total, along = (values.unflatten(0, (len(mean), -1)) for values in (incoming, incoming * unit))
        total, along = total.sum(_over(total)), along.sum(_over(along))  # (V, C) each
        count = wide.numel() // mean.numel()
        outgoing = incoming - _along(total / count, wide) - unit * _along(along / count, wide)
        outgoing = outgoing * _along(scale if weight is None else scale * weight, wide)
        of_weight, of_bias = (None, None) if weight is None else (along.sum(0), total.sum(0))
        return outgoing.to(batch.dtype), of_weight, of_bias, None, None


def _wide(values: Tensor) -> Tensor:
    """In float32, or float64 where they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _over(parts: Tensor) -> list[int]:
    """The dimensions of parts (V, N, C, …) that statistics of channels are taken over."""
    return [1, *range(3, parts.ndim)]


def _along(values: Tensor, batch: Tensor) -> Tensor:
    """Values of the channels of each part, (V, C) or of all alike (1, C), to go with a batch (V x N, C, …)."""
    # Of the batch's own number of dimensions, so that a compiler keeps its layout in memory, without a copy.
    each = values[:, None].expand(-1, len(batch) // len(values), -1).reshape(len(batch), -1)
    return each.reshape(*each.shape, *[1] * (batch.ndim - 2))


def keep_views_apart(*modules: nn.Module | None) -> None:
    """Make the BatchNorm layers of networks such that can keep views apart, in place; weights, names and numbers stay.

    Layers without running statistics or momentum stay as they are: what `together` leaves out would change them.
    """
    for part in _parts(*modules):
        kind = KINDS.get(type(part))
        if kind is not None and part.track_running_stats and part.momentum is not None:
            part.__class__ = kind


@contextmanager
def together(*modules: nn.Module | None, views: int = 2) -> Iterator[None]:
    """Within, a batch holds `views` views one after another. At its end every layer has counted one batch a view."""
    norms = [part for part in _parts(*modules) if isinstance(part, ViewBatchNorm)]
    for norm in norms:
        norm.views = views
    try:
        yield
        counts = [norm.num_batches_tracked for norm in norms if norm.training and norm.num_batches_tracked is not None]
        if counts:
            torch._foreach_add_(counts, views)
    finally:
        for norm in norms:
            norm.views = 1


def _parts(*modules: nn.Module | None) -> Iterator[nn.Module]:
    return (part for module in modules if module is not None for part in module.modules())
