"""The room that cells need on the disk, counted from their settings alone; without torch."""

from collections.abc import Sequence
from dataclasses import dataclass

from barlowcli.cell.footprint import weights_of
from barlowcli.evaluation.memory import FLOAT
from barlowcli.plan.plan import PlannedCell

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
