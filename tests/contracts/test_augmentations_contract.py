"""What holds for every augmentation: one that is added says in `ON` how it is switched on for certain."""

import pytest
import torch
from torch import Tensor

from barlowcli.settings.views import ViewSettings
from barlowcli.views.augmentations import (
    AUGMENTATIONS,
    AugmentedSource,
    ColourJitter,
    GaussianBlur,
    Greyscale,
    HistogramOfAnother,
    Solarise,
)
from barlowcli.views.random import Draws
from tests.views.conftest import photos as photos

OFF = ViewSettings(jitter="off")
ON: dict[type, ViewSettings] = {
    ColourJitter: ViewSettings(jitter_probability=1, grayscale="off"),
    Greyscale: ViewSettings(jitter="off", grayscale="on", grayscale_probability=1),
    GaussianBlur: ViewSettings(jitter="off", blur=(1, 1)),
    Solarise: ViewSettings(jitter="off", solarize=(1, 1)),
    HistogramOfAnother: ViewSettings(jitter="histogram"),
}
ROUNDING = 1e-6
"""A kernel whose weights come to 1 but for rounding may take a white pixel a little beyond it."""
SOME = torch.tensor([30, 4])


@pytest.fixture(params=AUGMENTATIONS, ids=lambda one: type(one).__name__)
def name(request: pytest.FixtureRequest) -> type:
    return type(request.param)


def made(augmentation: type, images: Tensor, index: Tensor, *, view: int = 0, drawn_for: int = 0) -> Tensor:
    """What comes of the images at `index`; view: whose settings hold; drawn_for: whose random numbers."""
    source = AugmentedSource(images, Draws.of(0, 0, drawn_for, index))
    (one,) = [one for one in AUGMENTATIONS if type(one) is augmentation]
    drawn = one.draw(source, ON[augmentation], view)
    assert drawn is not None
    result = one.apply(images[index] / 255, drawn, source)
    assert isinstance(result, Tensor)
    return result


def test_it_changes_views_and_keeps_their_shape_type_and_range(name: type, photos: Tensor) -> None:
    index = torch.arange(len(photos))
    before = photos.clone()
    for view in (0, 1):
        result = made(name, photos, index, view=view)
        assert (result.shape, result.dtype) == (photos.shape, torch.float32)
        assert result.isfinite().all()
        assert result.min() >= -ROUNDING
        assert result.max() <= 1 + ROUNDING
        assert not torch.equal(result, photos / 255)
    assert torch.equal(photos, before)


def test_a_view_is_a_function_of_its_draws_whatever_the_batch(name: type, photos: Tensor) -> None:
    whole = made(name, photos, torch.arange(len(photos)))
    torch.manual_seed(5)
    assert torch.equal(made(name, photos, torch.arange(len(photos))), whole)
    assert torch.equal(made(name, photos, SOME), whole[SOME])


def test_where_both_views_are_said_to_be_alike_only_their_draws_differ(name: type, photos: Tensor) -> None:
    (one,) = [one for one in AUGMENTATIONS if type(one) is name]
    assert one.alike(ON[name])
    first, second = (made(name, photos, SOME, view=view) for view in (0, 1))
    assert torch.equal(first, second)


def test_switched_off_it_draws_nothing_and_says_nothing(name: type, photos: Tensor) -> None:
    (one,) = [one for one in AUGMENTATIONS if type(one) is name]
    source = AugmentedSource(photos, Draws.of(0, 0, 0, SOME))
    for view in (0, 1):
        assert one.draw(source, OFF, view) is None
    assert one.words(OFF) == ""


def test_with_the_settings_of_another_it_stays_switched_off(photos: Tensor) -> None:
    source = AugmentedSource(photos, Draws.of(0, 0, 0, SOME))
    for one in AUGMENTATIONS:
        assert [other for other in ON if one.draw(source, ON[other], 0) is not None] == [type(one)]
