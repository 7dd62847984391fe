"""Projectors: features h (N, F) -> embeddings z (N, D), on which the loss is computed."""

from itertools import pairwise

from torch import nn

from barlowcli.settings.networks import ProjectorSettings


def build_projector(settings: ProjectorSettings, feature_dim: int) -> nn.Sequential:
    """Barlow Twins' projector (N, feature_dim) -> (N, dim) (Zbontar et al. 2021, section 2.2).

    Linear, BatchNorm, ReLU before every layer but the last, which is linear alone. No layer has a bias, for the
    BatchNorm that follows, here or in the loss, would take it away; without BatchNorm the hidden layers have one.
    """
    hidden = settings.dim if settings.hidden == "tied" else settings.hidden
    widths = [feature_dim] + [hidden] * (settings.layers - 1)
    modules: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        modules.append(nn.Linear(inputs, outputs, bias=not settings.batch_norm))
        if settings.batch_norm:
            modules.append(nn.BatchNorm1d(outputs))
        modules.append(nn.ReLU(inplace=True))
    return nn.Sequential(*modules, nn.Linear(widths[-1], settings.dim, bias=False))
