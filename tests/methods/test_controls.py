"""The controls: supervised, random-init, histogram."""

import pytest
import torch
from torch import nn

from barlowcli.errors import CellError, ConfigError
from barlowcli.methods import random_init, supervised
from barlowcli.methods.base import Networks
from barlowcli.registry import METHODS
from barlowcli.settings.methods import HistogramSettings, RandomInitSettings, SupervisedSettings


def networks(projector: nn.Module | None) -> Networks:
    return Networks(nn.Flatten(), projector, feature_dim=12, embedding_dim=4, classes=3)


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    view_a, view_b = torch.rand(2, 6, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    return view_a, view_b, torch.tensor([0, 1, 2, 0, 1, 1])


def test_supervised_loss_is_the_mean_cross_entropy_of_both_views() -> None:
    method = supervised.build(SupervisedSettings(), networks(None))
    assert isinstance(method, supervised.Supervised)
    view_a, view_b, labels = batch()
    loss, terms, embeddings = method(view_a, view_b, labels)
    expected, hits = 0.0, 0
    for view in (view_a, view_b):
        logits = view.flatten(1) @ method.head.weight.T + method.head.bias
        expected -= logits.softmax(1)[torch.arange(6), labels].log().mean().item() / 2
        hits += int((logits.argmax(1) == labels).sum())
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert terms["cross_entropy"].item() == pytest.approx(expected, rel=1e-6)
    assert terms["accuracy"].item() == pytest.approx(hits / 12)
    assert torch.equal(embeddings[1], view_b.flatten(1))


def test_supervised_refuses_a_projector() -> None:
    with pytest.raises(ConfigError, match="`supervised` has none") as error:
        supervised.build(SupervisedSettings(), networks(nn.Linear(12, 4)))
    assert error.value.hint


def test_random_init_embeds_but_does_not_train() -> None:
    projector = nn.Linear(12, 4)
    method = random_init.build(RandomInitSettings(), networks(projector))
    view_a, view_b, labels = batch()
    assert torch.equal(method.embed(view_a), projector(view_a.flatten(1)))
    with pytest.raises(CellError, match="never trained"):
        method(view_a, view_b, labels)


def test_histogram_has_no_network() -> None:
    assert not HistogramSettings.encodes
    assert not METHODS.entries["histogram"].target
