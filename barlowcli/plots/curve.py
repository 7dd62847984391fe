"""Accuracy against the axis that an experiment asks about, and beside it what was published along the same axis.

A line an arm of the other axes: every seed a small dot, the mean a marker, the 95 % interval a whisker.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from barlowcli.analysis.lines import Line
from barlowcli.analysis.results import Arm, Results
from barlowcli.analysis.statistics import Interval
from barlowcli.analysis.wording import listing, method_name
from barlowcli.experiment.model import Curve, Published
from barlowcli.plan.plan import Plan
from barlowcli.plots.levels import DASHES, draw_levels, label_levels, levels_of, top_of
from barlowcli.plots.panels import HEIGHT_INCHES, domains_of, panels_for, shifts, value_axis
from barlowcli.plots.points import Places, Point, curve_controls, line_points, places
from barlowcli.plots.strokes import Strokes, strokes
from barlowcli.plots.style import FAINT, INK, Plot, finish, percent_axis, styled
from barlowcli.published.figures import Change, changes
from barlowcli.records.metrics import INTACT
from barlowcli.tables.published import compare

SEEDS_ASIDE = 0.5
"""How far the seeds stand beside their mean, as a share of the distance of two lines."""
FEW_LINES = 5
"""With more, marks are smaller."""
COLLAPSED: dict[str, Any] = {"marker": "x", "ms": 6, "mew": 1.5, "ls": ""}
PUBLISHED: dict[str, Any] = {"ls": (0, (5, 3)), "lw": 1.0, "mfc": "white", "ms": 5.5, "mew": 1.1}
CAPTION = "Small dots: seeds.  Markers: their mean.  Whiskers: 95 % t interval, from three seeds on."


def curve_plot(results: Results) -> Plot | None:
    """Accuracy of the main probe against the experiment's curve axis, in each arm's own domain where some are shuffled
    and on intact images; None without a curve, without records, or where the axis has but one value.

    With published figures along that axis, a further panel has them and what was measured as changes.
    """
    plan, curve = results.plan, results.plan.experiment.curve
    if curve is None or len(plan.axes[curve.axis]) < 2:
        return None
    look = strokes(results, curve.axis)
    if not any(line_points(line, INTACT) for line in look.lines):
        return None
    panels = domains_of(_arms(look.lines))
    published = plan.experiment.published
    figures = published_along(plan)
    measured = places(plan, curve, plan.axes[curve.axis])
    both = places(plan, curve, [*plan.axes[curve.axis], *(change.value for change in figures)])
    label = results.main_label
    scales = [measured] * len(panels) + [both] * bool(figures)
    with styled():
        every = panels_for(scales, len(look.lines))
        for axes, (domain, title) in zip(every, panels, strict=False):
            axes.set_title(title)
            axes.set_ylabel(f"{label} accuracy")
            value_axis(axes, curve, measured)
            _accuracies(axes, results, look, curve, measured, domain)
        if published and figures:
            every[-1].set_title("Beside what was published")
            every[-1].set_ylabel("change against its own reference, points")
            value_axis(every[-1], curve, both)
            _changes(every[-1], results, look, both, published, figures)
        figure = every[0].get_figure(root=True)
        assert figure is not None
        lowest = min(every, key=lambda axes: axes.get_position().y0)
        _explain(lowest, look, figures)
        alt = f"{label} accuracy against {curve.label}: every seed, mean and 95 % interval, with the controls as lines"
        return finish(figure, "curve", f"{alt}; beside it measured and published changes" if figures else alt)


def published_along(plan: Plan) -> list[Change]:
    """What was published of the grid's methods along its curve; empty without a curve."""
    curve, published = plan.experiment.curve, plan.experiment.published
    if curve is None or published is None or published.axis != curve.axis:
        return []
    methods = {cell.config.method.name for cell in plan.cells if not cell.control}
    return [change for change in changes(published) if change.method in methods]


def _arms(lines: Iterable[Line]) -> list[Arm]:
    """Each once."""
    found = {arm.cells[0].id: arm for line in lines for arms in line.arms.values() for arm in arms}
    return list(found.values())


def _accuracies(axes: Axes, results: Results, look: Strokes, curve: Curve, at: Places, domain: str) -> None:
    across, along = curve_controls(results, curve.axis, domain)
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


def _changes(
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
    rows = compare(results, published)
    for line, shift in zip(look.lines, shifts(axes, len(look.lines), at)[1], strict=True):
        own = [(at[row.value] + shift, row.measured) for row in rows if row.line == line and row.measured]
        _means(axes, look, line, own)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))


def _explain(axes: Axes, look: Strokes, figures: Sequence[Change]) -> None:
    """Caption and legend below the first panel."""
    drawn = [line for line in look.lines if line_points(line, INTACT)]
    handles = {
        line.name: Line2D(
            [], [], color=look.colour(line), ls=look.dash(line), lw=1.7, marker=look.marker(line), ms=7, mec="white"
        )
        for line in drawn
    }
    for method in dict.fromkeys(change.method for change in figures):
        colour, marker = look.of_method(method)
        handles[f"{method_name(method)}, published"] = Line2D([], [], color=colour, marker=marker, **PUBLISHED)
    if any(point.collapsed for line in drawn for point in line_points(line, INTACT)):
        handles["collapsed"] = Line2D([], [], color=INK, **COLLAPSED)
    statuses: dict[str, int] = {}
    for arm in _arms(look.lines):
        for status, count in arm.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    lost = [
        f"{count} {'not run' if name == 'missing' else name}"
        for name, count in sorted(statuses.items())
        if name != "collapsed"
    ]
    below = [CAPTION, *([f"Without numbers: {listing(lost)}."] if lost else [])]
    axes.annotate(
        "  ".join(below),
        (0, 0),
        (0, -58),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=9,
        color=FAINT,
    )
    axes.legend(
        list(handles.values()),
        list(handles),
        loc="upper left",
        bbox_to_anchor=(0, -68 / (72 * HEIGHT_INCHES)),
        borderaxespad=0,
        fontsize=9.5,
        ncols=4,
        handlelength=3,
        columnspacing=1.8,
    )
