"""What a data set turned out to hold when its images were read, as its cells' records keep it. Never torch."""

from collections.abc import Collection, Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0, le=10**15)]
Class = tuple[str, Count]
"""A class by name, and how many images it has."""


class SplitInventory(BaseModel):
    """A split. origin: where its images come from, "val/" or "10 % of train/", "" where that goes without saying;
    smallest, largest: the classes with the fewest and the most images; None where labels mean nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: Count
    origin: str = ""
    smallest: Class | None = None
    largest: Class | None = None


class Copies(BaseModel):
    """Images that are there more than once, equal in every pixel.

    train: those of train and validation that repeat another one of these; test: the same within test; leaked: test
    images that are also among the images trained on or validated by; leaked_names: the first of these, by file, and
    what each is a copy of; train_contradicted, test_contradicted: images of train and validation, and of test, that
    have another label there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    train: Count = 0
    test: Count = 0
    leaked: Count = 0
    leaked_names: tuple[tuple[str, str], ...] = ()
    train_contradicted: Count = 0
    test_contradicted: Count = 0


class Stored(BaseModel):
    """Image files as they were before each was brought to 8 bits and one size.

    smallest, largest: (width, height), by number of pixels; deep: how many have 16 bits; peak: the largest value in
    those, of 65,535; several: how many have more pages or frames than the first, which is read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    smallest: tuple[Count, Count]
    largest: tuple[Count, Count]
    deep: Count = 0
    peak: Count = 0
    several: Count = 0

    @classmethod
    def of(cls, sizes: Iterable[tuple[int, int]], peaks: Collection[int], several: int = 0) -> "Stored | None":
        """Of files of these sizes, (width, height), of the largest value in each that has 16 bits, and of how many have
        several pages; None of none."""
        by_area = sorted(sizes, key=lambda size: (size[0] * size[1], size))
        if not by_area:
            return None
        peak = max(peaks, default=0)
        return cls(smallest=by_area[0], largest=by_area[-1], deep=len(peaks), peak=peak, several=several)

    @classmethod
    def together(cls, several: Iterable["Stored | None"]) -> "Stored | None":
        """All of them as one; None where there are none."""
        known = [one for one in several if one is not None]
        sizes = (size for one in known for size in (one.smallest, one.largest))
        whole = cls.of(sizes, [one.peak for one in known], sum(one.several for one in known))
        return whole and whole.model_copy(update={"deep": sum(one.deep for one in known)})


class Inventory(BaseModel):
    """What was read of a data set, in numbers.

    side: of the images, in pixels; splits: what each has; distinct: different images in train and validation;
    alike, alike_names: classes of which every image there is the same, and the first of them; flat: images of a single
    colour, give or take; brightest: the largest value of any pixel, of 255; grey: whether no image has a colour;
    skipped: bad images left out; left_out: what is there and was not read, reason -> how many; notes: what else is to
    be said of how it was read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    classes: Count
    side: Count
    splits: dict[str, SplitInventory]
    stored: Stored | None = None
    distinct: Count
    copies: Copies = Copies()
    alike: Count = 0
    alike_names: tuple[str, ...] = ()
    flat: Count = 0
    brightest: Count = 255
    grey: bool = False
    skipped: Count = 0
    left_out: dict[str, Count] = {}
    notes: tuple[str, ...] = ()

    @property
    def images(self) -> int:
        """How many images there are in all splits."""
        return sum(split.images for split in self.splits.values())
