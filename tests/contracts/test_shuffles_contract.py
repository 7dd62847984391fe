"""What holds for every shuffle arm of the registry."""

import pytest
import torch
from torch import Tensor

from barlowcli.errors import ConfigError
from barlowcli.registry import SHUFFLES
from barlowcli.settings.shuffles import tiles
from barlowcli.views.pipeline import probe_images
from barlowcli.views.random import Draws
from barlowcli.views.shuffle import check_arm, load_arm
from tests.views.conftest import photos as photos

ARMS = SHUFFLES.names()


def draws(count: int) -> Draws:
    return Draws.of(0, 0, 0, torch.arange(count))


def apply(name: str, images: Tensor, chosen: Draws) -> Tensor:
    return load_arm(name, images.shape[-1]).after(images, chosen)


@pytest.fixture
def images(photos: Tensor) -> Tensor:
    return photos / 255


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_keeps_shape_and_type_and_is_a_function_of_its_draws(name: str, images: Tensor) -> None:
    before = images.clone()
    result = apply(name, images, draws(len(images)))
    assert result.shape == images.shape
    assert result.dtype == torch.float32
    assert result.is_contiguous()
    assert torch.equal(images, before)
    assert torch.equal(result, apply(name, images, draws(len(images))))
    some = torch.tensor([30, 4])
    assert torch.equal(result[some], apply(name, images[some], Draws.of(0, 0, 0, some)))


@pytest.mark.parametrize("name", ARMS)
def test_a_view_stays_within_the_range_of_images(name: str, images: Tensor) -> None:
    result = apply(name, images, draws(len(images)))
    assert result.isfinite().all()
    assert result.min() >= 0
    assert result.max() <= 1


@pytest.mark.parametrize("name", ARMS)
def test_what_is_done_before_augmentation_keeps_bytes_and_hangs_on_the_number_of_an_image(
    name: str, photos: Tensor
) -> None:
    before = photos.clone()
    index = torch.arange(100, 100 + len(photos))
    result = load_arm(name).before(photos, index)
    assert (result.shape, result.dtype) == (photos.shape, torch.uint8)
    assert torch.equal(photos, before)
    assert torch.equal(load_arm(name).before(photos, index), result)
    some = torch.tensor([30, 4])
    assert torch.equal(load_arm(name).before(photos[some], index[some]), result[some])


@pytest.mark.parametrize("name", ARMS)
def test_it_is_a_domain_to_probe_in(name: str, photos: Tensor) -> None:
    index = torch.arange(len(photos))

    def probed() -> Tensor:
        return probe_images(photos, index, domain=name, seed=0, mean=(0.5,) * 3, std=(0.2,) * 3)

    result = probed()
    assert (result.shape, result.dtype) == (photos.shape, torch.float32)
    assert result.isfinite().all()
    assert torch.equal(result, probed())


@pytest.mark.parametrize("name", ARMS)
def test_a_side_that_it_does_not_tile_is_refused_before_anything_is_run(name: str) -> None:
    wrong = [side for side in range(8, 40) if not tiles(name, side)]
    for side in wrong:
        with pytest.raises(ConfigError, match=name):
            check_arm(name, side)
    for side in {*range(8, 40)} - {*wrong}:
        view = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))
        assert apply(name, view, draws(2)).shape == view.shape
