"""What is done to an image to make a view of it."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from barlowcli.registry import SHUFFLES
from barlowcli.settings.base import FREE, NameOf, NonNegative, OnlyIf, Positive, Probability, Settings

Jitter = Literal["on", "off", "histogram"]
HALF_CIRCLE = 0.5
"""Hue shifts are fractions of the circle of hues, either way: beyond this they repeat themselves."""
JITTERED = OnlyIf(lambda views: views.jitter == "on")


class ViewSettings(Settings):
    """What is done to an image to make a view of it. Defaults: SimCLR's, without blur and solarise."""

    crop_scale: Annotated[tuple[Probability, Probability], FREE] = (0.2, 1.0)
    """Range of the crop's area as a fraction of the image; (1, 1) with crop_ratio (1, 1) is no crop."""
    crop_ratio: Annotated[tuple[Positive, Positive], FREE] = (3 / 4, 4 / 3)
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    flip: Annotated[Probability, FREE] = 0.5
    jitter: Jitter = "on"
    """off switches greyscale off too unless it is set apart; histogram: take a random other image's histogram."""
    jitter_probability: Annotated[Probability, JITTERED] = 0.8
    brightness: Annotated[NonNegative, JITTERED, FREE] = 0.4
    contrast: Annotated[NonNegative, JITTERED, FREE] = 0.4
    saturation: Annotated[NonNegative, JITTERED, FREE] = 0.4
    hue: Annotated[float, Field(ge=0, le=0.5), JITTERED, FREE] = 0.1
    jitter_strength: Annotated[NonNegative, FREE] = 1.0
    """Multiplies brightness, contrast, saturation and hue (SimCLR's s); the canonical form has it worked into them."""
    grayscale: Literal["auto", "on", "off"] = "auto"
    """auto: on exactly where jitter is on."""
    grayscale_probability: Annotated[Probability, OnlyIf(lambda views: views.turns_grey)] = 0.2
    blur: tuple[Probability, Probability] = (0.0, 0.0)
    """Probability of Gaussian blur in the first and in the second view (BYOL: 1, .1)."""
    blur_sigma: Annotated[tuple[Positive, Positive], OnlyIf(lambda views: any(views.blur)), FREE] = (0.1, 2.0)
    """Range of the kernel's standard deviation in pixels."""
    solarize: tuple[Probability, Probability] = (0.0, 0.0)
    """Probability of solarising in the first and in the second view (BYOL: 0, .2)."""
    shuffle: Annotated[str, NameOf(SHUFFLES)] = "none"
    """A shuffle arm of the registry."""
    random_bits: Annotated[int, Field(ge=0, le=32)] = 0
    """Channels added to both views of an image, each a constant -1 or +1 drawn from the image's number (RandBit)."""

    @property
    def turns_grey(self) -> bool:
        """Whether views turn grey with `grayscale_probability`."""
        return self.jitter == "on" if self.grayscale == "auto" else self.grayscale == "on"

    def canonical(self) -> Self:
        """These settings with `auto` resolved and the strength of jitter worked into its parts."""
        parts = ("brightness", "contrast", "saturation", "hue")
        worked_in = {name: getattr(self, name) * self.jitter_strength for name in parts} | {"jitter_strength": 1.0}
        grayscale = "on" if self.turns_grey else "off"
        return self.model_copy(update={"grayscale": grayscale, **worked_in}).settled()

    @field_validator("crop_scale", "crop_ratio", "blur_sigma")
    @classmethod
    def _ascends(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise ValueError(f"a range must ascend, got {value[0]:g} to {value[1]:g}")
        return value

    @model_validator(mode="after")
    def _hue_stays_on_its_circle(self) -> "ViewSettings":
        if self.jitter == "on" and self.hue * self.jitter_strength > HALF_CIRCLE:
            raise ValueError(
                f"hue x jitter_strength is {self.hue * self.jitter_strength:g}, more than half the circle of hues "
                f"({HALF_CIRCLE:g}); a smaller hue leaves room for the strength"
            )
        return self
