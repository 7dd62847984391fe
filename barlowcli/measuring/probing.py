"""Time that probing one cell takes, measured on parts of its data."""

import time
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from barlowcli.cell.evaluate import domain_batches
from barlowcli.cell.stages import Histogram, Learned, Network, Stage, Untrained, stage_of
from barlowcli.data.imageset import Dataset, ImageSet
from barlowcli.evaluation.batchnorm import extract_features
from barlowcli.evaluation.knn import nearest
from barlowcli.evaluation.spectrum import WIDEST as DECOMPOSED
from barlowcli.measuring.growth import grown, intercept_and_slope
from barlowcli.measuring.sample import Sizes
from barlowcli.settings.cell import CellConfig
from barlowcli.training.meter import synchronise

SMALLEST = 16
"""Training images of the first part."""
WIDEST, WIDEST_ON_CUDA = 1024, 2048
"""Dimensions of the embeddings, at most: to find the principal axes takes the third power of them."""
BY_SOLVING = 1 / 10
"""Of the work of principal axes: that of what is done in their place above the widest that are decomposed."""
ROWS, QUERIES = 4096, 256
"""Rows to find neighbours among, and rows to find them for, when the search is timed."""


@dataclass(frozen=True)
class Probing:
    """Seconds to probe a cell on its whole data. measured: the most training images it was measured on, 0 where only a
    similar cell was."""

    seconds: float
    measured: int


def measure_probing(config: CellConfig, data: Dataset, sizes: Sizes, device: str, *, seconds: float) -> Probing:
    """Probing a cell of which `data`, on `device`, is a part and `sizes` the whole.

    Parts of `data` grow as long as the next should end within `seconds`. Beyond them the search for neighbours grows
    with the product of training and other images, all else along a line with their number; and beyond the widest
    embeddings that are measured, what does not depend on the images with the third power of the dimensions (a tenth of
    that where they are too many for principal axes), all else in proportion to them. Raises what building the cell
    raises.
    """
    if not config.evaluation.test:
        data, sizes = data.without_test(), replace(sizes, test=0)
    solved = config.projector is not None and config.projector.dim > DECOMPOSED
    config, wider = _narrowed(config, WIDEST_ON_CUDA if device == "cuda" else WIDEST)
    stage = stage_of(config)
    learned = stage.start(data, device)

    def timed(count: int) -> tuple[Sizes, float]:
        part = cut(data, count)
        start = time.monotonic()
        stage.evaluate(learned, part)
        synchronise(part.train.images.device)
        size = Sizes(len(part.train), len(part.train), len(part.validation), len(part.test or ()))
        return size, time.monotonic() - start

    count = len(data.train)
    found = [taken for _, taken in grown(timed, min(SMALLEST, count), count, seconds=seconds)]
    largest = found[-1][0]
    pair = _seconds_of_a_pair(stage, learned, data) if sizes.probed > largest.probed else 0.0
    rest = [(size.probed, max(0.0, taken - pair * size.pairs)) for size, taken in found]
    fixed, slope = intercept_and_slope(rest)
    growing = slope * sizes.probed + pair * sizes.pairs
    cubed = wider**3 * (BY_SOLVING if solved else 1)
    return Probing(cubed * fixed + wider * growing, largest.train)


def _narrowed(config: CellConfig, widest: int) -> tuple[CellConfig, float]:
    """The cell with a projector of at most `widest` dimensions, and how many times those the cell's own are."""
    projector = config.projector
    if projector is None or projector.dim <= widest:
        return config, 1.0
    hidden = projector.hidden if projector.hidden == "tied" else min(projector.hidden, widest)
    narrow = projector.model_copy(update={"dim": widest, "hidden": hidden})
    return config.model_copy(update={"projector": narrow}), projector.dim / widest


def cut(data: Dataset, count: int) -> Dataset:
    """A part of `data` with `count` training images at random, and as large a share, at least two, of the others."""

    def some(images: ImageSet) -> ImageSet:
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
        kept = max(2, round(len(images) * count / len(data.train)))
        return images.take(order[:kept].to(images.images.device))

    parts: dict[str, Any] = {name: some(part) for name, part in data.splits.items()}
    return replace(data, **parts)


def _seconds_of_a_pair(stage: Stage[Any], learned: Learned, data: Dataset) -> float:
    """Time of all searches for neighbours that a cell does, a pair of a training and another image."""
    k, widths = _searches(stage, learned, data)
    device = data.train.images.device
    seconds = {width: _seconds_of_search(width, k, device) for width in set(widths)}
    return sum(seconds[width] for width in widths) / (ROWS * QUERIES)


def _searches(stage: Stage[Any], learned: Learned, data: Dataset) -> tuple[int, list[int]]:
    """How many neighbours a cell searches at most, and the dimensions of what it searches in, a search each."""
    if isinstance(stage, Histogram):
        return stage.method.knn_k, [stage.method.joint_bins**3, 3 * stage.method.marginal_bins]
    if not isinstance(stage, Untrained) or not isinstance(learned, Network):
        return 1, []
    config, method = stage.config, learned.method
    evaluation = config.evaluation
    batch = next(domain_batches(config, cut(data, 2), "validation", evaluation.domains[0]))
    widths = [features.shape[1] for features in extract_features(method.encoder, method.projector, [batch])]
    networks = 2 if evaluation.target else 1
    return max(evaluation.knn_k), widths * networks * len(evaluation.domains)


def _seconds_of_search(width: int, k: int, device: torch.device) -> float:
    rows, queries = (_noise(count, width, device) for count in (ROWS, QUERIES))
    nearest(rows[:k], queries, k=k)  # a first one, for what is set up once
    synchronise(device)
    start = time.monotonic()
    nearest(rows, queries, k=k)
    synchronise(device)
    return time.monotonic() - start


def _noise(count: int, width: int, device: torch.device) -> Tensor:
    return torch.rand(count, width, generator=torch.Generator().manual_seed(0)).to(device)
