"""How all plots look: their colours, marks and line styles, whatever a user's matplotlibrc says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

HUES = (
    ("#0072B2", "#56B4E9"),
    ("#D55E00", "#E69F00"),
    ("#009E73", "#66C7AB"),
    ("#8A3F73", "#CC79A7"),
    ("#333333", "#8C8C8C"),
)
"""Okabe and Ito's colours (2008, safe for the colour-blind) in pairs of one hue, dark and light."""
MARKERS = ("o", "s", "^", "D", "v", "P")
LineStyle = str | tuple[float, tuple[float, ...]]
LINES: tuple[LineStyle, ...] = ("-", "--", ":", "-.", (0, (8, 2, 1, 2, 1, 2)), (0, (10, 4)))
INK, FAINT, GRID = "#222222", "#6B6B6B", "#E4E4E4"
STYLE: dict[Any, dict[str, Any]] = {
    "font": {"family": "DejaVu Sans", "size": 10.5},
    "text": {"color": INK, "parse_math": False},
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


@contextmanager
def styled() -> Iterator[None]:
    """The look of all plots, for figures made or saved inside; also `@styled()` over a function that does."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        for group_name, values in STYLE.items():
            matplotlib.rc(group_name, **values)
        yield


def percent_axis(axes: Axes, which: str) -> None:
    """Fractions shown as per cent."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0, symbol=" %"))
