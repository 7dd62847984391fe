"""What is done to a cropped view, in which order: an augmentation is one class here and its place in `AUGMENTATIONS`.

Its settings are fields of `ViewSettings`, its random numbers members of `Number`.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from torch import Tensor

from barlowcli.settings.views import ViewSettings
from barlowcli.views.blur import gaussian_blur
from barlowcli.views.colour import DrawnJitter, colour_jitter, draw_jitter, greyscale, solarise
from barlowcli.views.histogram import draw_partners, match
from barlowcli.views.pixels import to_float
from barlowcli.views.random import Draws, Number
from barlowcli.views.subset import where_drawn_


class AugmentedSource(NamedTuple):
    """What views are made of. images: uint8 (N, 3, H, W), the whole data set; draws: of the views (B,) in question."""

    images: Tensor
    draws: Draws


class Augmentation(ABC):
    """Something that is done to views at random: its parameters are drawn for all of a batch and then applied to it,
    or to one part of it after the other."""

    @abstractmethod
    def draw(self, source: AugmentedSource, settings: ViewSettings, view: int) -> Any | None:
        """Parameters, a tensor (B, …) or tuples of such; None where it is switched off for this view, 0 or 1."""

    @abstractmethod
    def apply(self, views: Tensor, drawn: Any, source: AugmentedSource) -> Tensor:
        """Views (B, 3, S, S) in [0, 1] -> the same; `views` may be overwritten."""

    def alike(self, settings: ViewSettings) -> bool:
        """Whether both views of an image go through it in the same way, so that only their draws differ: then one
        compiled function serves both. One that does not say so is compiled for each view."""
        return False

    def words(self, settings: ViewSettings) -> str:
        """What it does, for a reader; "" where it is switched off, or another has said it."""
        return ""


class ColourJitter(Augmentation):
    """Brightness, contrast, saturation and hue, in an order of each view's own."""

    def draw(self, source: AugmentedSource, settings: ViewSettings, view: int) -> DrawnJitter | None:
        """Factors, hue and order of each view."""
        if settings.jitter != "on":
            return None
        return draw_jitter(
            source.draws,
            probability=settings.jitter_probability,
            brightness=settings.brightness,
            contrast=settings.contrast,
            saturation=settings.saturation,
            hue=settings.hue,
        )

    def apply(self, views: Tensor, drawn: DrawnJitter, source: AugmentedSource) -> Tensor:
        """All four of each view."""
        return colour_jitter(views, drawn)

    def alike(self, settings: ViewSettings) -> bool:
        """Both views are made in the same way."""
        return True

    def words(self, settings: ViewSettings) -> str:
        """The four strengths and the probability."""
        if settings.jitter != "on":
            return ""
        strengths = (settings.brightness, settings.contrast, settings.saturation, settings.hue)
        return f"jitter {'/'.join(f'{s:g}' for s in strengths)} p {settings.jitter_probability:g}"


class Greyscale(Augmentation):
    """The luma in place of the colours."""

    def draw(self, source: AugmentedSource, settings: ViewSettings, view: int) -> Tensor | None:
        """Which views."""
        return source.draws.chance(Number.GREYSCALE, settings.grayscale_probability) if settings.turns_grey else None

    def apply(self, views: Tensor, drawn: Tensor, source: AugmentedSource) -> Tensor:
        """Those that were drawn turn grey."""
        return where_drawn_(views, drawn, greyscale)

    def alike(self, settings: ViewSettings) -> bool:
        """Both views are made in the same way."""
        return True

    def words(self, settings: ViewSettings) -> str:
        """The probability."""
        return f"greyscale p {settings.grayscale_probability:g}" if settings.turns_grey else ""


class GaussianBlur(Augmentation):
    """Blur of another width for each view."""

    def draw(self, source: AugmentedSource, settings: ViewSettings, view: int) -> tuple[Tensor, Tensor] | None:
        """Which views, and sigma."""
        if not settings.blur[view]:
            return None
        chosen = source.draws.chance(Number.BLUR, settings.blur[view])
        return chosen, source.draws.uniform(Number.BLUR_SIGMA, *settings.blur_sigma)

    def apply(self, views: Tensor, drawn: tuple[Tensor, Tensor], source: AugmentedSource) -> Tensor:
        """Those that were drawn are blurred."""
        return where_drawn_(views, drawn[0], gaussian_blur, drawn[1])

    def alike(self, settings: ViewSettings) -> bool:
        """Whether both views are blurred as often."""
        return settings.blur[0] == settings.blur[1]

    def words(self, settings: ViewSettings) -> str:
        """The probability in each view."""
        return f"blur p {settings.blur[0]:g} and {settings.blur[1]:g}" if any(settings.blur) else ""


class Solarise(Augmentation):
    """What is light is inverted."""

    def draw(self, source: AugmentedSource, settings: ViewSettings, view: int) -> Tensor | None:
        """Which views."""
        return source.draws.chance(Number.SOLARISE, settings.solarize[view]) if settings.solarize[view] else None

    def apply(self, views: Tensor, drawn: Tensor, source: AugmentedSource) -> Tensor:
        """Those that were drawn are inverted."""
        return where_drawn_(views, drawn, solarise)

    def alike(self, settings: ViewSettings) -> bool:
        """Whether both views are solarised as often."""
        return settings.solarize[0] == settings.solarize[1]

    def words(self, settings: ViewSettings) -> str:
        """The probability in each view."""
        return f"solarise p {settings.solarize[0]:g} and {settings.solarize[1]:g}" if any(settings.solarize) else ""


class HistogramOfAnother(Augmentation):
    """The histogram of another image of the data set; the sheet of views has a title that says so."""

    def draw(self, source: AugmentedSource, settings: ViewSettings, view: int) -> Tensor | None:
        """Of which image."""
        return draw_partners(source.draws, len(source.images)) if settings.jitter == "histogram" else None

    def apply(self, views: Tensor, drawn: Tensor, source: AugmentedSource) -> Tensor:
        """Every view gets that of its partner."""
        return match(views, to_float(source.images.index_select(0, drawn)), source.draws)

    def alike(self, settings: ViewSettings) -> bool:
        """Both views are made in the same way."""
        return True


AUGMENTATIONS: tuple[Augmentation, ...] = (
    ColourJitter(),
    Greyscale(),
    GaussianBlur(),
    Solarise(),
    HistogramOfAnother(),
)
"""In the order in which they are applied, after crop and flip."""
