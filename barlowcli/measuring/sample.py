"""A few images of a data set to measure on, and how many the whole has; nothing is downloaded for it."""

from dataclasses import dataclass
from pathlib import Path

from barlowcli.cell.footprint import Counts
from barlowcli.data.imageset import Dataset, Source
from barlowcli.data.load import check_sizes, choose_rows, open_source, read
from barlowcli.data.published_sizes import PUBLISHED, missing_files, stand_in
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.data import DataSettings

SAMPLE, TEST_SAMPLE = 1000, 500
"""Images to train on (validation included) and to test on, or two of each class where there are more classes."""


@dataclass(frozen=True)
class Sizes:
    """Images that a cell uses: to pretrain on, and of each split."""

    pretrain: int
    train: int
    validation: int
    test: int

    @property
    def pairs(self) -> int:
        """Pairs of a training image and one whose neighbours are searched."""
        return self.train * (self.validation + self.test)

    @property
    def probed(self) -> int:
        """Passes of an image through the encoder when features are taken: those of train twice, for BatchNorm."""
        return 2 * self.train + self.validation + self.test


@dataclass(frozen=True)
class Sample:
    """data: a class-balanced part of the set. sizes: of the whole, as the cells' limits have it. note: what a reader
    should know of it, or ""."""

    data: Dataset
    sizes: Sizes
    note: str

    @property
    def counts(self) -> Counts:
        """How many images the whole has, of how many bytes."""
        sizes, image = self.sizes, self.data.train.images[0]
        return Counts(sizes.pretrain, sizes.train, sizes.validation, sizes.test, image.nbytes)

    def trained_on(self, config: CellConfig) -> int:
        """Images that a cell is trained on: with labels alone where it needs them."""
        return self.sizes.train if config.method.needs_labels else self.sizes.pretrain


def open_sample(settings: DataSettings, root: Path, device: str) -> Sample:
    """A sample of the data set of `settings`, on `device`; noise in its place where it would have to be downloaded.

    Raises ConfigError and DataError as `load_dataset` does.
    """
    source, note = _source(settings, root)
    counts = {split: len(rows) for split, (_, rows) in choose_rows(source, settings).items()}
    pretrain = counts["train"] + counts.get("unlabelled", 0)
    sizes = Sizes(pretrain, counts["train"], counts["validation"], counts["test"])
    classes = len(source.classes)
    limits = {
        "limit": _at_most(settings.limit, max(SAMPLE, 2 * classes)),
        "test_limit": _at_most(settings.test_limit, max(TEST_SAMPLE, classes)),
    }
    return Sample(_read(source, settings.model_copy(update=limits)).to(device), sizes, note)


def _source(settings: DataSettings, root: Path) -> tuple[Source, str]:
    if settings.name not in PUBLISHED or not missing_files(settings.name, root):
        return open_source(settings, root), ""
    note = f"{settings.name} is not in {root} yet and a run would download it; measured on noise of its published size"
    return stand_in(settings), note


def _at_most(limit: int | None, count: int) -> int:
    return count if limit is None else min(limit, count)


def _read(source: Source, settings: DataSettings) -> Dataset:
    chosen = choose_rows(source, settings)
    sets = {split: read(*chosen[split])[0] for split in ("train", "validation", "test")}
    check_sizes(sets)
    return Dataset.of(source, settings.name, sets)
