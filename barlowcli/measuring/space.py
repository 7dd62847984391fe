"""The room that cells need on the disk, counted from their settings alone; without torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from barlowcli.entries import EncoderEntry
from barlowcli.plan.plan import PlannedCell
from barlowcli.registry import ENCODERS
from barlowcli.settings.cell import CellConfig

FLOAT = 4
"""Bytes of a weight."""
WORDS = 20_000
"""Bytes of a cell's config, record, log and notes, at the least."""
REPORT = 2**20
"""Bytes of a report's tables, plots and page: the committed ones have 0.7 to 1.5 million."""
FILES, REPORT_FILES = 9, 30
"""Of a cell and its folder, and of a report."""


@dataclass(frozen=True)
class Space:
    """kept: bytes that stay, at the least; passing: bytes of checkpoints, there while cells train; files: how many."""

    kept: int
    passing: int
    files: int


def space_of(cells: Sequence[PlannedCell], at_once: int) -> Space:
    """The room for `cells`, `at_once` of them at a time, and for their report.

    A checkpoint has the weights and their momentum, and is there twice while a new one takes the old one's place.
    """
    weights = [weights_of(cell.config) for cell in cells]
    trained = sorted(count for cell, count in zip(cells, weights, strict=True) if cell.config.training)[-at_once:]
    return Space(
        kept=REPORT + WORDS * len(cells) + FLOAT * sum(weights),
        passing=4 * FLOAT * sum(trained),
        files=REPORT_FILES + FILES * len(cells),
    )


def weights_of(config: CellConfig) -> int:
    """Weights of a cell's encoder and projector, as far as the registry says of the encoder."""
    if config.encoder is None:
        return 0
    entry = ENCODERS.entry(config.encoder.name)
    features, weights = (entry.features, entry.weights) if isinstance(entry, EncoderEntry) else (0, 0)
    if config.projector is None:
        return weights
    hidden = config.projector.dim if config.projector.hidden == "tied" else config.projector.hidden
    widths = [features, *[hidden] * (config.projector.layers - 1), config.projector.dim]
    return weights + sum(inputs * outputs for inputs, outputs in pairwise(widths))
