"""Optimisers against transcriptions of the published rules, and resuming to the bit."""

import math

import pytest
import torch
from lightly.utils.scheduler import cosine_warmup_schedule
from torch import Tensor, nn

from barlowcli.training.optimisers import LARS, base_learning_rate, build_optimizer, learning_rate
from tests.training.small_network import fill_gradients, network, settings, values


def lars_step(
    p: Tensor, g: Tensor, velocity: Tensor, *, lr: float, decay: float, momentum: float, eta: float
) -> tuple[Tensor, Tensor]:
    """One tensor's step by the rule of the official Barlow Twins code, in float64."""
    if p.ndim != 1:
        g = g + decay * p
        size, length = p.square().sum().sqrt(), g.square().sum().sqrt()
        if size > 0 and length > 0:
            g = g * eta * size / length
    velocity = momentum * velocity + g
    return p - lr * velocity, velocity


@pytest.mark.parametrize("eta", [0.001, 0.02])
def test_lars_is_the_official_rule(eta: float) -> None:
    module = network()
    nn.init.zeros_(module.get_parameter("3.weight"))  # of norm 0: no trust ratio in the first step
    optimizer = build_optimizer(settings("lars", batch_size=512, momentum=0.8, lars_trust=eta), module)
    expected = [p.double() for p in values(module)]
    velocities = [torch.zeros_like(p) for p in expected]
    for step in range(4):
        fill_gradients(module, step)
        for k, parameter in enumerate(module.parameters()):
            assert parameter.grad is not None
            expected[k], velocities[k] = lars_step(
                expected[k], parameter.grad.double(), velocities[k], lr=0.2, decay=0.01, momentum=0.8, eta=eta
            )
        optimizer.step()
    for ours, theirs in zip(values(module), expected, strict=True):
        torch.testing.assert_close(ours, theirs.float(), rtol=1e-5, atol=1e-7)


def test_lars_takes_no_trust_ratio_of_a_zero_gradient() -> None:
    weight = nn.Parameter(torch.ones(2, 2))
    weight.grad = torch.zeros(2, 2)
    LARS([weight], lr=1.0, weight_decay=0.0).step()
    assert torch.equal(weight.detach(), torch.ones(2, 2))


def test_lars_leaves_alone_what_has_no_gradient_and_runs_a_closure() -> None:
    used, unused = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))
    optimizer = LARS([used, unused], lr=1.0)

    def closure() -> float:
        loss = used.square().sum()
        (used.grad,) = torch.autograd.grad(loss, used)
        return loss.item()

    assert optimizer.step(closure) == 4.0
    assert not torch.equal(used.detach(), torch.ones(2, 2))
    assert torch.equal(unused.detach(), torch.ones(2, 2))
    assert unused not in optimizer.state


def test_lars_reads_a_learning_rate_that_is_a_tensor() -> None:
    numbers, tensors = network(), network()
    first, second = LARS(numbers.parameters(), lr=0.5), LARS(tensors.parameters(), lr=torch.tensor(0.5))
    for step in range(2):
        fill_gradients(numbers, step)
        fill_gradients(tensors, step)
        first.step()
        second.step()
    assert all(torch.equal(p, q) for p, q in zip(values(numbers), values(tensors), strict=True))


def test_sgd_is_momentum_with_decay_of_every_parameter() -> None:
    module = network()
    optimizer = build_optimizer(settings("sgd", batch_size=128, momentum=0.9), module)
    expected = values(module)
    velocities = [torch.zeros_like(p) for p in expected]
    for step in range(3):
        fill_gradients(module, step)
        for k, parameter in enumerate(module.parameters()):
            assert parameter.grad is not None
            velocities[k] = 0.9 * velocities[k] + parameter.grad + 0.01 * expected[k]
            expected[k] = expected[k] - 0.05 * velocities[k]
        optimizer.step()
    for ours, theirs in zip(values(module), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_adamw_is_its_definition_and_does_not_decay_vectors() -> None:
    """Loshchilov & Hutter 2019, algorithm 2."""
    module = network()
    optimizer = build_optimizer(settings("adamw", lr_scaling="none", momentum=0.8), module)
    expected = [p.double() for p in values(module)]
    first, second = ([torch.zeros_like(p) for p in expected] for _ in range(2))
    for step in range(1, 4):
        fill_gradients(module, step)
        for k, parameter in enumerate(module.parameters()):
            assert parameter.grad is not None
            g = parameter.grad.double()
            first[k] = 0.8 * first[k] + 0.2 * g
            second[k] = 0.999 * second[k] + 0.001 * g**2
            corrected = (first[k] / (1 - 0.8**step)) / ((second[k] / (1 - 0.999**step)).sqrt() + 1e-8)
            decay = 0.01 if parameter.ndim > 1 else 0.0
            expected[k] = expected[k] - 0.1 * (corrected + decay * expected[k])
        optimizer.step()
    for ours, theirs in zip(values(module), expected, strict=True):
        torch.testing.assert_close(ours, theirs.float(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("scaling", "expected"), [("linear", 0.2), ("sqrt", 0.1 * math.sqrt(2)), ("none", 0.1)])
def test_base_learning_rate(scaling: str, expected: float) -> None:
    assert base_learning_rate(settings("sgd", batch_size=512, lr_scaling=scaling)) == pytest.approx(expected)


@pytest.mark.parametrize(("total", "warmup"), [(100, 10), (100, 0), (7, 2.5), (1, 0)])
def test_learning_rate_is_byols_schedule_with_a_first_step_that_is_not_lost(total: int, warmup: float) -> None:
    """DeepMind's schedules.py: linear warm-up, then cosine decay over what is left; warm-up counts from 1."""
    for step in range(total):
        left = 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))
        expected = min(1.0, (step + 1) / warmup) * 0.3 if step < warmup else 0.3 * left
        assert learning_rate(step, total=total, warmup=warmup, base=0.3) == pytest.approx(expected)
    assert learning_rate(total, total=total, warmup=warmup, base=0.3) == 0.0


def test_learning_rate_with_nothing_but_warm_up() -> None:
    rates = [learning_rate(step, total=4, warmup=4, base=1.0) for step in range(5)]
    assert rates == [0.25, 0.5, 0.75, 1.0, 0.0]


@pytest.mark.parametrize("warmup", [1, 5])
def test_warm_up_is_that_of_lightly(warmup: int) -> None:
    for step in range(warmup):
        theirs = cosine_warmup_schedule(step, 20, 0.3, 0.0, warmup, warmup_start_value=0.0)
        assert learning_rate(step, total=20, warmup=warmup, base=0.3) == pytest.approx(theirs)


@pytest.mark.parametrize("warmup", [0, 0.5, 1, 2.5, 7])
def test_every_step_moves_and_none_by_more_than_the_peak(warmup: float) -> None:
    rates = [learning_rate(step, total=9, warmup=warmup, base=0.3) for step in range(9)]
    assert all(0 < rate <= 0.3 for rate in rates)
    assert max(rates) > 0.28
