"""Branches: what the target is, which way gradients go, what the average does; for every joint-embedding loss alike."""

import math
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from barlowcli.methods.barlow_twins import cross_correlation_loss
from barlowcli.methods.base import JointEmbedding, Networks, build_predictor, target_decay
from barlowcli.settings.methods import BarlowSettings, BranchSettings
from tests.small_methods import (
    FEATURES,
    gradients,
    joint_embedding,
    online_network,
    perturbed,
    target_network,
    two_views,
)

NAMES = ("barlow", "byol", "simclr", "vicreg", "simsiam")
TARGETS = ("shared", "stop-gradient", "ema")


def assert_close(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for key, gradient in theirs.items():
        torch.testing.assert_close(ours[key], gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "target", "predictor"), list(product(NAMES, TARGETS, (False, True))))
def test_every_branch_is_a_setting_of_every_method(name: str, target: str, predictor: bool) -> None:
    method = joint_embedding(name, target=target, predictor=predictor)
    found = gradients(method)
    trained = {key for key, p in method.named_parameters() if p.requires_grad}
    assert set(found) == trained
    assert all(gradient.isfinite().all() for gradient in found.values())
    assert any(key.startswith("predictor.") for key in found) == predictor
    assert not any(key.startswith("target_") for key in found)
    assert any(key.startswith("target_") for key, _ in method.named_parameters()) == (target == "ema")


def test_symmetric_loss_is_that_of_both_embeddings() -> None:
    method = joint_embedding("barlow")
    view_a, view_b, labels = two_views()
    output = method(view_a, view_b, labels)
    online = online_network(method)
    loss, invariance, redundancy = cross_correlation_loss(online(view_a), online(view_b), lambda_=0.005)
    torch.testing.assert_close(output.loss, loss)
    torch.testing.assert_close(output.terms, {"invariance": invariance.detach(), "redundancy": redundancy.detach()})
    torch.testing.assert_close(output.embeddings, (online(view_a).detach(), online(view_b).detach()))


def test_loss_scale_multiplies_the_loss_and_not_its_terms() -> None:
    plain, scaled = joint_embedding("barlow")(*two_views()), joint_embedding("barlow", loss_scale=0.1)(*two_views())
    torch.testing.assert_close(scaled.loss, 0.1 * plain.loss)
    torch.testing.assert_close(scaled.terms, plain.terms)


