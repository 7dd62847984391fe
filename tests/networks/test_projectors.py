"""The projector against the published one."""

import pytest
import torch
from torch import nn

from barlowcli.networks.projectors import build_projector
from barlowcli.settings.networks import ProjectorSettings


def test_is_the_published_one() -> None:
    """Barlow Twins' `--projector 24-24-16`: Linear without bias, BatchNorm, ReLU; twice; Linear without bias."""
    torch.manual_seed(0)
    projector = build_projector(ProjectorSettings(layers=3, hidden=24, dim=16), 8)
    kinds = [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear]
    assert [type(module) for module in projector] == kinds
    first, second, last = (module for module in projector if isinstance(module, nn.Linear))
    h = torch.randn(32, 8)
    x = h
    for layer in (first, second):
        x = x @ layer.weight.T
        x = torch.relu((x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt())
    torch.testing.assert_close(projector(h), x @ last.weight.T)
    assert [layer.bias for layer in (first, second, last)] == [None] * 3


@pytest.mark.parametrize("layers", [1, 2, 3, 8])
@pytest.mark.parametrize(("hidden", "width"), [("tied", 6), (10, 10)])
def test_widths(layers: int, hidden: str | int, width: int) -> None:
    settings = ProjectorSettings.model_validate({"layers": layers, "hidden": hidden, "dim": 6})
    linear = [module for module in build_projector(settings, 4) if isinstance(module, nn.Linear)]
    assert [layer.in_features for layer in linear] == [4] + [width] * (layers - 1)
    assert [layer.out_features for layer in linear] == [width] * (layers - 1) + [6]


def test_without_batch_norm_the_hidden_layers_have_a_bias() -> None:
    projector = build_projector(ProjectorSettings(batch_norm=False, hidden=5, dim=6), 4)
    assert [type(module) for module in projector] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    shapes = {name: tuple(p.shape) for name, p in projector.named_parameters()}
    assert shapes == {"0.weight": (5, 4), "0.bias": (5,), "2.weight": (5, 5), "2.bias": (5,), "4.weight": (6, 5)}
