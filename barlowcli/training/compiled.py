"""The parts of a training step under torch.compile: views, networks, loss.

Compiled code belongs to an architecture and to the settings of views: networks of another cell and other seeds go
through it again, without compiling. Only the loss, which is small, is compiled for each of its settings.
"""

import copy
import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from barlowcli.methods.base import Method, Passes, embed
from barlowcli.networks.batchnorm import together
from barlowcli.views.base import Views
from barlowcli.views.pipeline import AugmentedViews

BACKEND = "inductor"
VERSIONS = 1024
"""Compiled versions of one function that are kept; by default Dynamo gives up after 8, fewer than a grid has losses."""

ROUNDING = 0.01
"""Relative difference that arithmetic of another order makes, with room: of TF32 it is some 1e-3."""


@functools.cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function under torch.compile; one for all cells, so that what is compiled serves them all."""
    torch._dynamo.config.recompile_limit = VERSIONS
    torch._dynamo.config.accumulated_recompile_limit = VERSIONS
    return torch.compile(function, dynamic=False, fullgraph=True, backend=BACKEND)


def make_both(views: AugmentedViews, images: Tensor, index: Tensor, epoch: Tensor) -> Tensor:
    """Both views of `images[index]`, one after the other: (2 B, C, S, S), channels last. Where they are alike, they are
    one batch, so that every operation is done once."""
    if views.alike:
        view = torch.arange(2, device=index.device).repeat_interleave(len(index))
        made = views(images, torch.cat([index, index]), epoch=epoch, view=view)
    else:
        made = torch.cat([views(images, index, epoch=epoch, view=view) for view in (0, 1)])
    return made.contiguous(memory_format=torch.channels_last)


class CompiledViews(Views):
    """Views under torch.compile. Seed and epoch are tensors, lest each be compiled anew."""

    def __init__(self, views: AugmentedViews, device: torch.device) -> None:
        self.views = copy.copy(views)
        self.device = device
        if isinstance(views.seed, int):
            self.views.seed = self._number(views.seed)

    def __call__(self, images: Tensor, index: Tensor, *, epoch: int | Tensor, view: int) -> Tensor:
        """As the views that it was made of."""
        return self.both(images, index, epoch=epoch)[view]

    def both(self, images: Tensor, index: Tensor, *, epoch: int | Tensor) -> tuple[Tensor, Tensor]:
        """As those of the views that it was made of."""
        era = epoch if isinstance(epoch, Tensor) else self._number(epoch)
        view_a, view_b = compiled(make_both)(self.views, images, index, era).chunk(2)
        return view_a, view_b

    def _number(self, value: int) -> Tensor:
        return torch.full((), value, dtype=torch.int64, device=self.device)


def embed_both(encoder: nn.Module, projector: nn.Module | None, view_a: Tensor, view_b: Tensor) -> Tensor:
    """z (2 N, D) of two views that pass as one batch."""
    return embed(encoder, projector, torch.cat([view_a, view_b]))


def pass_at_once(method: Method, view_a: Tensor, view_b: Tensor) -> bool:
    """Whether two views (N, C, S, S) that pass through the networks as one batch have the embeddings of two passes.

    Not so where a network draws random numbers, as dropout does, or has images of a batch know of one another in
    another way than by BatchNorm. Running statistics move.
    """
    networks = method.encoder, method.projector
    with torch.no_grad():
        apart = torch.cat(Passes().both(*networks, view_a, view_b)).float()
        with together(*networks):
            at_once = embed_both(*networks, view_a, view_b).float()
    return bool((apart - at_once).norm() <= ROUNDING * apart.norm())


class CompiledPasses(Passes):
    """Passes under torch.compile. at_once: whether two views pass through a network as one batch."""

    def __init__(self, *, at_once: bool) -> None:
        self.at_once = at_once

    def one(self, encoder: nn.Module, projector: nn.Module | None, view: Tensor) -> Tensor:
        """z (N, D) of a view."""
        z: Tensor = compiled(embed)(encoder, projector, view)
        return z

    def both(
        self, encoder: nn.Module, projector: nn.Module | None, view_a: Tensor, view_b: Tensor
    ) -> tuple[Tensor, Tensor]:
        """z of two views, each normalised by its own statistics."""
        if not self.at_once:
            return super().both(encoder, projector, view_a, view_b)
        with together(encoder, projector):
            z_a, z_b = compiled(embed_both)(encoder, projector, view_a, view_b).chunk(2)
        return z_a, z_b
