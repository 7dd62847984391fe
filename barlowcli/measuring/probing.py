"""Time that probing one cell takes, measured on parts of its data."""

import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from barlowcli.cell.build import build_method
from barlowcli.cell.evaluate import class_counts, domain_batches, evaluate, labels_of, parts_of
from barlowcli.data.imageset import Dataset, ImageSet
from barlowcli.evaluation.batchnorm import extract_features
from barlowcli.evaluation.knn import nearest
from barlowcli.evaluation.probes import probe_histograms
from barlowcli.measuring.growth import grown, intercept_and_slope
from barlowcli.measuring.sample import Sizes
from barlowcli.methods.base import Method
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.methods import HistogramSettings
from barlowcli.training.meter import synchronise

SMALLEST = 16
"""Training images of the first part."""
WIDEST, WIDEST_ON_CUDA = 1024, 2048
"""Dimensions of the embeddings, at most: to find the principal axes takes the third power of them, hours at 16,384."""
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
    with the product of training and test images, all else along a line with their number; and beyond the widest
    embeddings that are measured, what does not depend on the images with the third power of the dimensions, all else
    in proportion to them. Raises what building the cell raises.
    """
    config, wider = _narrowed(config, WIDEST_ON_CUDA if device == "cuda" else WIDEST)
    method = None
    if not isinstance(config.method, HistogramSettings):
        method = build_method(config, data).to(device).to(memory_format=torch.channels_last)

    def timed(count: int) -> tuple[Sizes, float]:
        part = cut(data, count)
        start = time.monotonic()
        _probe(method, config, part)
        synchronise(part.train.images.device)
        size = Sizes(len(part.train), len(part.train), len(part.validation), len(part.test))
        return size, time.monotonic() - start

    count = len(data.train)
    found = [taken for _, taken in grown(timed, min(SMALLEST, count), count, seconds=seconds)]
    largest = found[-1][0]
    pair = _seconds_of_a_pair(method, config, data) if sizes.probed > largest.probed else 0.0
    rest = [(size.probed, max(0.0, taken - pair * size.train * size.test)) for size, taken in found]
    fixed, slope = intercept_and_slope(rest)
    growing = slope * sizes.probed + pair * sizes.train * sizes.test
    return Probing(wider**3 * fixed + wider * growing, largest.train)


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

    return replace(data, train=some(data.train), validation=some(data.validation), test=some(data.test))


def _probe(method: Method | None, config: CellConfig, data: Dataset) -> None:
    """What a cell does after training; no method: the control of raw histograms."""
    if method is not None:
        evaluate(method, config, data)
        return
    assert isinstance(config.method, HistogramSettings)
    splits = {name: (part.images, labels_of(part)) for name, part in parts_of(data).items()}
    probe_histograms(splits, config.method, config.evaluation, classes=class_counts(data), seed=config.seed)


def _seconds_of_a_pair(method: Method | None, config: CellConfig, data: Dataset) -> float:
    """Time of all searches for neighbours that a cell does, a pair of a training and a test image."""
    evaluation = config.evaluation
    if isinstance(config.method, HistogramSettings):
        k, widths = config.method.knn_k, [config.method.joint_bins**3, 3 * config.method.marginal_bins]
    else:
        assert method is not None
        batch = next(domain_batches(config, cut(data, 2), "test", evaluation.domains[0]))
        spaces = extract_features(method.encoder, method.projector, [batch])
        networks = 2 if evaluation.target else 1
        k = max(evaluation.knn_k)
        widths = [features.shape[1] for features in spaces if features is not None] * networks
        widths *= len(evaluation.domains)
    device = data.train.images.device
    seconds = {width: _seconds_of_search(width, k, device) for width in set(widths)}
    return sum(seconds[width] for width in widths) / (ROWS * QUERIES)


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
