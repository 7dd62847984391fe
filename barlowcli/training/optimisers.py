"""Optimisers and the learning rate's schedule."""

import math
from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from barlowcli.registry import OPTIMIZERS
from barlowcli.settings.training import TrainingSettings


def build_optimizer(settings: TrainingSettings, module: nn.Module) -> Optimizer:
    """The optimiser that the settings name, over those parameters of `module` that want a gradient."""
    factory: Callable[[TrainingSettings, nn.Module], Optimizer] = OPTIMIZERS.load(settings.optimizer)
    return factory(settings, module)


def base_learning_rate(settings: TrainingSettings) -> float:
    """The peak of the schedule: settings.lr, which is for batch 256, brought to the batch in use."""
    ratio = settings.batch_size / 256
    return settings.lr * {"linear": ratio, "sqrt": math.sqrt(ratio), "none": 1.0}[settings.lr_scaling]


def learning_rate(step: int, *, total: int, warmup: float, base: float) -> float:
    """Learning rate of step 0 … total - 1: linear to `base` over `warmup` steps, then a cosine to 0 at `total`.

    As in Barlow Twins and BYOL (Loshchilov & Hutter 2017, eq. 5, without restarts), but for step 0: there they have a
    rate of 0, which wastes the step. As in lightly's cosine_warmup_schedule, warm-up counts from 1 and its last step
    has `base`.
    """
    if step >= total:
        return 0.0
    if step < warmup:
        return base * min(1.0, (step + 1) / warmup)  # a warm-up need not be a whole number of steps
    return base * (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2


def sgd(settings: TrainingSettings, module: nn.Module) -> Optimizer:
    """SGD with momentum; weight decay on all parameters, as in the CIFAR-10 recipes it is compared with."""
    return SGD(
        _trainable(module),
        lr=base_learning_rate(settings),
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        **_fast(module),
    )


def lars(settings: TrainingSettings, module: nn.Module) -> Optimizer:
    """LARS; parameters with one dimension (biases, BatchNorm) have neither weight decay nor trust ratio."""
    matrices, vectors = _by_dimension(module)
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay, "trust": settings.lars_trust},
        {"params": vectors, "weight_decay": 0.0, "trust": None},
    ]
    return LARS(groups, lr=base_learning_rate(settings), momentum=settings.momentum)


def adamw(settings: TrainingSettings, module: nn.Module) -> Optimizer:
    """AdamW; momentum is its first beta, and parameters with one dimension have no weight decay."""
    matrices, vectors = _by_dimension(module)
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    capturable = {"capturable": True} if _on_cuda(module) else {}
    return AdamW(
        groups, lr=base_learning_rate(settings), betas=(settings.momentum, 0.999), **_fast(module), **capturable
    )


class LARS(Optimizer):
    """Layer-wise adaptive rate scaling (You et al. 2017) as in Barlow Twins' and BYOL's code.

    u = g + weight_decay * p; u <- u * trust * ||p|| / ||u|| (as it is where a norm is 0, or where `trust` is None);
    m <- momentum * m + u; p <- p - lr * m. Others (lightly, timm) divide by ||g|| + weight_decay * ||p|| instead.
    lr is a number or a 0-d tensor, which a captured step reads anew.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor,
        *,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float | None = 0.001,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step over all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if parameters:
                self._step_group(parameters, group)
        return loss

    def _step_group(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        updates = torch._foreach_add(gradients, parameters, alpha=group["weight_decay"])
        if group["trust"] is not None:
            torch._foreach_mul_(updates, _trust_ratios(parameters, updates, group["trust"]))
        for p in parameters:
            if p not in self.state:
                self.state[p]["momentum_buffer"] = torch.zeros_like(p)
        buffers = [self.state[p]["momentum_buffer"] for p in parameters]
        torch._foreach_mul_(buffers, group["momentum"])
        torch._foreach_add_(buffers, updates)
        torch._foreach_sub_(parameters, torch._foreach_mul(buffers, group["lr"]))


def _trust_ratios(parameters: list[Tensor], updates: tuple[Tensor, ...], trust: float) -> tuple[Tensor, ...]:
    """trust * ||p|| / ||u|| of each tensor, 0-d; 1 where one of the norms is 0."""
    sizes = torch.stack(torch._foreach_norm(parameters))  # (tensors,)
    lengths = torch.stack(torch._foreach_norm(updates))  # (tensors,)
    ratios = torch.where((sizes > 0) & (lengths > 0), trust * sizes / lengths, 1.0)
    return ratios.unbind()


def _on_cuda(module: nn.Module) -> bool:
    return any(parameter.is_cuda for parameter in module.parameters())


def _fast(module: nn.Module) -> dict[str, bool]:
    """Fused on CUDA, where it is one kernel and reads the learning rate from the device, as a captured step needs."""
    return {"fused": True} if _on_cuda(module) else {"foreach": True}


def _trainable(module: nn.Module) -> list[nn.Parameter]:
    return [p for p in module.parameters() if p.requires_grad]


def _by_dimension(module: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    parameters = _trainable(module)
    return [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]
