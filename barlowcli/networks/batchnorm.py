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
    parts = batch.unflatten(0, (views, -1))  # (V, N, C, …)
    made: Tensor
    made, mean, variance = Normalise.apply(parts, norm.weight, norm.bias, norm.eps)
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
    return made.flatten(0, 1)


class Normalise(torch.autograd.Function):
    """The arithmetic of BatchNorm by view, and its gradient in the two sums a channel that it comes to (Ioffe & Szegedy
    2015, section 3), which autograd would take four for."""

    @staticmethod
    def forward(
        ctx: Any, parts: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Parts (V, N, C, …) -> the same, of the same type; and their mean and biased variance (V, C), float32."""
        wide = _wide(parts)
        variance, mean = torch.var_mean(wide, _over(wide), correction=0)
        scale = torch.rsqrt(variance + eps)
        ctx.save_for_backward(parts, weight, mean, scale)
        ctx.mark_non_differentiable(mean, variance)
        made = (wide - _along(mean, wide)) * _along(scale, wide)
        if weight is not None and bias is not None:
            made = made * _along(weight, wide) + _along(bias, wide)
        if made.dtype != parts.dtype:  # a `to` that does nothing loses the gradient where torch 2.11 compiles it
            made = made.to(parts.dtype)
        return made, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of parts, weight and bias."""
        parts, weight, mean, scale = ctx.saved_tensors
        wide, incoming = _wide(parts), _wide(gradients[0])
        unit = (wide - _along(mean, wide)) * _along(scale, wide)
        total, along = incoming.sum(_over(wide)), (incoming * unit).sum(_over(wide))  # (V, C) each
        count = wide.numel() // mean.numel()
        outgoing = incoming - _along(total / count, wide) - unit * _along(along / count, wide)
        outgoing = (outgoing * _along(scale if weight is None else scale * weight, wide)).to(parts.dtype)
        of_weight, of_bias = (None, None) if weight is None else (along.sum(0), total.sum(0))
        return outgoing, of_weight, of_bias, None


def _wide(values: Tensor) -> Tensor:
    """In float32, or float64 where they are."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _over(parts: Tensor) -> list[int]:
    """The dimensions of parts (V, N, C, …) that statistics of channels are taken over."""
    return [1, *range(3, parts.ndim)]


def _along(values: Tensor, parts: Tensor) -> Tensor:
    """Values of channels, (C,) or (V, C), to go with `parts` (V, N, C, …)."""
    return values.reshape(*values.shape[:-1], *([1] if values.ndim == 2 else []), -1, *[1] * (parts.ndim - 3))


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
