"""What holds for every encoder of the registry."""

import pytest
import torch
from torch import Tensor, nn

from barlowcli.entries import EncoderEntry
from barlowcli.networks.encoders import build_encoder
from barlowcli.registry import ENCODERS
from barlowcli.settings.networks import EncoderSettings


def built(name: str, seed: int = 0) -> nn.Module:
    """An encoder for images of 16 pixels, drawn from a seed."""
    torch.manual_seed(seed)
    return build_encoder(EncoderSettings(name=name), image_size=16)[0]


def images() -> Tensor:
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("stem", ["small", "imagenet"])
@pytest.mark.parametrize("name", ENCODERS.names())
def test_feature_dim_is_the_width_of_the_output(name: str, stem: str) -> None:
    with torch.device("meta"):
        encoder, features = build_encoder(EncoderSettings.model_validate({"name": name, "stem": stem}), image_size=16)
        assert encoder(torch.empty(2, 3, 16, 16)).shape == (2, features)


@pytest.mark.parametrize("name", ENCODERS.names())
def test_every_parameter_learns_and_every_gradient_is_finite(name: str) -> None:
    encoder = built(name)
    h = encoder(images())
    assert h.dtype == torch.float32
    assert h.isfinite().all()
    (h * torch.randn(h.shape, generator=torch.Generator().manual_seed(1))).sum().backward()
    gradients = {key: parameter.grad for key, parameter in encoder.named_parameters()}
    assert [key for key, gradient in gradients.items() if gradient is None or not gradient.isfinite().all()] == []
    assert all(gradient is not None and gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize("name", ENCODERS.names())
def test_same_seed_same_bits_another_seed_others(name: str) -> None:
    first, again, other = built(name), built(name), built(name, seed=1)
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in first.state_dict().items())
    assert torch.equal(first(images()), again(images()))
    assert not torch.equal(first.eval()(images()), other.eval()(images()))


@pytest.mark.parametrize("name", ENCODERS.names())
def test_an_image_is_encoded_by_itself_once_training_is_over(name: str) -> None:
    encoder = built(name)
    encoder(images())
    encoder.eval()
    torch.testing.assert_close(encoder(images()[:2]), encoder(images())[:2], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("stem", ["small", "imagenet"])
@pytest.mark.parametrize("name", ENCODERS.names())
def test_more_channels_leave_all_other_weights_as_they_are(name: str, stem: str) -> None:
    settings = EncoderSettings.model_validate({"name": name, "stem": stem})

    def state(**channels: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        return build_encoder(settings, image_size=32, **channels)[0].state_dict()

    colour, wide = state(channels=3), state(channels=12)
    assert all(torch.equal(value, colour[key]) for key, value in state().items())
    differ = [key for key, value in wide.items() if value.shape != colour[key].shape]
    assert differ == [next(iter(colour))]  # the first convolution
    old, new = colour.pop(differ[0]), wide.pop(differ[0])
    assert new.shape == (len(old), 12, *old.shape[2:])
    assert torch.equal(new[:, :3], old)
    assert all(torch.equal(value, wide[key]) for key, value in colour.items())
    fan_out = len(new) * new[0, 0].numel()
    assert new[:, 3:].std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=4 / (2 * new[:, 3:].numel()) ** 0.5)


@pytest.mark.parametrize("stem", ["small", "imagenet"])
@pytest.mark.parametrize("name", ENCODERS.names())
def test_the_registry_says_truly_how_large_it_is(name: str, stem: str) -> None:
    entry = ENCODERS.entry(name)
    assert isinstance(entry, EncoderEntry)
    with torch.device("meta"):
        encoder, features = build_encoder(EncoderSettings.model_validate({"name": name, "stem": stem}), image_size=16)
    assert entry.features == features
    assert entry.weights == pytest.approx(sum(weight.numel() for weight in encoder.parameters()), rel=0.03)
