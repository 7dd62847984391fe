"""Accuracy by arm: every seed a dot, mean and 95 % interval, the controls as lines to be above or below."""

import itertools
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from barlowcli.analysis.results import Arm, Results
from barlowcli.analysis.statistics import t_interval
from barlowcli.analysis.wording import status_name
from barlowcli.plots.controls import controls
from barlowcli.plots.levels import draw_levels, label_levels, levels_of, top_of
from barlowcli.plots.panels import domains_of
from barlowcli.plots.rows import Rows, rows_of
from barlowcli.plots.saving import Drawing
from barlowcli.plots.scheme import Scheme, scheme
from barlowcli.plots.style import FAINT, INK, percent_axis, styled
from barlowcli.records.metrics import INTACT, OWN

HALO = [withStroke(linewidth=2.5, foreground="white")]
"""So that a number is read where a line runs behind it."""
CAPTION = "Accuracy of a linear probe on each arm's frozen encoder. Grey lines are the controls."
MARKS = "Dots: seeds.  Bar and number: their mean.  Whisker: 95 % t interval, from three seeds on."


@styled()
def accuracy_plot(results: Results) -> Drawing | None:
    """Accuracy of the main probe by arm, in each arm's own domain and on intact images; None without records."""
    look = scheme(results)
    if not any(arm.records for arm in look.arms):
        return None
    domains, rows, top = domains_of(look.arms), rows_of(look), _top(results, look)
    label = results.main_label
    figure, every = rows.panels(len(domains))
    for axes, ((domain, title), row) in zip(every, itertools.product(domains, rows.rows), strict=True):
        axes.set_title(title if row is rows.rows[0] else "", pad=24 if look.lead else 8)
        axes.set_ylabel(f"{label} accuracy")
        _panel(axes, rows, row, domain)
        levels = levels_of(results, controls(results, domain))
        draw_levels(axes, levels)
        label_levels(axes, [(level.value, level.text) for level in levels], top)
        axes.set_ylim(0, top)
        if len(rows.rows) > 1 or axes is every[-1]:
            axes.set_xticks(rows.columns(row), [rows.name(arm) for arm in row])
    below = (0, -22 - rows.names_points)
    every[-1].annotate(
        MARKS, (0, 0), below, xycoords="axes fraction", textcoords="offset points", fontsize=9, color=FAINT
    )
    alt = f"{label} accuracy by arm: every seed, mean and 95 % interval, with the controls as horizontal lines"
    return Drawing(figure, "accuracy", alt, CAPTION)


def _top(results: Results, look: Scheme) -> float:
    """Upper end of the accuracy axis, the same in all panels: tens of per cent, with room for the highest number."""
    values = [chance for record in results.records.values() for chance in record.chance.values()]
    for domain in (OWN, INTACT):
        for control in controls(results, domain):
            values += control.values().values()
        for arm in look.arms:
            found = list(arm.accuracies(domain).values())
            interval = t_interval(found) if found else None
            values += [*found, *([interval.high] if interval and interval.high is not None else [])]
    return top_of(values)


def _panel(axes: Axes, rows: Rows, arms: Sequence[Arm], domain: str) -> None:
    columns = rows.columns(arms)
    for arm, x in zip(arms, columns, strict=True):
        _column(axes, x, list(arm.accuracies(domain).values()), rows.look.colour(arm))
        _statuses(axes, x, arm)
    if rows.look.lead:
        _headings(axes, rows.look, arms, columns)
    axes.set_xlim(columns[0] - 0.65, columns[-1] + 0.65)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)
    percent_axis(axes, "y")


def _statuses(axes: Axes, x: float, arm: Arm) -> None:
    """What is not as it should be, at the foot of the arm's column."""
    if not arm.statuses:
        return
    words = "\n".join(f"{count} {status_name(name)}" for name, count in sorted(arm.statuses.items()))
    axes.annotate(words, (x, 0), (0, 3), textcoords="offset points", ha="center", fontsize=8, color=FAINT)


def _headings(axes: Axes, look: Scheme, arms: Sequence[Arm], columns: Sequence[float]) -> None:
    """The name of each group over its arms, with a line as long as they are wide."""
    for name in dict.fromkeys(look.group_of(arm) for arm in arms):
        inside = [x for arm, x in zip(arms, columns, strict=True) if look.group_of(arm) == name]
        axes.annotate(
            look.group_name(name),
            ((inside[0] + inside[-1]) / 2, 1),
            (0, 5),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            fontsize=10.5,
            color=INK,
        )
        ends, over = [inside[0] - 0.4, inside[-1] + 0.4], axes.get_xaxis_transform()
        axes.plot(ends, [1, 1], color=INK, lw=1, clip_on=False, transform=over)


def _column(axes: Axes, x: float, values: Sequence[float], colour: str) -> None:
    """An arm: its seeds side by side, their mean as a bar and a number, the interval as a whisker."""
    if not values:
        return
    interval = t_interval(values)
    n = len(values)
    offsets = [x - 0.17 + (0.09 * (2 * i / (n - 1) - 1) if n > 1 else 0.0) for i in range(n)]
    axes.plot(offsets, values, "o", ms=5.2, mfc=colour, mec="white", mew=0.7, zorder=4)
    axes.plot([x + 0.02, x + 0.36], [interval.mean] * 2, color=colour, lw=2.4, solid_capstyle="butt", zorder=3)
    top = max(values)
    if interval.low is not None and interval.high is not None:
        low, high = max(0.0, interval.low), min(1.0, interval.high)
        axes.plot([x + 0.19, x + 0.19], [low, high], color=colour, lw=1.4, solid_capstyle="butt", zorder=3)
        top = max(top, high)
    axes.annotate(
        f"{100 * interval.mean:.1f}",
        (x, top),
        (0, 4),
        textcoords="offset points",
        ha="center",
        fontsize=9.5,
        color=INK,
        zorder=5,
        path_effects=HALO,
    )
