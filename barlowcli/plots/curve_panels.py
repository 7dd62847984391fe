"""What is drawn inside the panels of a curve: accuracies with their controls, and changes beside published ones."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from barlowcli.analysis.lines import Line
from barlowcli.analysis.results import Results
from barlowcli.analysis.statistics import Interval
from barlowcli.experiment.model import Published
from barlowcli.plots.levels import DASHES, draw_levels, label_levels, levels_of, top_of
from barlowcli.plots.panels import shifts
from barlowcli.plots.points import Places, Point, curve_controls, line_points
from barlowcli.plots.strokes import Strokes
from barlowcli.plots.style import FAINT, INK, percent_axis
from barlowcli.published.comparison import beside_published
from barlowcli.published.figures import Change

SEEDS_ASIDE = 0.5
"""How far the seeds stand beside their mean, as a share of the distance of two lines."""
FEW_LINES = 5
"""With more, marks are smaller."""
COLLAPSED: dict[str, Any] = {"marker": "x", "ms": 6, "mew": 1.5, "ls": ""}
PUBLISHED: dict[str, Any] = {"ls": (0, (5, 3)), "lw": 1.0, "mfc": "white", "ms": 5.5, "mew": 1.1}


def draw_accuracies(axes: Axes, results: Results, look: Strokes, at: Places, domain: str) -> None:
    """Every line with its seeds, and the controls: levels, or a line along the axis. domain: `OWN` or `INTACT`."""
    across, along = curve_controls(results, look.axis, domain)
    levels = levels_of(results, across)
    heights = [level.value for level in levels]
    apart, aside = shifts(axes, len(look.lines), at)
    for line, shift in zip(look.lines, aside, strict=True):
        points = line_points(line, domain)
        for point in points:
            heights += [*point.values.values(), point.interval.high or 0.0]
            _seeds(axes, look, line, at[point.value] + shift - SEEDS_ASIDE * apart, point)
        _means(axes, look, line, [(at[point.value] + shift, point.interval) for point in points])
    draw_levels(axes, levels)
    labels = [(level.value, level.text) for level in levels]
    if along:
        means = {at[value]: control.mean for value, control in along.items()}
        xs = sorted(means)
        axes.plot(xs, [means[x] for x in xs], color=FAINT, lw=1.1, dashes=DASHES["untrained"], zorder=1.5)
        labels.append((means[xs[-1]], "untrained, images shuffled alike"))
        heights += means.values()
    top = top_of(heights)
    label_levels(axes, labels, top)
    axes.set_ylim(0, top)
    percent_axis(axes, "y")


def _seeds(axes: Axes, look: Strokes, line: Line, x: float, point: Point) -> None:
    colour, size = look.colour(line), 3.4 if len(look.lines) <= FEW_LINES else 2.8
    for seed, value in point.values.items():
        if seed in point.collapsed:
            axes.plot([x], [value], color=colour, zorder=4.6, **COLLAPSED)
        else:
            axes.plot([x], [value], "o", ms=size, color=colour, mec="white", mew=0.4, zorder=4.5)


def _means(axes: Axes, look: Strokes, line: Line, points: Sequence[tuple[float, Interval]]) -> None:
    """The line through the means, with its whiskers. points: (x, interval)."""
    colour, size = look.colour(line), 6 if len(look.lines) <= FEW_LINES else 4.8
    for x, interval in points:
        if interval.low is not None and interval.high is not None:
            axes.plot([x, x], [interval.low, interval.high], color=colour, lw=1.2, solid_capstyle="butt", zorder=3)
    xs, ys = [x for x, _ in points], [interval.mean for _, interval in points]
    axes.plot(
        xs,
        ys,
        color=colour,
        ls=look.dash(line),
        lw=1.5,
        marker=look.marker(line),
        ms=size,
        mec="white",
        mew=0.7,
        zorder=4,
    )


def draw_changes(
    axes: Axes,
    results: Results,
    look: Strokes,
    at: Places,
    published: Published,
    figures: Sequence[Change],
) -> None:
    """Measured changes filled, with whiskers; published ones open, on thin dashed lines."""
    axes.axhline(0, color=INK, lw=0.9, zorder=1.5)
    for method in dict.fromkeys(change.method for change in figures):
        colour, marker = look.of_method(method)
        points = sorted((at[change.value], change.points) for change in figures if change.method == method)
        xs, ys = zip(*points, strict=True)
        axes.plot(xs, ys, color=colour, marker=marker, zorder=3.5, **PUBLISHED)
    rows = beside_published(results, published)
    for line, shift in zip(look.lines, shifts(axes, len(look.lines), at)[1], strict=True):
        own = [(at[row.value] + shift, row.measured) for row in rows if row.line == line and row.measured]
        _means(axes, look, line, own)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
