"""A method is its branches and its loss: the interface that training drives, and the joint-embedding methods.

One class serves Barlow Twins, BYOL, SimCLR, VICReg and SimSiam alike, so that "Barlow Twins with an averaged target
and a predictor" is a setting (`BranchSettings`) and not a copy.
"""

import copy
import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from barlowcli.networks.batchnorm import keep_views_apart
from barlowcli.settings.methods import BranchSettings

PairLoss = Callable[[Tensor, Tensor], tuple[Tensor, dict[str, Tensor]]]
"""(prediction (N, D), target (N, D)), both float32 -> (loss (), named terms of it ())."""

Judge = Callable[..., tuple[Tensor, dict[str, Tensor]]]
"""What makes a loss, and named terms of it, of what the networks gave; or the same compiled."""


class Output(NamedTuple):
    """What one forward pass of a method gives."""

    loss: Tensor
    """(), float32, with gradient."""
    terms: dict[str, Tensor]
    """Parts of the loss by name, each (), detached; where both directions are summed, their mean."""
    embeddings: tuple[Tensor, Tensor]
    """z of each view (N, D), detached, in the type of autocast, the first by the online network; by it a collapse is
    seen."""


@dataclass(frozen=True)
class Networks:
    """What a method is built from: the encoder (N, 3, H, W) -> h (N, F), the projector h -> z (N, D) or None, where
    z = h; and F, D, and how many classes the labels have."""

    encoder: nn.Module
    projector: nn.Module | None
    feature_dim: int
    embedding_dim: int
    classes: int


class Method(nn.Module, ABC):
    """An encoder, the projector after it (or None), and how they are trained."""

    judge: Judge | None = None
    """The part of `forward` behind the networks, where it is a function of its own: training may compile it."""

    def __init__(self, encoder: nn.Module, projector: nn.Module | None) -> None:
        super().__init__()
        self.encoder = encoder
        self.projector = projector
        keep_views_apart(encoder, projector)
        self.passes = Passes()

    @abstractmethod
    def forward(self, view_a: Tensor, view_b: Tensor, labels: Tensor) -> Output:
        """Two views (N, 3, H, W) of the same N images, and their labels (N,) int64 -> loss, terms, embeddings."""

    def after_step(self, progress: float | Tensor) -> None:
        """Hook for what follows an optimiser step; progress: k / K of step k in 0 … K - 1, a number or a 0-d tensor."""

    def embed(self, view: Tensor) -> Tensor:
        """Views (N, 3, H, W) -> z (N, D); without a projector z = h (N, F)."""
        return self.passes.one(self.encoder, self.projector, view)

    def embed_both(self, view_a: Tensor, view_b: Tensor) -> tuple[Tensor, Tensor]:
        """z of two views, each normalised by its own statistics: as `embed` of the one and then of the other."""
        return self.passes.both(self.encoder, self.projector, view_a, view_b)


class JointEmbedding(Method):
    """Two views, a branch for each, and a loss of the pair of embeddings.

    Without predictor and with a shared target the loss is loss(z_a, z_b). With another target it is the sum of
    both directions, loss(q(z_a), t_b) + loss(q(z_b), t_a), as BYOL defines it (Grill et al. 2020, section 3.1), or,
    asymmetric, twice the first; with a shared target and a predictor, the mean of both, or the first once. So the size
    of the gradient stays: for a symmetric loss and q the identity, all of these have the very gradient of the shared
    network, one direction in expectation. Arms differ in their branches alone.

    Each view passes through on its own, so that BatchNorm takes its statistics per view. The averaged target
    is a copy of encoder and projector; like DeepMind's BYOL (byol_experiment.py, `loss_fn`) it runs in training
    mode on its own batch statistics, its running statistics come of its own passes, and only parameters are averaged.
    """

    def __init__(self, branches: BranchSettings, networks: Networks, *, loss: PairLoss) -> None:
        encoder, projector, dim = networks.encoder, networks.projector, networks.embedding_dim
        super().__init__(encoder, projector)
        self.branches = branches
        self.loss = loss
        self.scale = loss_scale(branches, dim)
        self.judge: Judge = judge_pairs
        self.predictor = build_predictor(dim, branches.predictor_hidden) if branches.predictor else None
        averaged = branches.target == "ema"
        self.target_encoder = _frozen_copy(encoder) if averaged else None
        self.target_projector = _frozen_copy(projector) if averaged and projector is not None else None

    def forward(self, view_a: Tensor, view_b: Tensor, labels: Tensor) -> Output:
        """Loss of two views (N, 3, H, W); the labels (N,) are not looked at."""
        shared = self.branches.target == "shared"
        weight = 0.5 if shared else 1.0  # its gradient comes through both sides of the loss
        if shared or self.branches.symmetric:
            z_a, z_b = self.embed_both(view_a, view_b)  # (N, D) each
        else:
            z_a, z_b = self.embed(view_a), self._target(view_b)
        pairs: tuple[tuple[Tensor, Tensor], ...] = ((z_a, z_b),)
        if shared and self.predictor is None:
            factor = 1.0
        elif self.branches.symmetric:
            target_a, target_b = self._targets(view_a, view_b, z_a, z_b)
            pairs, factor = ((z_a, target_b), (z_b, target_a)), weight
        else:
            factor = 2 * weight
        loss, terms = self.judge(self.loss, self.predictor, pairs, factor, self.scale)
        return Output(loss, {name: term.detach() for name, term in terms.items()}, (z_a.detach(), z_b.detach()))

    @torch.no_grad()
    def after_step(self, progress: float | Tensor) -> None:
        """Move the averaged target, where there is one, towards the online network."""
        if self.target_encoder is None:
            return
        average_(
            _parameters(self.target_encoder, self.target_projector),
            _parameters(self.encoder, self.projector),
            tau=target_decay(self.branches, progress),
        )

    def _target(self, view: Tensor) -> Tensor:
        """What is predicted of a view (N, D), by a target that is not shared."""
        encoder, projector = self.encoder, self.projector
        if self.target_encoder is not None:
            encoder, projector = self.target_encoder, self.target_projector
        with torch.no_grad():
            return self.passes.one(encoder, projector, view)

    def _targets(self, view_a: Tensor, view_b: Tensor, z_a: Tensor, z_b: Tensor) -> tuple[Tensor, Tensor]:
        """What is predicted of each view (N, D), where the online network's embeddings of them are z_a and z_b."""
        if self.target_encoder is not None:
            with torch.no_grad():
                return self.passes.both(self.target_encoder, self.target_projector, view_a, view_b)
        return (z_a.detach(), z_b.detach()) if self.branches.target == "stop-gradient" else (z_a, z_b)


