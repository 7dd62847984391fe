"""Chance and the controls as lines over a whole panel, to be above or below, with their labels to its right."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.transforms import offset_copy

from barlowcli.analysis.results import Results
from barlowcli.analysis.wording import percent
from barlowcli.plots.controls import PanelControl
from barlowcli.plots.style import FAINT

LABEL_GAP = 0.065
"""Smallest distance of two labels, as a fraction of the panel."""
DASHES = {"chance": (1, 2), "untrained": (3, 2), "trained": (7, 2), "histogram": (6, 1.5, 1, 1.5)}


@dataclass(frozen=True)
class Level:
    """An accuracy to be above or below. kind: of control, or chance."""

    kind: str
    name: str
    value: float

    @property
    def text(self) -> str:
        """Its label."""
        return f"{self.name}  {percent(self.value)}"


def levels_of(results: Results, found: Iterable[PanelControl]) -> list[Level]:
    """Chance on the main label, and the mean accuracy of each control."""
    chance = [record.chance["label"] for record in results.records.values() if "label" in record.chance]
    levels = [Level("chance", "chance", chance[0])] if chance else []
    levels += [Level(control.kind, control.name, control.mean) for control in found]
    return sorted(levels, key=lambda level: level.value)


def top_of(values: Iterable[float]) -> float:
    """Upper end of an accuracy axis that holds `values`: tens of per cent, with room for a number above the highest."""
    return min(1.0, math.ceil(10 * max(values) + 0.8) / 10)


def draw_levels(axes: Axes, levels: Iterable[Level]) -> None:
    """A line across the panel for each."""
    for level in levels:
        axes.axhline(level.value, color=FAINT, lw=1.1, dashes=DASHES[level.kind], zorder=1.5)


def label_levels(axes: Axes, labels: Sequence[tuple[float, str]], top: float) -> None:
    """(height, text) each to the right of a panel from 0 to `top`, apart from one another."""
    places = apart([value for value, _ in labels], LABEL_GAP * top, 0.01 * top, 0.99 * top)
    figure = axes.get_figure(root=True)
    beside = offset_copy(axes.get_yaxis_transform(), fig=figure, x=16, units="points")
    for (value, text), place in zip(labels, places, strict=True):
        axes.annotate(
            text,
            (1, value),
            (1, place),
            xycoords=axes.get_yaxis_transform(),
            textcoords=beside,
            va="center",
            fontsize=9,
            color=FAINT,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": "#B5B5B5", "lw": 0.7, "shrinkA": 1, "shrinkB": 0},
        )


def apart(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions near `values`, in the same order, at least `gap` apart and inside [low, high] where there is room.

    Neighbours that are too near form a block around their mean; blocks that then touch are joined (pool adjacent
    violators).
    """
    order = sorted(range(len(values)), key=lambda index: values[index])
    blocks: list[tuple[float, int]] = []  # (centre, members)
    for index in order:
        centre, members = values[index], 1
        while True:
            half = gap * (members - 1) / 2
            centre = min(max(centre, low + half), high - half)
            if not blocks or centre - half - (blocks[-1][0] + gap * (blocks[-1][1] - 1) / 2) >= gap - 1e-9:
                break
            before, count = blocks.pop()
            centre, members = (before * count + centre * members) / (count + members), members + count
        blocks.append((centre, members))
    places = [c + gap * (k - (m - 1) / 2) for c, m in blocks for k in range(m)]
    positions = [0.0] * len(values)
    for index, place in zip(order, places, strict=True):
        positions[index] = place
    return positions
