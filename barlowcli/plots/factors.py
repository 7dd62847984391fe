"""What was learned of each factor: accuracy on the main label against accuracy on another, one marker an arm."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from barlowcli.analysis.results import LABEL, Results
from barlowcli.plots.controls import PanelControl, controls
from barlowcli.plots.panels import domains_of
from barlowcli.plots.saving import Drawing
from barlowcli.plots.scheme import MOST_NAMES, Scheme, scheme
from barlowcli.plots.style import INK, MARKERS, percent_axis, styled

CAPTION = "Which of the two things in an image each encoder lets a linear probe read."
CONTROL_INK = "#666666"
CONTROL_MARKERS = {"untrained": ("X", 9), "trained": ("*", 13), "histogram": ("P", 9)}
"""Mark and size of each kind; hollow where shuffled. A star looks smaller than it is."""
Pairs = Sequence[tuple[float, float]]
"""(main, factor) accuracy of every seed."""


def factor_plots(results: Results) -> list[Drawing]:
    """One plot a factor; none for data without factors."""
    look = scheme(results)
    if not any(arm.records for arm in look.arms):
        return []
    factors = {label: name for label, name in results.labels.items() if label != LABEL}
    return [_factor_plot(results, look, factor, name) for factor, name in factors.items()]


@styled()
def _factor_plot(results: Results, look: Scheme, factor: str, name: str) -> Drawing:
    domains, label = domains_of(look.arms), results.main_label
    figure = Figure(figsize=(4.6 * len(domains) + 2.6, 4.8), layout="constrained")
    every = figure.subplots(1, len(domains), squeeze=False, sharex=True, sharey=True)[0]
    every[0].set_ylabel(f"{name} accuracy")
    handles = _legend(look)
    for axes, (domain, title) in zip(every, domains, strict=True):
        axes.set_title(title)
        axes.set_xlabel(f"{label} accuracy")
        beside = controls(results, domain)
        _panel(axes, look, beside, domain, factor)
        for control in beside:
            handles.setdefault(control.name, _control_handle(control))
    figure.legend(list(handles.values()), list(handles), loc="outside right upper", fontsize=9.5, labelspacing=0.7)
    alt = f"{label} accuracy against {name} accuracy, one marker an arm, small dots its seeds, controls in grey"
    return Drawing(figure, f"factor-{factor}", alt, CAPTION)


def _panel(axes: Axes, look: Scheme, beside: Sequence[PanelControl], domain: str, factor: str) -> None:
    for arm in look.arms:
        pairs = _pairs(arm.accuracies(domain), arm.accuracies(domain, factor))
        _cloud(axes, pairs, look.colour(arm), look.marker(arm), size=11)
    for control in beside:
        pairs = _pairs(control.values(), control.values(factor))
        marker, size = CONTROL_MARKERS[control.kind]
        _cloud(axes, pairs, CONTROL_INK, marker, size=size, hollow=control.shuffled)
    percent_axis(axes, "x")
    percent_axis(axes, "y")
    axes.margins(0.12)


def _pairs(main: Mapping[int, float], other: Mapping[int, float]) -> Pairs:
    return [(main[seed], other[seed]) for seed in sorted(main.keys() & other.keys())]


def _control_handle(control: PanelControl) -> Line2D:
    marker, size = CONTROL_MARKERS[control.kind]
    fill, edge = ("white", CONTROL_INK) if control.shuffled else (CONTROL_INK, "white")
    return Line2D([], [], ls="", marker=marker, ms=size, mfc=fill, mec=edge)


def _cloud(axes: Axes, pairs: Pairs, colour: str, marker: str, *, size: float, hollow: bool = False) -> None:
    """Small dots for the seeds, one large marker at their mean."""
    if not pairs:
        return
    xs, ys = zip(*pairs, strict=True)
    axes.plot(xs, ys, ".", ms=5, color=colour, alpha=0.7, zorder=3)
    fill, edge = ("white", colour) if hollow else (colour, "white")
    axes.plot([sum(xs) / len(xs)], [sum(ys) / len(ys)], marker, ms=size, mfc=fill, mec=edge, mew=1, zorder=4)


def _legend(look: Scheme) -> dict[str, Line2D]:
    """Colours are arms, or where they are many the values of one axis; marks are groups."""
    named = {look.name(arm): (look.colour(arm), look.marker(arm)) for arm in look.arms if look.inner}
    if len(named) > MOST_NAMES:
        named = {name: (colour, MARKERS[0]) for name, colour in look.hue_legend().items()}
    handles = {
        name: Line2D([], [], ls="", marker=MARKERS[0] if look.lead else marker, ms=10, color=colour, mec="white")
        for name, (colour, marker) in named.items()
    }
    for arm in look.arms if look.lead else ():
        name = look.group_name(look.group_of(arm))
        handles.setdefault(name, Line2D([], [], ls="", marker=look.marker(arm), ms=9, mfc="white", mec=INK))
    return handles
