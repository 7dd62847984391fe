"""Each switch changes the number that it should: against transcriptions in numpy, for every method it is one of."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from barlowcli.methods.barlow_twins import cross_correlation_loss, cross_entropy_loss
from barlowcli.methods.byol import regression_loss
from barlowcli.methods.simclr import nt_xent
from tests.methods.test_joint_embedding import NAMES
from tests.small_methods import DIM, gradients, joint_embedding, online_network, perturbed, target_network, two_views

Array = NDArray[np.float64]


def embeddings(n: int = 24, d: int = 10) -> tuple[Tensor, Tensor]:
    z = torch.randn(n, d, generator=torch.Generator().manual_seed(3)) * torch.linspace(0.5, 2, d) + 0.3
    return z, 0.8 * z + 0.5 * z.roll(1, 0)


def weight(value: float) -> dict[str, Any]:
    return {"lambda": value}


def correlation(z_a: Tensor, z_b: Tensor, normalize: str) -> Array:
    """C as section 4 of the paper words it, in float64."""
    sides = []
    for z in (z_a.double().numpy(), z_b.double().numpy()):
        z = z - z.mean(0)
        if normalize != "none":
            z = z / np.sqrt(z.var(0) + 1e-5)
        if normalize == "features":
            z = z / np.linalg.norm(z, axis=1, keepdims=True)
        sides.append(z)
    return np.asarray(sides[0].T @ sides[1] / len(sides[0]))


@pytest.mark.parametrize(("normalize", "shape"), list(product(("batch", "features", "none"), ((24, 10), (6, 40)))))
def test_barlow_twins_under_every_normalisation(normalize, shape: tuple[int, int]) -> None:
    z_a, z_b = embeddings(*shape)
    c = correlation(z_a, z_b, normalize)
    diagonal = np.square(np.diag(c) - 1).sum()
    off = np.square(c - np.diag(np.diag(c))).sum()
    found = cross_correlation_loss(z_a, z_b, lambda_=0.05, normalize=normalize)
    np.testing.assert_allclose([t.item() for t in found], [diagonal + 0.05 * off, diagonal, off], rtol=1e-4)


def test_cross_entropy_with_temperature_is_section_4s() -> None:
    z_a, z_b = embeddings()
    c = correlation(z_a, z_b, "batch")
    on = sum(np.exp(c[i, i] / 0.2) for i in range(10))
    off = sum(np.exp(max(c[i, j], 0) / 0.2) for i in range(10) for j in range(10) if i != j)
    found = cross_entropy_loss(z_a, z_b, lambda_=0.3, temperature=0.2)
    expected = [-np.log(on) + 0.3 * np.log(off), -np.log(on), np.log(off)]
    np.testing.assert_allclose([t.item() for t in found], expected, rtol=1e-5)


@pytest.mark.parametrize("terms", ["both", "invariance", "redundancy", "cross-entropy"])
def test_terms_of_barlow_twins(terms: str) -> None:
    method = joint_embedding("barlow", terms=terms, **weight(0.05))
    online, (view_a, view_b, labels) = online_network(method), two_views()
    c = correlation(online(view_a).detach(), online(view_b).detach(), "batch")
    on, off = np.square(np.diag(c) - 1).sum(), np.square(c - np.diag(np.diag(c))).sum()
    if terms == "cross-entropy":
        hidden = ~np.eye(DIM, dtype=bool)
        on = -np.log(np.exp(np.diag(c) / 0.2).sum())
        off = np.log(np.exp(np.maximum(c[hidden], 0) / 0.2).sum())
    expected = {"invariance": on, "redundancy": 0.05 * off}.get(terms, on + 0.05 * off)
    assert method(view_a, view_b, labels).loss.item() == pytest.approx(expected, rel=1e-4)


def test_lambda_rule_divides_by_the_dimension() -> None:
    ours = joint_embedding("barlow", lambda_rule="c/D", **weight(0.35))(*two_views())
    theirs = joint_embedding("barlow", **weight(0.35 / DIM))(*two_views())
    assert torch.equal(ours.loss, theirs.loss)


@pytest.mark.parametrize("name", NAMES)
def test_loss_scale_and_its_rule(name: str) -> None:
    plain = gradients(joint_embedding(name))
    cases: list[tuple[dict[str, Any], float]] = [
        ({"loss_scale": 0.1}, 0.1),
        ({"loss_scale": 2.0, "loss_scale_rule": "c/D"}, 2 / DIM),
    ]
    for settings, factor in cases:
        scaled = gradients(joint_embedding(name, **settings))
        loss = joint_embedding(name, **settings)(*two_views()).loss
        torch.testing.assert_close(loss, factor * joint_embedding(name)(*two_views()).loss)
        for key, gradient in scaled.items():
            torch.testing.assert_close(gradient, factor * plain[key], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("normalize", ["batch", "features", "none"])
def test_byol_under_every_normalisation(normalize) -> None:
    q, z = embeddings()
    sides = []
    for side in (q.double().numpy(), z.double().numpy()):
        if normalize == "features":
            side = side / np.linalg.norm(side, axis=1, keepdims=True)
        if normalize == "batch":  # n_BN of BYOL's appendix: (x - mu) / (sigma sqrt d)
            side = (side - side.mean(0)) / np.sqrt(side.var(0) + 1e-5) / np.sqrt(side.shape[1])
        sides.append(side)
    expected = np.square(sides[0] - sides[1]).sum(1).mean()
    assert regression_loss(q, z, normalize=normalize).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("normalize", ["batch", "none"])
def test_simclr_under_every_normalisation(normalize) -> None:
    z_a, z_b = embeddings(8, 5)
    sides = [z.double().numpy() for z in (z_a, z_b)]
    if normalize == "batch":
        sides = [(z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5) / np.sqrt(5) for z in sides]
    z = np.concatenate(sides)
    total = 0.0
    for i in range(16):
        logits = np.array([z[i] @ z[j] / 0.5 for j in range(16) if j != i])
        total += np.log(np.exp(logits).sum()) - z[i] @ z[(i + 8) % 16] / 0.5
    assert nt_xent(z_a, z_b, temperature=0.5, normalize=normalize).item() == pytest.approx(total / 16, rel=1e-5)


@pytest.mark.parametrize(("name", "predictor"), list(product(NAMES, (False, True))))
def test_asymmetric_is_twice_one_direction_and_the_stopped_side_gets_no_gradient(name: str, predictor: bool) -> None:
    method = joint_embedding(name, target="stop-gradient", predictor=predictor, symmetric=False)
    view_a, view_b, labels = two_views()
    online = online_network(method)
    with torch.no_grad():
        target = online(view_b)  # a constant: whatever gradient there is comes of view a
    q = online(view_a) if method.predictor is None else method.predictor(online(view_a))
    expected = 2 * method.loss(q, target)[0]
    output = method(view_a, view_b, labels)
    torch.testing.assert_close(output.loss, expected)
    parameters = [p for p in method.parameters() if p.requires_grad]
    ours = torch.autograd.grad(output.loss, parameters)
    theirs = torch.autograd.grad(expected, parameters)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_an_averaged_target_without_predictor_is_a_setting_of_every_method(name: str) -> None:
    method = perturbed(joint_embedding(name, target="ema", predictor=False))
    view_a, view_b, labels = two_views()
    online, target = online_network(method), target_network(method)
    expected = method.loss(online(view_a), target(view_b))[0] + method.loss(online(view_b), target(view_a))[0]
    torch.testing.assert_close(method(view_a, view_b, labels).loss, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "tau"), list(product(NAMES, (0.0, 1.0))))
def test_tau_1_keeps_the_target_and_tau_0_copies_the_online_network_to_the_bit(name: str, tau: float) -> None:
    method = perturbed(joint_embedding(name, target="ema", predictor=True, tau=tau, tau_schedule="constant"))
    before = [p.clone() for p in target_network(method).parameters()]
    method.after_step(0.3)
    expected = before if tau == 1 else list(online_network(method).parameters())
    assert all(torch.equal(p, e) for p, e in zip(target_network(method).parameters(), expected, strict=True))


@pytest.mark.parametrize(
    ("name", "target"), list(product(("barlow", "simclr", "vicreg"), ("shared", "stop-gradient", "ema")))
)
def test_with_the_identity_for_predictor_and_target_every_branch_has_the_shared_networks_gradient(name, target) -> None:
    plain = gradients(joint_embedding(name, target="shared", predictor=False))
    method = joint_embedding(name, target=target, predictor=True)
    method.predictor = torch.nn.Sequential()
    for key, gradient in gradients(method).items():
        torch.testing.assert_close(gradient, plain[key], rtol=1e-3, atol=1e-5)
