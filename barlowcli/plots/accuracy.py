"""Accuracy by arm: every seed a dot, mean and 95 % interval, the controls as lines to be above or below."""

import itertools
import math
import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from barlowcli.analysis.results import Arm, Results
from barlowcli.analysis.statistics import t_interval
from barlowcli.plots.controls import controls
from barlowcli.plots.levels import draw_levels, label_levels, levels_of, top_of
from barlowcli.plots.panels import domains_of
from barlowcli.plots.style import FAINT, INK, Plot, Scheme, finish, percent_axis, scheme, styled
from barlowcli.records.metrics import INTACT, OWN

GROUP_SPACE = 0.7
"""Space between two groups, in columns."""
COLUMN_INCHES, MIN_INCHES, PANEL_INCHES, SPACE = 0.82, 4.2, 3.3, 0.32
"""Width of a column and of the whole, at least; height of a panel; space between two, as a share of it."""
LINE_CHARACTERS, CHARACTER_INCHES = 10, 0.08
"""Of the arms' names: characters a line, as far as words allow, and the width of one."""
MOST_COLUMNS = 16
"""Arms that stand in one row."""
HALO = [withStroke(linewidth=2.5, foreground="white")]
"""So that a number is read where a line runs behind it."""
CAPTION = "Dots: seeds.  Bar and number: their mean.  Whisker: 95 % t interval, from three seeds on."


def accuracy_plot(results: Results) -> Plot | None:
    """Accuracy of the main probe by arm, in each arm's own domain and on intact images; None without records."""
    look = scheme(results)
    if not any(arm.records for arm in look.arms):
        return None
    panels = domains_of(look.arms)
    label, top = results.main_label, _top(results, look)
    rows = _rows(look)
    names = [_tick_name(look, arm) for arm in look.arms]
    longest = max((len(line) for name in names for line in name.splitlines()), default=0)
    column = max(COLUMN_INCHES, CHARACTER_INCHES * longest)
    width = max(MIN_INCHES, column * max(_columns(look, row)[-1] + 1.3 for row in rows))
    under = 14 * max(name.count("\n") + 1 for name in names)  # points, of the arms' names
    extra = (under - 10) / 72 if len(rows) > 1 else 0.0
    count = len(panels) * len(rows)
    height = PANEL_INCHES * count / (count + SPACE * (count - 1))
    with styled():
        figure = Figure(figsize=(width, PANEL_INCHES * count + extra * (count - 1)))
        edges = {"left": 0, "right": 1, "bottom": 0, "top": 1, "hspace": SPACE + extra / height}
        every = figure.subplots(count, 1, squeeze=False, sharex=len(rows) == 1, gridspec_kw=edges)[:, 0]
        for axes, ((domain, title), row) in zip(every, itertools.product(panels, rows), strict=True):
            axes.set_title(title if row is rows[0] else "", pad=24 if look.lead else 8)
            axes.set_ylabel(f"{label} accuracy")
            _panel(axes, look, row, domain)
            levels = levels_of(results, controls(results, domain))
            draw_levels(axes, levels)
            label_levels(axes, [(level.value, level.text) for level in levels], top)
            axes.set_ylim(0, top)
            if len(rows) > 1 or axes is every[-1]:
                axes.set_xticks(_columns(look, row), [_tick_name(look, arm) for arm in row])
        every[-1].annotate(
            CAPTION,
            (0, 0),
            (0, -22 - under),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=9,
            color=FAINT,
        )
        alt = f"{label} accuracy by arm: every seed, mean and 95 % interval, with the controls as horizontal lines"
        return finish(figure, "accuracy", alt)


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


def _rows(look: Scheme) -> list[list[Arm]]:
    """The arms of each row of the plot: all in one, or where they are many a group a row, a long one cut evenly."""
    if len(look.arms) <= MOST_COLUMNS:
        return [list(look.arms)]
    rows = []
    for name in look.groups:
        members = [arm for arm in look.arms if look.group_of(arm) == name]
        size = math.ceil(len(members) / math.ceil(len(members) / MOST_COLUMNS))
        rows += [members[start : start + size] for start in range(0, len(members), size)]
    return rows


def _columns(look: Scheme, arms: Sequence[Arm]) -> list[float]:
    """Where each arm stands, groups set apart."""
    groups = list(dict.fromkeys(look.group_of(arm) for arm in arms))
    return [index + GROUP_SPACE * groups.index(look.group_of(arm)) for index, arm in enumerate(arms)]


def _panel(axes: Axes, look: Scheme, arms: Sequence[Arm], domain: str) -> None:
    columns = _columns(look, arms)
    for arm, x in zip(arms, columns, strict=True):
        _column(axes, x, list(arm.accuracies(domain).values()), look.colour(arm))
        status = arm.statuses
        if status:
            words = "\n".join(
                f"{count} {'not run' if name == 'missing' else name}" for name, count in sorted(status.items())
            )
            axes.annotate(words, (x, 0), (0, 3), textcoords="offset points", ha="center", fontsize=8, color=FAINT)
    if look.lead:
        for name in dict.fromkeys(look.group_of(arm) for arm in arms):
            inside = [x for arm, x in zip(arms, columns, strict=True) if look.group_of(arm) == name]
            middle = (inside[0] + inside[-1]) / 2
            axes.annotate(
                look.group_name(name),
                (middle, 1),
                (0, 5),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="center",
                fontsize=10.5,
                color=INK,
            )
            axes.plot(
                [inside[0] - 0.4, inside[-1] + 0.4],
                [1, 1],
                color=INK,
                lw=1,
                clip_on=False,
                transform=axes.get_xaxis_transform(),
            )
    axes.set_xlim(columns[0] - 0.65, columns[-1] + 0.65)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.grid(visible=False, axis="x")
    axes.tick_params(axis="x", length=0)
    percent_axis(axes, "y")


def _column(axes: Axes, x: float, values: Sequence[float], colour: str) -> None:
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


def _tick_name(look: Scheme, arm: Arm) -> str:
    """The arm in words, a line a part, long parts broken at their spaces."""
    name = look.name(arm) if look.inner else look.group_name(look.group_of(arm))
    lines = [line for part in name.split(", ") for line in textwrap.wrap(part, LINE_CHARACTERS, break_long_words=False)]
    return "\n".join(lines)
