"""Which images, how many, how split."""

from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import Field, field_serializer

from barlowcli.registry import DATASETS
from barlowcli.settings.base import FREE, Count, NameOf, OnlyIf, Probability, Settings

OF_FILES = OnlyIf(lambda data: DATASETS.has_path(data.name))


class DataSettings(Settings):
    """Which images, how many, how split."""

    name: Annotated[str, NameOf(DATASETS)] = "colour-digits"
    """A registry name, `folder:PATH` or `parquet:PATH`."""
    image_size: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Side in pixels that images are brought to (shorter side, then centre crop); None: the source's own."""
    limit: Annotated[Count | None, FREE] = None
    """Keep a class-balanced, seeded part of the training images (validation included)."""
    test_limit: Annotated[Count | None, FREE] = None
    """The same for the test images."""
    validation: Annotated[float, Field(gt=0, lt=1), FREE] = 0.1
    """Fraction of train carved off for validation, class-balanced."""
    test_fraction: Annotated[float, Field(gt=0, lt=1), OF_FILES, FREE] = 0.2
    """Fraction that becomes test where a folder comes without a split."""
    colour_tie: Annotated[Probability, FREE] = 0.0
    """colour-digits only: probability (rho) that the tint is that of the digit instead of a random one."""
    on_bad_image: Annotated[Literal["fail", "skip"], OF_FILES, FREE] = "fail"
    seed: Annotated[int, FREE] = 0
    """Seeds limit, splits and tints: the same images for every seed of the grid."""
    fingerprint: str = ""
    """Digest of the files behind a path; filled in by the plan, so that changed data are another cell."""

    def canonical(self) -> Self:
        """These settings less what this kind of data does not use; the fingerprint is the plan's."""
        return self.settled()

    @field_serializer("name")
    def _without_folders(self, name: str) -> str:
        """A record names the folder or file, not where on a machine it lay."""
        kind, colon, path = name.partition(":")
        return f"{kind}:{PurePath(path).name}" if colon else name
