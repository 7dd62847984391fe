"""Seeded numbers for splits and tints: a pure function of (seed, stream, row), the same with every library version.

NumPy promises a stable stream for its bit generators, not for what is built on them (NEP 19); hence the raw numbers.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Stream(IntEnum):
    """What a number is drawn for; each stream is independent of the others."""

    LIMIT = 1
    TEST_LIMIT = 2
    UNLABELLED = 3
    VALIDATION = 4
    VALIDATION_LIMIT = 5
    TEST = 6
    TIE = 7
    COLOUR = 8
    TINT = 9


def raw(seed: int, stream: Stream, count: int) -> NDArray[np.uint64]:
    """The first `count` numbers of a stream, (count,) uint64 (Philox 4x64-10, Salmon et al. 2011)."""
    return np.random.Philox(key=(int(stream) << 64) | seed % 2**64).random_raw(count)


def uniform(seed: int, stream: Stream, count: int) -> NDArray[np.float64]:
    """Uniform in [0, 1), (count,), with 53 random bits each."""
    values: NDArray[np.float64] = (raw(seed, stream, count) >> np.uint64(11)) * np.float64(2**-53)
    return values
