"""What memory a cell takes at once, from its settings and the number of its images alone, before it starts.

Without torch, and at the low side: a cell that will not fit by this count does not.
"""

from dataclasses import dataclass
from itertools import pairwise

from barlowcli.entries import EncoderEntry
from barlowcli.evaluation.memory import FLOAT, probing_bytes
from barlowcli.machine.facts import gib
from barlowcli.machine.needs import Most
from barlowcli.registry import ENCODERS
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.stages import EncoderConfig

SMALLER = "a smaller projector.dim, projector.hidden or training.batch_size, or fewer images (--limit)"
"""What to change where a cell does not fit."""
BESIDES = {"lars": 2, "adamw": 1}
"""Copies of the weights that an optimiser has besides a momentum: LARS the updates and the steps, AdamW the squares."""
DIM_STEP = 64
"""The largest D that fits is told in these steps."""


@dataclass(frozen=True)
class Footprint:
    """Bytes. images: as uint8; training: weights, gradients, the optimiser's state, matrices of the loss and, as far as
    they are known, activations; probing: weights, the features of all images in one domain and the widest probe."""

    images: int
    training: int
    probing: int

    @property
    def total(self) -> int:
        """All of it, when it is most."""
        return self.images + max(self.training, self.probing)


@dataclass(frozen=True)
class Counts:
    """Images that are trained on, those of train, and of validation and test; bytes of one."""

    pretrain: int
    train: int
    validation: int
    test: int
    bytes: int


def footprint(config: CellConfig, counts: Counts, *, activations: int = 0) -> Footprint:
    """What a cell takes on a data set of so many images. activations: bytes that a step saves for backward, where that
    is known."""
    unlabelled = counts.pretrain - counts.train if counts.pretrain > counts.train else 0
    tests = counts.test if config.evaluation.test else 0
    images = (counts.pretrain + (counts.train if unlabelled else 0) + counts.validation + tests) * counts.bytes
    weights = FLOAT * weights_of(config)
    copies = 1 + config.method.averages
    training = 0
    if config.training is not None:
        dim = config.projector.dim if config.projector is not None else 0
        square = FLOAT * config.method.square_matrices(config.training.batch_size, dim) * dim**2
        training = weights * (copies + beside_weights(config.training.optimizer)) + square + activations
    widths = widths_of(config)
    probed = probing_bytes(widths, counts.train, counts.validation, tests) if widths else 0
    return Footprint(images, training, weights * (copies + 1) + probed)


def beside_weights(optimizer: str) -> int:
    """Copies of the weights that a step has beside them: a gradient, a momentum, and what the optimiser adds."""
    return 2 + BESIDES.get(optimizer, 0)


def widths_of(config: CellConfig | EncoderConfig) -> tuple[int, ...]:
    """Dimensions of every space that is probed in a domain, as far as the registry says of the encoder."""
    if config.encoder is None:
        return ()
    entry = ENCODERS.entry(config.encoder.name)
    features = entry.features if isinstance(entry, EncoderEntry) else 0
    own = (features, config.projector.dim) if config.projector is not None else (features,)
    return own * 2 if config.evaluation.target else own


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


def largest_dim(config: CellConfig, counts: Counts, most: int, *, activations: int = 0) -> int | None:
    """The largest D, in steps of 64, with which the cell fits into `most` bytes; None where no smaller one does. Hidden
    layers of the width D go with it: where they are tied, a config has them as a number."""
    projector = config.projector
    if projector is None:
        return None

    def fits(dim: int) -> bool:
        widths = {"dim": dim, "hidden": dim} if projector.hidden == projector.dim else {"dim": dim}
        narrow = config.model_copy(update={"projector": projector.model_copy(update=widths)})
        return footprint(narrow, counts, activations=activations).total <= most

    low, high = 0, projector.dim // DIM_STEP
    while low < high:  # fits(low) or low is 0, and nothing above high does
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle * DIM_STEP) else (low, middle - 1)
    return low * DIM_STEP or None


def misfit(config: CellConfig, counts: Counts, most: Most, *, activations: int = 0) -> str:
    """Why the cell will not fit into the memory that there is, and which D would; "" where it does, as far as that is
    known."""
    found = footprint(config, counts, activations=activations)
    if found.total <= most.bytes:
        return ""
    parts = {"training": found.training, "evaluation": found.probing}
    larger = max(parts, key=parts.__getitem__)
    takes = f"{gib(found.images)} for its images and {gib(parts[larger])} in {larger}"
    dim = largest_dim(config, counts, most.bytes, activations=activations)
    own = f" at D = {config.projector.dim}" if config.projector is not None else ""
    fits = f"; the largest D that fits is {dim}" if dim is not None else "; no smaller D fits either" if own else ""
    return f"it will not fit{own}: it needs {takes}, {most.words}{fits}"
