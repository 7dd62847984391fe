"""Views with the settings that a test names and all others at their defaults."""

from typing import Any

from barlowcli.settings.views import ViewSettings
from barlowcli.views.pipeline import AugmentedViews

MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)


def views_with(size: int = 32, seed: int = 0, **settings: Any) -> AugmentedViews:
    """Views of `size` pixels a side."""
    return AugmentedViews(ViewSettings(**settings), image_size=size, mean=MEAN, std=STD, seed=seed)
