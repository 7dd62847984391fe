"""Which images, how many, how split."""

from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import Field, field_serializer

from barlowcli.settings.base import Count, Probability, Settings


class DataSettings(Settings):
    """Which images, how many, how split."""

    name: str = "colour-digits"
    """A registry name, `folder:PATH` or `parquet:PATH`."""
    image_size: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Side in pixels that images are brought to (shorter side, then centre crop); None: the source's own."""
    limit: Count | None = None
    """Keep a class-balanced, seeded part of the training images (validation included)."""
    test_limit: Count | None = None
    """The same for the test images."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Fraction of train carved off for validation, class-balanced."""
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Fraction that becomes test where a folder comes without a split."""
    colour_tie: Probability = 0.0
    """colour-digits only: probability (rho) that the tint is that of the digit instead of a random one."""
    on_bad_image: Literal["fail", "skip"] = "fail"
    seed: int = 0
    """Seeds limit, splits and tints: the same images for every seed of the grid."""
    fingerprint: str = ""
    """Digest of the files behind a path; filled in by the plan, so that changed data are another cell."""

    @field_serializer("name")
    def _without_folders(self, name: str) -> str:
        """A record names the folder or file, not where on a machine it lay."""
        kind, colon, path = name.partition(":")
        return f"{kind}:{PurePath(path).name}" if colon else name