class Passes:
    """How views pass through encoder and projector: one after the other. Training may have them do so faster."""

    def one(self, encoder: nn.Module, projector: nn.Module | None, view: Tensor) -> Tensor:
        """z (N, D) of a view."""
        return embed(encoder, projector, view)

    def both(
        self, encoder: nn.Module, projector: nn.Module | None, view_a: Tensor, view_b: Tensor
    ) -> tuple[Tensor, Tensor]:
        """z of two views, each normalised by its own statistics."""
        return self.one(encoder, projector, view_a), self.one(encoder, projector, view_b)


def embed(encoder: nn.Module, projector: nn.Module | None, view: Tensor) -> Tensor:
    """Views (N, 3, H, W) -> z (N, D), or h (N, F) where there is no projector."""
    h: Tensor = encoder(view)
    return h if projector is None else projector(h)


def build_predictor(dim: int, hidden: int) -> nn.Sequential:
    """BYOL's predictor (N, dim) -> (N, dim): Linear, BatchNorm, ReLU, Linear (Grill et al. 2020, section 3.3).

    The first layer has no bias, unlike DeepMind's: BatchNorm would take it away again.
    """
    return nn.Sequential(
        nn.Linear(dim, hidden, bias=False),
        nn.BatchNorm1d(hidden),
        nn.ReLU(inplace=True),
        nn.Linear(hidden, dim, bias=False),
    )


def loss_scale(branches: BranchSettings, dim: int) -> float:
    """What the loss is multiplied by at D = `dim`: loss_scale, or loss_scale / D under the rule c/D."""
    return branches.loss_scale / dim if branches.loss_scale_rule == "c/D" else branches.loss_scale


def target_decay(branches: BranchSettings, progress: float | Tensor) -> float | Tensor:
    """Decay tau in [tau, 1] of the target network at progress k / K in [0, 1] (BYOL, section 3.1).

    cosine: 1 - (1 - tau)(cos(pi k / K) + 1) / 2; a 0-d tensor gives a 0-d tensor, without waiting for the device.
    """
    if branches.tau_schedule == "constant":
        return branches.tau
    cosine = torch.cos(math.pi * progress) if isinstance(progress, Tensor) else math.cos(math.pi * progress)
    return 1 - (1 - branches.tau) * (cosine + 1) / 2


def average_(targets: list[Tensor], sources: list[Tensor], *, tau: float | Tensor) -> None:
    """In place: target <- tau * target + (1 - tau) * source (BYOL, eq. 1); exact at tau 1, and at a number tau of 0."""
    # As target + (1 - tau) (source - target): tau * t + (1 - tau) * s rounds the two weights apart and so shrinks or
    # grows what it averages.
    if isinstance(tau, Tensor):  # PyTorch's lerp has no weight on the device that is one for all tensors
        differences = torch._foreach_sub(sources, targets)
        torch._foreach_mul_(differences, 1 - tau)
        torch._foreach_add_(targets, differences)
    else:
        torch._foreach_lerp_(targets, sources, 1 - tau)


def _frozen_copy(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).requires_grad_(False)


def _parameters(encoder: nn.Module, projector: nn.Module | None) -> list[Tensor]:
    return [*encoder.parameters(), *(projector.parameters() if projector is not None else ())]


def judge_pairs(
    loss: PairLoss,
    predictor: nn.Module | None,
    pairs: tuple[tuple[Tensor, Tensor], ...],
    factor: float,
    scale: float,
) -> tuple[Tensor, dict[str, Tensor]]:
    """scale x factor x the sum of the losses of pairs (embedding, target) (N, D); and the means of their terms."""
    found = [_in_float32(loss, z if predictor is None else predictor(z), target) for z, target in pairs]
    losses, terms = [loss for loss, _ in found], [terms for _, terms in found]
    total = functools.reduce(torch.add, losses)
    means = {name: functools.reduce(torch.add, [each[name] for each in terms]) / len(terms) for name in terms[0]}
    return scale * (factor * total), means


def _in_float32(loss: PairLoss, prediction: Tensor, target: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    with torch.autocast(prediction.device.type, enabled=False):
        return loss(prediction.float(), target.float())
