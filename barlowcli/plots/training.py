"""Training curves: loss by epoch, a panel a method, a colour an arm, every seed a thin line.

Methods have losses of their own, so every panel has a scale of its own. Supervised controls are left out: theirs is a
cross entropy, and their arms would take the colours of the grid's.
"""

import itertools
import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from barlowcli.analysis.results import Arm, Results
from barlowcli.analysis.wording import capital, method_name
from barlowcli.plots.saving import Drawing
from barlowcli.plots.scheme import MOST_NAMES, Scheme, scheme
from barlowcli.plots.style import styled

Log = Sequence[Mapping[str, float]]
"""One line an epoch: step, epoch, lr, loss and its terms, std."""

CAPTION = (
    "Training loss, each method on a scale of its own: losses of different methods do not compare. "
    "Supervised controls are left out."
)
MOST_TICKS = 8
MOST_COLUMNS, LINE_INCHES = 4, 0.23
"""Of the legend: columns, and height of a line after the first."""
LOG_RANGE = 20.0
"""Losses that span more than this factor are drawn on a logarithmic axis."""


@styled()
def training_plot(results: Results, logs: Mapping[str, Log]) -> Drawing | None:
    """Loss by epoch of every cell of the grid with a log (cell id -> log); None where none has one."""
    look = scheme(results)
    arms = [arm for arm in results.grid if any(logs.get(cell.id) for cell in arm.cells)]
    if not arms:
        return None
    panels = list(dict.fromkeys(_method(arm) for arm in arms))
    handles = _legend(look, arms)
    columns = MOST_COLUMNS if len(panels) > 1 else MOST_COLUMNS // 2
    further = max(0, math.ceil(len(handles) / columns) - 1)
    figure = Figure(figsize=(max(5.0, 3.6 * len(panels)), 3.7 + LINE_INCHES * further), layout="constrained")
    every = figure.subplots(1, len(panels), squeeze=False)[0]
    for axes, panel in zip(every, panels, strict=True):
        _panel(axes, look, [arm for arm in arms if _method(arm) == panel], logs)
        axes.set_title(capital(method_name(panel)))
    every[0].set_ylabel("loss, mean of the epoch")
    if handles:
        figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=columns, fontsize=9.5)
    alt = "Training loss by epoch, one panel a method, one colour an arm, one line a seed"
    return Drawing(figure, "training", alt, CAPTION)


def _method(arm: Arm) -> str:
    return arm.method.name


def _legend(look: Scheme, arms: Sequence[Arm]) -> dict[str, Line2D]:
    """An entry an arm; where they are many, one a hue and one a line style."""
    if not look.inner:
        return {}
    handles = {look.name(arm): Line2D([], [], color=look.colour(arm), ls=look.line(arm), lw=2.2) for arm in arms}
    if len(handles) <= MOST_NAMES:
        return handles
    hues = {name: Line2D([], [], color=colour, lw=2.2) for name, colour in look.hue_legend().items()}
    return hues | {
        name: Line2D([], [], color=grey, ls=line, lw=2.2) for name, (grey, line) in look.shade_legend().items()
    }


def _panel(axes: Axes, look: Scheme, arms: Sequence[Arm], logs: Mapping[str, Log]) -> None:
    losses: list[float] = []
    for arm in arms:
        for cell in arm.cells:
            points = [(line["epoch"], line["loss"]) for line in logs.get(cell.id, ()) if "loss" in line]
            if points:
                epochs, values = zip(*points, strict=True)
                axes.plot(epochs, values, color=look.colour(arm), ls=look.line(arm), lw=1.1, alpha=0.85)
                losses += values
    if losses and min(losses) > 0 and max(losses) / min(losses) > LOG_RANGE:
        axes.set_yscale("log")
    axes.set_xlabel("epoch")
    last = int(max((line["epoch"] for arm in arms for cell in arm.cells for line in logs.get(cell.id, ())), default=1))
    axes.set_xticks(epoch_ticks(last))


def epoch_ticks(last: int) -> list[int]:
    """Whole epochs from 1 to at most `last`, a round number of them apart."""
    step = next(
        step
        for power in itertools.count()
        for step in (10**power, 2 * 10**power, 5 * 10**power)
        if last <= MOST_TICKS * step
    )
    return list(range(1, last + 1, step)) if step < 5 else [1, *range(step, last + 1, step)]
