"""The contact sheet shows every view's own pixels, magnified, under the name of its arm."""

import io

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from torch import Tensor

from barlowcli.errors import ConfigError
from barlowcli.settings.views import ViewSettings
from barlowcli.views.picture import contact_sheet
from barlowcli.views.pipeline import AugmentedViews


def pixels_of(figure: Figure) -> np.ndarray:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    buffer.seek(0)
    return (np.asarray(imread(buffer))[:, :, :3] * 255).round().astype(np.uint8)


def holds(sheet: np.ndarray, block: np.ndarray) -> bool:
    """Whether `block` stands somewhere on the sheet, to the last pixel."""
    windows = np.lib.stride_tricks.sliding_window_view(sheet[:, :, 0], block.shape[:2])
    corners = (windows[:, :, 0, 0] == block[0, 0, 0]) & (windows[:, :, -1, -1] == block[-1, -1, 0])
    height, width = block.shape[:2]
    return any(np.array_equal(sheet[y : y + height, x : x + width], block) for y, x in np.argwhere(corners))


def test_every_view_is_there_to_the_last_pixel(photos: Tensor) -> None:
    images, settings = photos[:2], ViewSettings()
    sheet = pixels_of(contact_sheet(images, settings, ["none", "pixels"], seed=4))
    for jitter in ("on", "off"):
        for arm in ("none", "pixels"):
            chosen = settings.model_copy(update={"jitter": jitter, "shuffle": arm})
            for view in (0, 1):
                views = AugmentedViews(chosen, image_size=32, mean=(0, 0, 0), std=(1, 1, 1), seed=4)
                for made in views.pixels(images, torch.arange(2), epoch=0, view=view):
                    block = (made * 255).round().byte().permute(1, 2, 0).numpy().repeat(2, 0).repeat(2, 1)
                    assert holds(sheet, block)


def test_panels_and_columns_are_named(photos: Tensor) -> None:
    figure = contact_sheet(photos[:1, :, :28, :28], ViewSettings(blur=(1, 0.1)), jitter=("on", "off", "histogram"))
    words = [text.get_text() for text in figure.findobj(Text)]
    for title in ("Colour jitter on", "Colour jitter off", "Histogram of another image"):
        assert words.count(title) == 1
    assert words.count("equalise+pixels") == 3
    assert words.count("patch-4") == 3
    assert "patch-8" not in words  # 8 does not divide 28
    assert sum("blur p 1 and 0.1" in text for text in words) == 3
    assert sum("greyscale p 0.2" in text for text in words) == 1


def test_random_bits_are_told_and_leave_the_picture_as_it_is(photos: Tensor) -> None:
    kinds = [contact_sheet(photos[:2], ViewSettings(random_bits=bits), ["pixels"], jitter=["off"]) for bits in (0, 4)]
    told = [any("random bits 4 (not shown)" in text.get_text() for text in figure.findobj(Text)) for figure in kinds]
    assert told == [False, True]
    without, sheet = (np.asarray(figure.axes[0].images[0].get_array()) for figure in kinds)
    assert sheet.ndim == 3
    assert np.array_equal(sheet, without)


def test_an_arm_that_cannot_be_applied_is_an_error(photos: Tensor) -> None:
    with pytest.raises(ConfigError, match="patch-8 needs a side that 8 divides"):
        contact_sheet(photos[:1, :, :28, :28], ViewSettings(), ["patch-8"])
