"""What holds for every optimiser of the registry."""

import io

import pytest
import torch
from torch import nn

from barlowcli.registry import OPTIMIZERS
from barlowcli.training.optimisers import base_learning_rate, build_optimizer, learning_rate
from tests.training.small_network import fill_gradients, network, settings, values


def stepped(name: str, *, rate: float | None = None, steps: int = 3) -> nn.Module:
    """The network after a few steps."""
    module = network()
    optimizer = build_optimizer(settings(name), module)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] if rate is None else rate
        fill_gradients(module, step)
        optimizer.step()
    return module


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_group_starts_at_the_peak_of_the_schedule(name: str) -> None:
    optimizer = build_optimizer(settings(name), network())
    assert {group["lr"] for group in optimizer.param_groups} == {base_learning_rate(settings(name))}


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_same_gradients_same_bits_and_every_parameter_moves(name: str) -> None:
    first, again = values(stepped(name)), values(stepped(name))
    assert all(torch.equal(p, q) for p, q in zip(first, again, strict=True))
    assert all(p.isfinite().all() for p in first)
    assert not any(torch.equal(p, q) for p, q in zip(first, values(network()), strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_at_learning_rate_zero_nothing_moves(name: str) -> None:
    after = values(stepped(name, rate=0.0))
    assert all(torch.equal(p, q) for p, q in zip(after, values(network()), strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_it_lowers_a_loss(name: str) -> None:
    module = network()
    images = torch.rand(16, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    labels = (images.mean((1, 2, 3)) > images.mean()).long()
    optimizer = build_optimizer(settings(name, lr=0.01, lr_scaling="none", weight_decay=0.0), module)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(module(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_resumes_to_the_bit(name: str) -> None:
    def run(module: nn.Module, optimizer: torch.optim.Optimizer, steps: range) -> None:
        for step in steps:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(step, total=6, warmup=2, base=0.1)
            fill_gradients(module, step)
            optimizer.step()

    straight, stopped, resumed = network(), network(), network()
    run(straight, build_optimizer(settings(name), straight), range(6))
    optimizer = build_optimizer(settings(name), stopped)
    run(stopped, optimizer, range(3))
    file = io.BytesIO()
    torch.save({"module": stopped.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    resumed.load_state_dict(saved["module"])
    optimizer = build_optimizer(settings(name), resumed)
    optimizer.load_state_dict(saved["optimizer"])
    run(resumed, optimizer, range(3, 6))
    assert all(torch.equal(p, q) for p, q in zip(values(straight), values(resumed), strict=True))


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_takes_only_what_wants_a_gradient(name: str) -> None:
    module = network()
    module[3].requires_grad_(False)
    optimizer = build_optimizer(settings(name), module)
    taken = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert taken == {id(p) for p in module.parameters() if p.requires_grad}