def test_byol_sums_both_directions_through_predictor_and_averaged_target() -> None:
    method = perturbed(joint_embedding("byol"))
    view_a, view_b, labels = two_views()
    output = method(view_a, view_b, labels)
    online, target, predictor = online_network(method), target_network(method), method.predictor
    assert predictor is not None
    expected = torch.tensor(0.0)
    for first, second in ((view_a, view_b), (view_b, view_a)):  # BYOL, section 3.1: L of (v, v') plus L of (v', v)
        q, z = predictor(online(first)), target(second)
        expected = expected + (2 - 2 * (q * z).sum(1) / (q.norm(dim=1) * z.norm(dim=1))).mean()
    torch.testing.assert_close(output.loss, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(output.terms["regression"], expected.detach() / 2, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_stop_gradient_without_predictor_has_the_gradient_of_the_shared_network(name: str) -> None:
    shared = gradients(joint_embedding(name, target="shared", predictor=False))
    stopped = gradients(joint_embedding(name, target="stop-gradient", predictor=False))
    assert_close(stopped, shared)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_flows_through_a_shared_target_and_not_through_a_stopped_one(name: str) -> None:
    def expected(method: JointEmbedding, *, stop: bool) -> dict[str, Tensor]:
        predictor = method.predictor
        assert predictor is not None
        z_a, z_b = (method.embed(view) for view in two_views()[:2])
        pairs = ((predictor(z_a), z_b.detach() if stop else z_b), (predictor(z_b), z_a.detach() if stop else z_a))
        both = torch.stack([method.loss(q, z)[0] for q, z in pairs])
        total = both.sum() if stop else both.mean()  # through a shared target the gradient comes from both sides
        parameters = dict(method.named_parameters())
        return dict(zip(parameters, torch.autograd.grad(total, list(parameters.values())), strict=True))

    stopped = gradients(joint_embedding(name, target="stop-gradient", predictor=True))
    shared = gradients(joint_embedding(name, target="shared", predictor=True))
    assert_close(stopped, expected(joint_embedding(name, target="stop-gradient", predictor=True), stop=True))
    assert_close(shared, expected(joint_embedding(name, target="shared", predictor=True), stop=False))
    assert (stopped["encoder.1.weight"] - shared["encoder.1.weight"]).norm() > 0.1 * shared["encoder.1.weight"].norm()


@pytest.mark.parametrize("progress", [0.3, torch.tensor(0.3)])
@pytest.mark.parametrize("tau", [1.0, 0.0])
def test_tau_one_keeps_the_target_and_tau_zero_copies(tau: float, progress: float | Tensor) -> None:
    method = perturbed(joint_embedding("barlow", target="ema", tau=tau))
    before = [p.clone() for p in target_network(method).parameters()]
    method.after_step(progress)
    expected = before if tau == 1 else list(online_network(method).parameters())
    assert all(torch.equal(p, q) for p, q in zip(target_network(method).parameters(), expected, strict=True))
    assert all(not torch.equal(p, q) for p, q in zip(before, online_network(method).parameters(), strict=True))


@pytest.mark.parametrize("as_tensor", [False, True])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_average_is_tau_of_the_target_and_the_rest_of_the_online_network(schedule: str, as_tensor: bool) -> None:
    method = perturbed(joint_embedding("simclr", target="ema", tau=0.9, tau_schedule=schedule))
    progress = 0.25
    tau = 0.9 if schedule == "constant" else 1 - (1 - 0.9) * (math.cos(math.pi * progress) + 1) / 2
    pairs = zip(target_network(method).parameters(), online_network(method).parameters(), strict=True)
    expected = [tau * target.detach() + (1 - tau) * online.detach() for target, online in pairs]
    method.after_step(torch.tensor(progress) if as_tensor else progress)
    for parameter, value in zip(target_network(method).parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.detach(), value, rtol=1e-5, atol=1e-7)


def test_cosine_schedule_is_byols() -> None:
    branches = BranchSettings(target="ema", tau=0.996, tau_schedule="cosine")
    steps = 50
    for k in range(steps + 1):
        expected = 1 - (1 - 0.996) * (math.cos(math.pi * k / steps) + 1) / 2
        assert target_decay(branches, k / steps) == pytest.approx(expected, rel=1e-12)
        assert float(target_decay(branches, torch.tensor(k / steps))) == pytest.approx(expected, rel=1e-6)
    assert target_decay(branches, 0.0) == pytest.approx(0.996)
    assert target_decay(branches, 1.0) == 1.0


def test_target_starts_as_a_copy_that_shares_nothing() -> None:
    method = joint_embedding("byol")
    for target, online in zip(target_network(method).parameters(), online_network(method).parameters(), strict=True):
        assert torch.equal(target, online)
        assert target.data_ptr() != online.data_ptr()
        assert not target.requires_grad


def test_target_normalises_by_its_own_batch_and_keeps_its_own_running_statistics() -> None:
    method = perturbed(joint_embedding("byol", tau=0.5))
    view_a, view_b, labels = two_views()
    method(view_a, view_b, labels)
    encoder = method.target_encoder
    assert isinstance(encoder, nn.Sequential)
    linear, norm = encoder[1], encoder[2]
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None
    expected = torch.zeros(FEATURES)
    for view in (view_a, view_b):  # BatchNorm's momentum is .1
        expected = 0.9 * expected + 0.1 * linear(view.flatten(1)).mean(0).detach()
    torch.testing.assert_close(norm.running_mean, expected, rtol=1e-4, atol=1e-6)
    before = norm.running_mean.clone()
    method.after_step(0.0)
    assert torch.equal(norm.running_mean, before)


def test_statistics_are_taken_per_view() -> None:
    view_a, view_b, labels = two_views()
    first = joint_embedding("barlow")(view_a, view_b, labels).embeddings[0]
    second = joint_embedding("barlow")(view_a, 5 * view_b, labels).embeddings[0]
    assert torch.equal(first, second)


def test_loss_is_computed_in_float32_whatever_the_autocast_type() -> None:
    seen: list[tuple[torch.dtype, bool]] = []

    def spy(p: Tensor, z: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        seen.append((p.dtype, torch.is_autocast_enabled("cpu")))
        return (p @ z.T).mean(), {}

    method = JointEmbedding(BarlowSettings(), Networks(nn.Flatten(), nn.Linear(12, 4), 12, 4, classes=2), loss=spy)
    with torch.autocast("cpu", torch.bfloat16):
        assert method(*two_views()).loss.dtype == torch.float32
    assert seen == [(torch.float32, False)]


@pytest.mark.parametrize("target", TARGETS)
def test_without_projector_the_embedding_is_the_feature(target: str) -> None:
    method = joint_embedding("barlow", projector=False, target=target, predictor=True)
    output = method(*two_views())
    output.loss.backward()
    method.after_step(0.5)
    assert output.embeddings[0].shape == (16, FEATURES)


def test_predictor_is_byols() -> None:
    kinds = [type(module) for module in build_predictor(4, 9)]
    assert kinds == [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear]
    shapes = [tuple(p.shape) for p in build_predictor(4, 9).parameters()]
    assert shapes == [(9, 4), (9,), (9,), (4, 9)]


def test_state_dict_restores_the_target() -> None:
    trained = perturbed(joint_embedding("byol"))
    trained(*two_views())
    trained.after_step(0.5)
    other = joint_embedding("byol", seed=1)
    other.load_state_dict(trained.state_dict())
    assert torch.equal(other(*two_views(1)).loss, trained(*two_views(1)).loss)
