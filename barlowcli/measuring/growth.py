"""Measuring in pieces that grow as long as time allows, and drawing out what was measured to the whole."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
GROWTH = 4


def grown(measure: Callable[[int], T], smallest: int, largest: int, *, seconds: float) -> list[tuple[int, T]]:
    """Sizes and `measure` of them, from the smallest on, each four times the last, up to the largest; as long as the
    next, by what the last ones took, should end within `seconds` from now. Two sizes at least, the second twice the
    first where time is short, or what does not depend on the size could not be told from what does."""
    end = time.monotonic() + seconds
    found: list[tuple[int, T]] = []
    took: list[tuple[float, float]] = []
    size = smallest
    while True:
        start = time.monotonic()
        found.append((size, measure(size)))
        now = time.monotonic()
        took.append((size, now - start))
        if size == largest:
            return found
        size = min(largest, GROWTH * size)
        if now + line(took, size) > end:
            if len(found) > 1:
                return found
            size = min(largest, 2 * smallest)


def intercept_and_slope(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The line through the last two points, (size, value), that neither falls nor starts below 0; in proportion to the
    size where there is but one."""
    x, y = points[-1]
    slope = y / x
    if len(points) > 1:
        x_before, y_before = points[-2]
        slope = min(max((y - y_before) / (x - x_before), 0.0), slope)
    return y - slope * x, slope


def line(points: Sequence[tuple[float, float]], size: float) -> float:
    """What the line through the last two points, (size, value), comes to at `size`."""
    intercept, slope = intercept_and_slope(points)
    return intercept + slope * size
