"""Accuracy against the axis that an experiment asks about, and beside it what was published along the same axis.

A line an arm of the other axes: every seed a small dot, the mean a marker, the 95 % interval a whisker.
"""

from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from barlowcli.analysis.lines import Line
from barlowcli.analysis.results import Arm, Results
from barlowcli.analysis.wording import listing, method_name, status_name
from barlowcli.experiment.model import Curve
from barlowcli.plan.plan import Plan
from barlowcli.plots.curve_panels import COLLAPSED, PUBLISHED, draw_accuracies, draw_changes
from barlowcli.plots.panels import HEIGHT_INCHES, domains_of, panels_for, value_axis
from barlowcli.plots.points import line_points, places
from barlowcli.plots.saving import Drawing
from barlowcli.plots.strokes import Strokes, strokes
from barlowcli.plots.style import FAINT, INK, styled
from barlowcli.published.figures import Change, changes, read_figures
from barlowcli.records.metrics import INTACT

MARKS = "Small dots: seeds.  Markers: their mean.  Whiskers: 95 % t interval, from three seeds on."


@styled()
def curve_plot(results: Results) -> Drawing | None:
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
    domains, label = domains_of(_arms(look.lines)), results.main_label
    published, figures = plan.experiment.published, published_along(plan)
    measured = places(plan, curve, plan.axes[curve.axis])
    both = places(plan, curve, [*plan.axes[curve.axis], *(change.value for change in figures)])
    figure, every = panels_for([measured] * len(domains) + [both] * bool(figures), len(look.lines))
    for axes, (domain, title) in zip(every, domains, strict=False):
        axes.set_title(title)
        axes.set_ylabel(f"{label} accuracy")
        value_axis(axes, curve, measured)
        draw_accuracies(axes, results, look, measured, domain)
    if published and figures:
        every[-1].set_title("Beside what was published")
        every[-1].set_ylabel("change against its own reference, points")
        value_axis(every[-1], curve, both)
        draw_changes(every[-1], results, look, both, published, figures)
    _explain(min(every, key=lambda axes: axes.get_position().y0), look, figures)
    alt = f"{label} accuracy against {curve.label}: every seed, mean and 95 % interval, with the controls as lines"
    alt += "; beside it measured and published changes" if figures else ""
    return Drawing(figure, "curve", alt, _caption(plan, curve))


def published_along(plan: Plan) -> list[Change]:
    """What was published of the grid's methods along its curve; empty without a curve."""
    curve, published = plan.experiment.curve, plan.experiment.published
    if curve is None or published is None or published.axis != curve.axis:
        return []
    methods = {cell.config.method.name for cell in plan.cells if not cell.control}
    return [change for change in changes(published) if change.method in methods]


def _caption(plan: Plan, curve: Curve) -> str:
    """What is drawn, then what the experiment says of its curve."""
    published = plan.experiment.published
    parts = [
        f"Accuracy of a linear probe on each arm's frozen encoder against the {curve.label}; a line an arm, grey lines "
        "the controls."
    ]
    if published is not None and published_along(plan):
        parts.append(
            f"Published figures are those of {read_figures(published.file).setting}, and data sets differ: so they and "
            "what was measured are drawn as changes, each source against its own reference."
        )
    return " ".join([*parts, curve.caption.strip()])


def _arms(lines: Iterable[Line]) -> list[Arm]:
    """Each once."""
    found = {arm.cells[0].id: arm for line in lines for arms in line.arms.values() for arm in arms}
    return list(found.values())


def _explain(axes: Axes, look: Strokes, figures: Sequence[Change]) -> None:
    """Caption and legend below the lowest panel."""
    axes.annotate(
        "  ".join([MARKS, *_without_numbers(look)]),
        (0, 0),
        (0, -58),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=9,
        color=FAINT,
    )
    handles = _handles(look, figures)
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


def _handles(look: Strokes, figures: Sequence[Change]) -> dict[str, Line2D]:
    """An entry a line that is drawn, one a method with published figures, and one for what collapsed."""
    drawn = [line for line in look.lines if line_points(line, INTACT)]
    handles = {line.name: _handle(look, line) for line in drawn}
    for method in dict.fromkeys(change.method for change in figures):
        colour, marker = look.of_method(method)
        handles[f"{method_name(method)}, published"] = Line2D([], [], color=colour, marker=marker, **PUBLISHED)
    if any(point.collapsed for line in drawn for point in line_points(line, INTACT)):
        handles["collapsed"] = Line2D([], [], color=INK, **COLLAPSED)
    return handles


def _handle(look: Strokes, line: Line) -> Line2D:
    dash, marker = look.dash(line), look.marker(line)
    return Line2D([], [], color=look.colour(line), ls=dash, lw=1.7, marker=marker, ms=7, mec="white")


def _without_numbers(look: Strokes) -> list[str]:
    """How many cells have no numbers, and why, in a sentence; none where all have."""
    statuses: dict[str, int] = {}
    for arm in _arms(look.lines):
        for status, count in arm.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    lost = [f"{count} {status_name(name)}" for name, count in sorted(statuses.items()) if name != "collapsed"]
    return [f"Without numbers: {listing(lost)}."] if lost else []
