"""The panels of a curve: how wide and where, the axis of values, and room for several lines at one value."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from barlowcli.analysis.results import Arm
from barlowcli.experiment.model import Curve
from barlowcli.plots.points import Places
from barlowcli.records.metrics import INTACT, OWN

HEIGHT_INCHES, LEAST_INCHES, TICK_INCHES, LINE_INCHES = 4.4, 4.0, 0.35, 0.045
"""Height of a panel; its least width; width a value, and more for each line that stands there."""
GAP_INCHES, BELOW_INCHES = 3.3, 1.1
"""Between two panels: beside one another, with the labels of the controls; below one another."""
MOST_INCHES = 15.0
"""Panels that together are wider than this stand below one another."""
DODGE_INCHES, MOST_DODGE = 0.14, 0.6
"""Between two lines at one value; between the outermost, as a share of the smallest step along the axis."""


def domains_of(arms: Iterable[Arm]) -> list[tuple[str, str]]:
    """Domain and title of each panel: the arms' own, where some are shuffled, and intact images."""
    own = [(OWN, "Probed on images shuffled as in training")] if any(arm.shuffled for arm in arms) else []
    return [*own, (INTACT, "Probed on intact images")]


def panels_for(scales: Sequence[Places], lines: int) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each, wide enough for that many lines at each of its values; side by side where there
    is room."""
    widths = [max(LEAST_INCHES, (TICK_INCHES + LINE_INCHES * lines) * (len(at) + 1)) for at in scales]
    count, total = len(widths), sum(widths)
    edges: dict[str, Any] = {"left": 0, "right": 1, "bottom": 0, "top": 1}
    if total + GAP_INCHES * (count - 1) <= MOST_INCHES:
        figure = Figure(figsize=(total + GAP_INCHES * (count - 1), HEIGHT_INCHES))
        edges |= {"wspace": GAP_INCHES / (total / count), "width_ratios": widths}
        return figure, list(figure.subplots(1, count, squeeze=False, gridspec_kw=edges).flat)
    figure = Figure(figsize=(max(widths), HEIGHT_INCHES * count + BELOW_INCHES * (count - 1)))
    edges |= {"hspace": BELOW_INCHES / HEIGHT_INCHES}
    return figure, list(figure.subplots(count, 1, squeeze=False, gridspec_kw=edges).flat)


def value_axis(axes: Axes, curve: Curve, at: Places) -> None:
    """Every value a tick; values at one place share it."""
    texts: dict[float, str] = {}
    for value, x in at.items():
        texts[x] = f"{texts[x]}\n{value}" if x in texts else value
    axes.set_xticks(list(texts), list(texts.values()))
    low, high = min(texts), max(texts)
    room = 0.5 * _step(at)
    axes.set_xlim(low - room, high + room)
    axes.set_xlabel(curve.label)
    axes.grid(visible=False, axis="x")


def _step(at: Places) -> float:
    """The smallest distance between two values."""
    xs = sorted(set(at.values()))
    return min((later - earlier for earlier, later in itertools.pairwise(xs)), default=1.0)


def shifts(axes: Axes, count: int, at: Places) -> tuple[float, list[float]]:
    """How far apart `count` lines stand at a value, so that whiskers do not hide one another, and each one's shift."""
    low, high = axes.get_xlim()
    inch = (high - low) / (axes.bbox.width / axes.figure.dpi)
    apart = min(DODGE_INCHES * inch, MOST_DODGE * _step(at) / max(1, count - 1))
    return apart, [apart * (index - (count - 1) / 2) for index in range(count)]
