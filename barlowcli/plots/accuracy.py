"""Accuracy by arm: every seed a dot, mean and 95 % interval, the controls as lines to be above or below."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.transforms import offset_copy

from barlowcli.arms import PROBE, Records
from barlowcli.plan import Plan
from barlowcli.plots.controls import controls
from barlowcli.plots.style import FAINT, INK, Plot, Scheme, finish, percent_axis, scheme, spread, styled
from barlowcli.statistics import t_interval
from barlowcli.wording import axis_value, label_name

GROUP_SPACE = 0.7
"""Space between two groups, in columns."""
LABEL_GAP = 0.065
"""Smallest distance of two labels, as a fraction of the panel."""
COLUMN_INCHES, PANEL_INCHES, MIN_INCHES = 0.82, 3.3, 4.2
DASHES = {"chance": (1, 2), "untrained": (3, 2), "trained": (7, 2), "histogram": (6, 1.5, 1, 1.5)}
HALO = [withStroke(linewidth=2.5, foreground="white")]
"""So that a number is read where a line runs behind it."""
CAPTION = "Dots: seeds.  Bar and number: their mean.  Whisker: 95 % t interval, from three seeds on."


def accuracy_plot(plan: Plan, records: Records) -> Plot | None:
    """Accuracy of the main probe by arm, in each arm's own domain and on intact images; None without records."""
    look = scheme(plan)
    if not any(arm.records(records) for arm in look.arms):
        return None
    shuffled = any(arm.trained_domain not in (None, "none") for arm in look.arms)
    panels = [("own", "Probed on images shuffled as in training")] if shuffled else []
    panels.append(("none", "Probed on intact images"))
    label = main_label(records)
    columns = _columns(look)
    width, height = max(MIN_INCHES, COLUMN_INCHES * (columns[-1] + 1.3)), PANEL_INCHES * len(panels)
    top = _top(plan, look, records)
    with styled():
        figure = Figure(figsize=(width, height))
        every = figure.subplots(
            len(panels),
            1,
            squeeze=False,
            sharex=True,
            gridspec_kw={"left": 0, "right": 1, "bottom": 0, "top": 1, "hspace": 0.32},
        )[:, 0]
        for axes, (domain, title) in zip(every, panels, strict=True):
            axes.set_title(title, pad=24 if look.lead else 8)
            axes.set_ylabel(f"{label} accuracy")
            _panel(axes, look, columns, records, domain)
            _control_lines(axes, plan, records, domain)
            axes.set_ylim(0, top)
        _ticks(every[-1], look, columns)
        under = -22 - 14 * max(look.name(arm).count(", ") + 1 for arm in look.arms)  # points, below the arms' names
        every[-1].annotate(
            CAPTION, (0, 0), (0, under), xycoords="axes fraction", textcoords="offset points", fontsize=9, color=FAINT
        )
        alt = f"{label} accuracy by arm: every seed, mean and 95 % interval, with the controls as horizontal lines"
        return finish(figure, "accuracy", alt)


def main_label(records: Records) -> str:
    """What a reader calls the main label: "digit", else "class"."""
    return next((label_name("label", record.label_names) for record in records.values() if record.metrics), "class")


def _top(plan: Plan, look: Scheme, records: Records) -> float:
    """Upper end of the accuracy axis, the same in all panels: tens of per cent, with room for the highest number."""
    values = [chance for record in records.values() for chance in record.chance.values()]
    for domain in ("own", "none"):
        for control in controls(plan, records, domain):
            values += control.values(records, "label").values()
        for arm in look.arms:
            trained = arm.trained_domain or "none" if domain == "own" else "none"
            found = list(arm.values(records, f"{PROBE}.{trained}.label").values())
            interval = t_interval(found) if found else None
            values += [*found, *([interval.high] if interval and interval.high is not None else [])]
    return min(1.0, math.ceil(10 * max(values) + 0.8) / 10)


def _columns(look: Scheme) -> list[float]:
    """Where each arm stands, groups set apart."""
    groups = look.groups
    return [index + GROUP_SPACE * groups.index(look.group_of(arm)) for index, arm in enumerate(look.arms)]


def _panel(axes: Axes, look: Scheme, columns: Sequence[float], records: Records, domain: str) -> None:
    for arm, x in zip(look.arms, columns, strict=True):
        metric = f"{PROBE}.{arm.trained_domain or 'none' if domain == 'own' else 'none'}.label"
        values = arm.values(records, metric)
        _column(axes, x, list(values.values()), look.colour(arm))
        status = arm.statuses(records)
        if status:
            words = "\n".join(
                f"{count} {'not run' if name == 'missing' else name}" for name, count in sorted(status.items())
            )
            axes.annotate(words, (x, 0), (0, 3), textcoords="offset points", ha="center", fontsize=8, color=FAINT)
    if look.lead:
        for name in look.groups:
            inside = [x for arm, x in zip(look.arms, columns, strict=True) if look.group_of(arm) == name]
            middle = (inside[0] + inside[-1]) / 2
            axes.annotate(
                axis_value(look.lead, name),
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


def _ticks(axes: Axes, look: Scheme, columns: Sequence[float]) -> None:
    names = [look.name(arm) if look.inner else axis_value(look.lead, look.group_of(arm)) for arm in look.arms]
    axes.set_xticks(columns, [name.replace(", ", "\n") for name in names])


def _control_lines(axes: Axes, plan: Plan, records: Records, domain: str) -> None:
    """Lines over the whole panel, their labels to its right, apart from one another."""
    chance = [record.chance["label"] for record in records.values() if "label" in record.chance]
    lines = [("chance", "chance", chance[0])] if chance else []
    for control in controls(plan, records, domain):
        values = list(control.values(records, "label").values())
        lines.append((control.kind, control.name, t_interval(values).mean))
    lines.sort(key=lambda line: line[2])
    top = _top(plan, scheme(plan), records)
    places = spread([value for _, _, value in lines], LABEL_GAP * top, 0.01 * top, 0.99 * top)
    figure = axes.get_figure(root=True)
    beside = offset_copy(axes.get_yaxis_transform(), fig=figure, x=16, units="points")
    for (kind, name, value), place in zip(lines, places, strict=True):
        axes.axhline(value, color=FAINT, lw=1.1, dashes=DASHES[kind], zorder=1.5)
        axes.annotate(
            f"{name}  {100 * value:.1f} %",
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
