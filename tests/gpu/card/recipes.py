"""Views whose compiled code is looked at: four recipes that between them use every operation of views, and images."""

import torch
from torch import Tensor

from barlowcli.settings.views import ViewSettings
from barlowcli.views.pipeline import AugmentedViews

SIDE, BATCH, EPOCH, SEED = 16, 4, 2, 7
RECIPES = {
    "none": ViewSettings(blur=(0.5, 0.5), solarize=(0.2, 0.2)),
    "channels": ViewSettings(shuffle="channels", random_bits=4),
    "patch-4": ViewSettings(shuffle="patch-4", interpolation="bicubic"),
    "equalise+pixels": ViewSettings(shuffle="equalise+pixels", jitter="histogram"),
}
STD = (0.25, 0.2, 0.3)


def views_of(recipe: str) -> AugmentedViews:
    """The views of a recipe."""
    return AugmentedViews(RECIPES[recipe], image_size=SIDE, mean=[0.5, 0.4, 0.3], std=list(STD), seed=SEED)


def images_and_index() -> tuple[Tensor, Tensor]:
    """A data set of random images, and which of them make the batch; made by the host, whoever asks."""
    images = torch.randint(0, 256, (30, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return images, torch.randperm(30, generator=torch.Generator().manual_seed(1))[:BATCH]
