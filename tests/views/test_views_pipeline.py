"""Whole views against torchvision's operations in sequence, and what they depend on."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from barlowcli.errors import ConfigError, DataError
from barlowcli.registry import SHUFFLES
from barlowcli.settings.views import ViewSettings
from barlowcli.views import pipeline, shuffle
from barlowcli.views.colour import draw_jitter
from barlowcli.views.crop import draw_boxes
from barlowcli.views.histogram import draw_partners
from barlowcli.views.pipeline import probe_images
from barlowcli.views.random import Draws, Number
from tests.views.made import MEAN, STD, views_with

EVERYTHING: dict[str, Any] = {"blur": (0.7, 0.6), "solarize": (0.3, 0.5), "interpolation": "bicubic"}


def everyone(images: Tensor) -> Tensor:
    return torch.arange(len(images))


def torchvisions(images: Tensor, settings: ViewSettings, epoch: int, view: int) -> Tensor:
    """Each view by torchvision's operations, one after the other, with the parameters that were drawn."""
    draws = Draws.of(0, epoch, view, everyone(images))
    boxes = torch.stack(draw_boxes(draws, 32, 32, settings.crop_scale, settings.crop_ratio), 1).tolist()
    jitter = draw_jitter(draws, probability=0.8, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
    sigma = draws.uniform(Number.BLUR_SIGMA, *settings.blur_sigma).tolist()
    blends = (functional.adjust_brightness, functional.adjust_contrast, functional.adjust_saturation)
    out = []
    for k, image in enumerate(images / 255):
        top, left, height, width = boxes[k]
        mode = functional.InterpolationMode(settings.interpolation)
        x = functional.resized_crop(image, top, left, height, width, [32, 32], mode, antialias=True).clamp(0, 1)
        if draws.chance(Number.FLIP, settings.flip)[k]:
            x = functional.horizontal_flip(x)
        for turn in range(4):
            if jitter.hue_slot[k] == turn:
                x = functional.adjust_hue(x, float(jitter.hue[k]))
            if turn < 3:
                kind = int(jitter.blends[k, turn])
                x = blends[kind](x, float(jitter.factors[k, kind]))
        if draws.chance(Number.GREYSCALE, 0.2)[k]:
            x = functional.rgb_to_grayscale(x, 3)
        if draws.chance(Number.BLUR, settings.blur[view])[k]:
            x = functional.gaussian_blur(x, [3, 3], [sigma[k], sigma[k]])
        if draws.chance(Number.SOLARISE, settings.solarize[view])[k]:
            x = functional.solarize(x, 0.5)
        out.append(functional.normalize(x, list(MEAN), list(STD)))
    return torch.stack(out)


@pytest.mark.parametrize("view", [0, 1])
def test_equals_torchvision_in_sequence(photos: Tensor, view: int) -> None:
    mine = views_with(**EVERYTHING)(photos, everyone(photos), epoch=4, view=view)
    theirs = torchvisions(photos, ViewSettings(**EVERYTHING), 4, view)
    difference = (mine - theirs).abs().flatten(1).max(1).values
    # solarising is a jump at 1/2: a pixel within rounding error of it may fall on the other side
    assert (difference < 1e-4).sum() >= len(photos) - 1


@pytest.mark.parametrize(
    "settings",
    [EVERYTHING, {"jitter": "histogram", "grayscale": "on"}, *({"shuffle": name} for name in SHUFFLES.names())],
    ids=["everything", "histogram", *SHUFFLES.names()],
)
@pytest.mark.parametrize("size", [32, 16])
def test_a_view_is_the_same_bits_in_every_batch(
    photos: Tensor, settings: dict[str, Any], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = views_with(size, **settings)
    whole = views(photos, everyone(photos), epoch=2, view=1)
    assert whole.shape == (len(photos), 3, size, size)
    assert whole.isfinite().all()
    for some in ([7], [30, 2, 2, 17, 45], list(range(47, 20, -1))):
        assert torch.equal(views(photos, torch.tensor(some), epoch=2, view=1), whole[some])
    monkeypatch.setattr(pipeline, "CHUNK", 15_000)
    assert torch.equal(views(photos, everyone(photos), epoch=2, view=1), whole)


def test_an_odd_size_is_the_same_bits_in_every_batch(photos: Tensor) -> None:
    images = photos[:, :, 1:30, 2:29].contiguous()
    views = views_with(25, **EVERYTHING)
    whole = views(images, everyone(images), epoch=0, view=0)
    for k in range(len(images)):
        assert torch.equal(views(images, torch.tensor([k]), epoch=0, view=0)[0], whole[k])


@pytest.mark.parametrize("settings", [{**EVERYTHING, "shuffle": "pixels"}, {"jitter": "histogram"}])
def test_without_host_syncs_the_bits_are_the_same(photos: Tensor, settings: dict[str, Any]) -> None:
    """Traced as one graph: nothing in it depends on data, as a CUDA graph needs it, and it takes the GPU's branches."""
    views = views_with(**settings)
    epoch, index = torch.tensor(3), everyone(photos)

    def traced(images: Tensor, index: Tensor, epoch: Tensor) -> Tensor:
        return views(images, index, epoch=epoch, view=1)

    compiled = torch.compile(traced, backend="eager", fullgraph=True, dynamic=False)
    assert torch.equal(compiled(photos, index, epoch), views(photos, index, epoch=3, view=1))


def test_views_epochs_and_seeds_differ(photos: Tensor) -> None:
    index = everyone(photos)
    first = views_with()(photos, index, epoch=0, view=0)
    for other in (
        views_with()(photos, index, epoch=0, view=1),
        views_with()(photos, index, epoch=1, view=0),
        views_with(seed=1)(photos, index, epoch=0, view=0),
    ):
        assert (other != first).flatten(1).any(1).all()


def test_arms_are_paired(photos: Tensor) -> None:
    """A shuffled view is the intact view of the same seed, shuffled."""
    index = everyone(photos)
    intact = views_with().pixels(photos, index, epoch=1, view=0)
    draws = Draws.of(0, 1, 0, index)
    for name in SHUFFLES.names():
        if name != "pixels-image":
            shuffled = views_with(shuffle=name).pixels(photos, index, epoch=1, view=0)
            assert torch.equal(shuffled, SHUFFLES.load(name).after(intact, draws))


def test_jitter_leaves_the_other_draws_alone(photos: Tensor) -> None:
    index = everyone(photos)
    on = views_with(jitter_probability=0, grayscale="off").pixels(photos, index, epoch=1, view=0)
    assert torch.equal(on, views_with(jitter="off").pixels(photos, index, epoch=1, view=0))


def test_normalisation_is_the_last_step(photos: Tensor) -> None:
    index = everyone(photos)
    views = views_with(shuffle="pixels")
    plain = views.pixels(photos, index, epoch=0, view=0)
    assert plain.min() >= 0
    assert plain.max() <= 1
    expected = functional.normalize(plain, list(MEAN), list(STD))
    assert torch.equal(views(photos, index, epoch=0, view=0), expected)


def test_all_off_is_the_image_itself(photos: Tensor) -> None:
    views = views_with(crop_scale=(1, 1), crop_ratio=(1, 1), flip=0, jitter="off")
    assert torch.equal(views.pixels(photos, everyone(photos), epoch=0, view=0), photos / 255)


def grey_fraction(photos: Tensor, **settings: Any) -> float:
    images = photos.clone()
    images[:, 0], images[:, 2] = 200, 20  # so that no view is grey by itself
    made = [views_with(**settings).pixels(images, everyone(images), epoch=e, view=0) for e in range(8)]
    return float((torch.cat(made)[:, 0] == torch.cat(made)[:, 2]).flatten(1).all(1).float().mean())


def test_greyscale_follows_jitter_unless_set_apart(photos: Tensor) -> None:
    assert grey_fraction(photos, jitter="off") == 0
    assert grey_fraction(photos, jitter="histogram") == 0
    assert grey_fraction(photos, jitter="on", grayscale="off") == 0
    assert 0.14 < grey_fraction(photos, jitter="on") < 0.26
    assert 0.14 < grey_fraction(photos, jitter="off", grayscale="on") < 0.26
    assert grey_fraction(photos, jitter="off", grayscale="on", grayscale_probability=1) == 1


def test_blur_and_solarise_differ_between_the_views(photos: Tensor) -> None:
    plain: dict[str, Any] = {"crop_scale": (1, 1), "crop_ratio": (1, 1), "flip": 0, "jitter": "off"}
    index, images = everyone(photos), photos / 255
    blurred = views_with(**plain, blur=(1, 0), blur_sigma=(1, 1))
    first, second = (blurred.pixels(photos, index, epoch=0, view=v) for v in (0, 1))
    torch.testing.assert_close(first, functional.gaussian_blur(images, [3, 3], [1.0, 1.0]), rtol=0, atol=1e-5)
    assert torch.equal(second, images)
    solarised = views_with(**plain, solarize=(0, 1))
    first, second = (solarised.pixels(photos, index, epoch=0, view=v) for v in (0, 1))
    assert torch.equal(first, images)
    assert torch.equal(second, functional.solarize(images, 0.5))


def test_jitter_histogram_gives_each_view_a_partners_joint_histogram(photos: Tensor) -> None:
    index = torch.tensor([3, 40, 11])
    views = views_with(jitter="histogram").pixels(photos, index, epoch=2, view=1)
    partners = draw_partners(Draws.of(0, 2, 1, index), len(photos))
    for view, partner in zip(views, photos[partners] / 255, strict=True):
        assert sorted(view.flatten(1).T.tolist()) == sorted(partner.flatten(1).T.tolist())


def test_pixels_image_permutes_before_the_crop(photos: Tensor) -> None:
    index = everyone(photos)
    permuted = shuffle.pixels_image.before(photos, index)
    expected = views_with().pixels(permuted, index, epoch=0, view=0)
    assert torch.equal(views_with(shuffle="pixels-image").pixels(photos, index, epoch=0, view=0), expected)
    elsewhere = views_with(shuffle="pixels-image", seed=5).pixels(photos, index, epoch=7, view=1)
    assert torch.equal(elsewhere, views_with(seed=5).pixels(permuted, index, epoch=7, view=1))


@pytest.mark.parametrize("domain", SHUFFLES.names())
def test_probe_images_are_the_unaugmented_images_of_a_domain(photos: Tensor, domain: str) -> None:
    index = everyone(photos) + 100
    images = photos / 255
    probe = probe_images(photos, index, domain=domain, seed=0, mean=MEAN, std=STD)
    if domain == "pixels-image":
        expected = shuffle.pixels_image.before(photos, index) / 255
    else:
        expected = SHUFFLES.load(domain).after(images, Draws.of(0, -1, 0, index))
    assert torch.equal(probe, functional.normalize(expected.clone(), list(MEAN), list(STD)))
    some = torch.tensor([5, 1])
    assert torch.equal(probe_images(photos[some], index[some], domain=domain, seed=0, mean=MEAN, std=STD), probe[some])


def test_views_work_under_inference_mode_and_autocast(photos: Tensor) -> None:
    views = views_with(**EVERYTHING)
    expected = views(photos, everyone(photos), epoch=0, view=0)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        made = views(photos, everyone(photos), epoch=0, view=0)
    assert made.dtype == torch.float32
    assert torch.equal(made, expected)


def test_mistakes_are_told() -> None:
    images, index = torch.zeros(4, 3, 32, 32, dtype=torch.uint8), torch.arange(2)
    for wrong in (images.float(), images[0], images[:, :1], images[:0]):
        with pytest.raises(DataError, match=r"images must be uint8 of shape \(N, 3, H, W\), got torch\.") as caught:
            views_with()(wrong, index, epoch=0, view=0)
        assert "greyscale images are repeated" in caught.value.hint
    for bad in (index.int(), index[:, None], index.to("meta")):
        with pytest.raises(DataError, match=r"index must be int64 of shape \(B,\) on cpu, got torch\."):
            views_with()(images, bad, epoch=0, view=0)
    for epoch, view in ((0, 2), (-1, 0)):
        with pytest.raises(DataError, match=f"no view {view} of epoch {epoch}"):
            views_with()(images, index, epoch=epoch, view=view)
    with pytest.raises(DataError, match="2 indices for 4 images"):
        probe_images(images, index, domain="none", seed=0, mean=MEAN, std=STD)
    with pytest.raises(ConfigError, match="no shuffle arm named `pixel`"):
        views_with(shuffle="pixel")
    with pytest.raises(ConfigError, match="patch-16 needs a side that 16 divides, and the views are 28 x 28"):
        views_with(28, shuffle="patch-16")
