"""What memory the probes of an encoder take at once, counted without torch from the sizes of what they are given."""

from collections.abc import Sequence

from barlowcli.settings.evaluation import WIDEST_AXES

FLOAT, DOUBLE = 4, 8
ROWS = 2**26
"""Numbers that the ridge standardises at a time, of features that are too wide to be copied whole (512 MiB)."""


def probing_bytes(widths: Sequence[int], train: int, validation: int, test: int) -> int:
    """Bytes of the features of all images in one domain, in all spaces of these widths, and of the hungriest probe."""
    features = FLOAT * sum(widths) * (train + validation + test)
    judged = test or validation
    return features + max((_probe(width, train, judged, ridge=test > 0) for width in widths), default=0)


def _probe(width: int, train: int, judged: int, *, ridge: bool) -> int:
    """Of the linear probe, the ridge and RankMe of one space, the most; the neighbours take less."""
    rows, square = train * width, width**2
    if width <= WIDEST_AXES:
        linear = 3 * FLOAT * rows + 3 * DOUBLE * square  # standardised, turned, with a column for the bias
        solved = 2 * DOUBLE * rows + 3 * DOUBLE * square  # the Gram matrix, its vectors, and what finds them
    else:
        side = min(train, width)
        linear = 2 * FLOAT * rows
        solved = 3 * DOUBLE * side**2 + 2 * DOUBLE * (rows if train < width else min(rows, ROWS))
    side = min(judged, width)
    rank = DOUBLE * judged * width + (2 * DOUBLE * side**2 if side <= WIDEST_AXES else 0)
    return max(linear, solved if ridge else 0, rank)
