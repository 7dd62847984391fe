"""Methods over networks of a size that a test can train, each drawn from a seed."""

from typing import Any

import torch
from torch import Tensor, nn

from barlowcli.methods.base import JointEmbedding, Method, Networks
from barlowcli.networks.encoders import build_encoder
from barlowcli.networks.projectors import build_projector
from barlowcli.registry import METHODS
from barlowcli.settings.any_method import settings_of
from barlowcli.settings.networks import EncoderSettings, ProjectorSettings

FEATURES, DIM = 6, 5
"""Of a joint embedding of vectors."""


def small_method(settings: Any, *, side: int, dim: int, hidden: int, layers: int = 3, seed: int = 0) -> Method:
    """A method over the small encoder, for images of `side` pixels and ten classes. dim, hidden, layers: of the
    projector, where the method has one."""
    torch.manual_seed(seed)
    encoder, features = build_encoder(EncoderSettings(name="small"), image_size=side)
    chosen = ProjectorSettings(layers=layers, hidden=hidden, dim=dim)
    projector = build_projector(chosen, features) if settings.projects else None
    method: Method = METHODS.load(settings.name)(settings, Networks(encoder, projector, features, dim, classes=10))
    return method


def joint_embedding(name: str, *, seed: int = 0, projector: bool = True, **settings: object) -> JointEmbedding:
    """A method over a layer with BatchNorm, for images (N, 3, 2, 2); the seed alone decides its initial values."""
    torch.manual_seed(seed)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(12, FEATURES, bias=False), nn.BatchNorm1d(FEATURES), nn.ReLU())
    head = nn.Sequential(nn.Linear(FEATURES, DIM), nn.BatchNorm1d(DIM), nn.Linear(DIM, DIM)) if projector else None
    chosen = settings_of(name).model_validate({"predictor_hidden": 7, **settings})
    method = METHODS.load(name)(chosen, Networks(encoder, head, FEATURES, DIM if projector else FEATURES, classes=2))
    assert isinstance(method, JointEmbedding)
    return method


def perturbed(method: JointEmbedding) -> JointEmbedding:
    """Give the online network other parameters, so that the target differs from it."""
    with torch.no_grad():
        for parameter in online_network(method).parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return method


def online_network(method: JointEmbedding) -> nn.Sequential:
    """Encoder and projector."""
    assert method.projector is not None
    return nn.Sequential(method.encoder, method.projector)


def target_network(method: JointEmbedding) -> nn.Sequential:
    """Their averaged copies."""
    assert method.target_encoder is not None
    assert method.target_projector is not None
    return nn.Sequential(method.target_encoder, method.target_projector)


def two_views(seed: int = 0, n: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    """Two correlated views (n, 3, 2, 2) of n images, and labels (n,)."""
    view_a, view_b = torch.rand(2, n, 3, 2, 2, generator=torch.Generator().manual_seed(seed))
    return view_a, (view_a + view_b) / 2, torch.zeros(n, dtype=torch.int64)


def gradients(method: JointEmbedding) -> dict[str, Tensor]:
    """Parameter -> its gradient after one loss of the two views."""
    method(*two_views()).loss.backward()
    return {name: p.grad for name, p in method.named_parameters() if p.grad is not None}
