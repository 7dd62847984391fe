"""Encoders: shapes, cost, stems, initial values."""

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from barlowcli.errors import ConfigError
from barlowcli.networks.encoders import build_encoder
from barlowcli.networks.projectors import build_projector
from barlowcli.settings.networks import EncoderSettings, ProjectorSettings


def mega_macs(name: str, *, size: int, stem: str = "auto") -> float:
    """Multiply-accumulates of one image in millions, as PyTorch counts them; no memory is touched."""
    with torch.device("meta"):
        encoder, _ = build_encoder(EncoderSettings.model_validate({"name": name, "stem": stem}), image_size=size)
        image = torch.empty(1, 3, size, size)
    with FlopCounterMode(display=False) as counter:
        encoder.eval()(image)
    return float(counter.get_total_flops()) / 2e6


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("small", 32, 3.65),
        ("resnet18", 32, 555.4),
        ("resnet50", 32, 1297.8),
        ("resnet18", 224, 1813.6),  # torchvision's table: 1.814 GMAC, of which the classifier .5 M
        ("resnet50", 224, 4087.1),  # 4.089 GMAC, of which the classifier 2 M
    ],
)
def test_cost(name: str, size: int, expected: float) -> None:
    assert mega_macs(name, size=size) == pytest.approx(expected, rel=2e-3)


def test_small_costs_at_most_ten_mega_macs() -> None:
    assert mega_macs("small", size=32) <= 10


@pytest.mark.parametrize("name", ["small", "resnet18"])
def test_small_stem_up_to_64_pixels(name: str) -> None:
    assert (
        mega_macs(name, size=64) == mega_macs(name, size=64, stem="small") > mega_macs(name, size=64, stem="imagenet")
    )
    assert (
        mega_macs(name, size=65) == mega_macs(name, size=65, stem="imagenet") < mega_macs(name, size=65, stem="small")
    )


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_imagenet_stem_is_torchvisions_network(name: str) -> None:
    with torch.device("meta"):
        encoder, _ = build_encoder(EncoderSettings(name=name), image_size=224)
        theirs = torchvision.models.get_model(name)
    shapes = {key: value.shape for key, value in theirs.state_dict().items() if not key.startswith("fc.")}
    assert {key: value.shape for key, value in encoder.state_dict().items()} == shapes


@pytest.mark.parametrize("name", ["small", "resnet18"])
def test_same_seed_same_encoder_whatever_comes_after(name: str) -> None:
    def state(seed: int, width: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(seed)
        encoder, features = build_encoder(EncoderSettings(name=name), image_size=32)
        build_projector(ProjectorSettings(hidden=width), features)
        return encoder.state_dict()

    first, again, other = state(0, 8), state(0, 16), state(1, 8)
    assert all(torch.equal(value, again[key]) for key, value in first.items())
    assert any(not torch.equal(value, other[key]) for key, value in first.items())


@pytest.mark.parametrize("stem", ["small", "imagenet"])
@pytest.mark.parametrize("name", ["small", "resnet18"])
def test_convolutions_have_the_initial_scale_of_he(name: str, stem: str) -> None:
    torch.manual_seed(0)
    encoder, _ = build_encoder(EncoderSettings.model_validate({"name": name, "stem": stem}), image_size=32)
    for convolution in encoder.modules():
        if isinstance(convolution, nn.Conv2d):
            weight = convolution.weight.detach()
            fan_out = weight.shape[0] * weight[0, 0].numel()
            error = 4 / (2 * weight.numel()) ** 0.5  # four standard errors of a standard deviation
            assert weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=error)


def test_every_channel_reaches_the_features_and_learns() -> None:
    torch.manual_seed(0)
    encoder, _ = build_encoder(EncoderSettings(name="small"), image_size=32, channels=7)
    images = torch.randn(4, 7, 32, 32, requires_grad=True)
    encoder(images).square().sum().backward()
    weight = next(encoder.parameters())
    for tensor in (images, weight):
        assert tensor.grad is not None
        assert tensor.grad.shape[1] == 7
        assert tensor.grad.abs().amax((0, 2, 3)).min() > 0
    with pytest.raises(RuntimeError, match="to have 7 channels, but got 3 channels"):
        encoder(torch.randn(4, 3, 32, 32))


def test_unknown_name_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="no encoder named `resnet19`") as error:
        build_encoder(EncoderSettings(name="resnet19"), image_size=32)
    assert error.value.hint == "did you mean `resnet18`?"
