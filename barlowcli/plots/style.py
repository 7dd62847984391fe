"""How the plots look: colours by arm, marks by method, and figures as bytes that depend on nothing but the numbers."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from barlowcli.arms import Arm, group
from barlowcli.plan import Plan
from barlowcli.wording import arm_name

HUES = (
    ("#0072B2", "#56B4E9"),
    ("#D55E00", "#E69F00"),
    ("#009E73", "#66C7AB"),
    ("#8A3F73", "#CC79A7"),
    ("#333333", "#8C8C8C"),
)
"""Okabe and Ito's colours (2008, safe for the colour-blind) in pairs of one hue, dark and light."""
MARKERS = ("o", "s", "^", "D", "v", "P")
LINES = ("-", "--", ":", "-.")
INK, FAINT, GRID = "#222222", "#6B6B6B", "#E4E4E4"
STYLE: dict[Any, dict[str, Any]] = {
    "font": {"family": "DejaVu Sans", "size": 10.5},
    "text": {"color": INK},
    "axes": {
        "titlesize": 11.5,
        "titleweight": "bold",
        "titlelocation": "left",
        "edgecolor": "#9A9A9A",
        "labelcolor": INK,
        "grid": True,
        "axisbelow": True,
    },
    "axes.spines": {"top": False, "right": False},
    "grid": {"color": GRID, "linewidth": 0.8},
    "xtick": {"color": INK},
    "ytick": {"color": INK},
    "legend": {"frameon": False},
    "svg": {"hashsalt": "barlow", "fonttype": "path"},
}
"""Over matplotlib's own defaults, so that a user's matplotlibrc changes no byte."""
DPI = 160
PADDING = 0.15
"""Inches around a figure."""


@dataclass(frozen=True)
class Plot:
    """A finished plot. name: of its files; alt: what it shows, for one who cannot see it."""

    name: str
    alt: str
    svg: bytes
    png: bytes


@contextmanager
def styled() -> Iterator[None]:
    """The look of all plots, for figures made and saved inside."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        for group_name, values in STYLE.items():
            matplotlib.rc(group_name, **values)
        yield


def finish(figure: Figure, name: str, alt: str) -> Plot:
    """The figure as SVG and PNG, without date and program, so that the same numbers give the same bytes."""
    svg, png = io.BytesIO(), io.BytesIO()
    figure.draw_without_rendering()
    box = figure.get_tightbbox().padded(PADDING)  # once for both files: bbox_inches="tight" would draw each twice
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches=box)
    figure.savefig(png, format="png", metadata={"Software": None}, dpi=DPI, bbox_inches=box)
    return Plot(name, alt, svg.getvalue(), png.getvalue())


@dataclass(frozen=True)
class Scheme:
    """Which axis makes groups (methods, where there are several) and which make the arms of a group.

    arms: the grid's, group by group. Colours: one hue a value of the first axis inside a group, dark and light by
    the rest.
    """

    lead: str
    inner: tuple[str, ...]
    choices: Mapping[str, Sequence[str]]
    arms: tuple[Arm, ...]

    def group_of(self, arm: Arm) -> str:
        """The value of the leading axis, "" where nothing leads."""
        return arm.axes.get(self.lead, "-") if self.lead else ""

    @property
    def groups(self) -> list[str]:
        """Groups in order."""
        return list(dict.fromkeys(self.group_of(arm) for arm in self.arms))

    def key(self, arm: Arm) -> tuple[str, ...]:
        """What tells the arms of a group apart."""
        return tuple(arm.axes.get(name, "-") for name in self.inner)

    def name(self, arm: Arm) -> str:
        """The arm in words, without its group."""
        return arm_name(arm.axes, self.inner)

    def _place(self, arm: Arm) -> tuple[int, int]:
        """Index of the hue, and of the shade within it."""
        hues = list(self.choices[self.inner[0]]) if self.inner else []
        keys = sorted({self.key(other)[1:] for other in self.arms}, key=self._order)
        first, *rest = self.key(arm) or ("",)
        shade = keys.index(tuple(rest)) if tuple(rest) in keys else 0
        return (hues.index(first) if first in hues else 0), shade

    def _order(self, rest: Sequence[str]) -> tuple[int, ...]:
        chosen = [list(self.choices[name]) for name in self.inner[1:]]
        return tuple(values.index(v) if v in values else -1 for values, v in zip(chosen, rest, strict=True))

    def colour(self, arm: Arm) -> str:
        """Of an arm, the same in every group and plot."""
        hue, shade = self._place(arm)
        return HUES[hue % len(HUES)][shade % 2]

    def line(self, arm: Arm) -> str:
        """Line style: another one where two shades are not enough."""
        hue, shade = self._place(arm)
        return LINES[(shade // 2 + hue // len(HUES)) % len(LINES)]

    def marker(self, arm: Arm) -> str:
        """By group."""
        groups = self.groups
        return MARKERS[groups.index(self.group_of(arm)) % len(MARKERS)] if self.group_of(arm) in groups else "X"


def scheme(plan: Plan) -> Scheme:
    """Methods lead where there are several, else no axis does."""
    choices = {name: values for name, values in plan.axes.items() if len(values) > 1}
    lead = "method" if "method" in choices else ""
    arms = [arm for arm in group(plan.cells) if not arm.control]
    if lead:
        arms.sort(key=lambda arm: list(choices[lead]).index(arm.axes[lead]))
    return Scheme(lead, tuple(name for name in choices if name != lead), choices, tuple(arms))


def percent_axis(axes: Axes, which: str) -> None:
    """Fractions shown as per cent."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0, symbol=" %"))


def spread(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
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
