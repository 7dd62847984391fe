"""Training curves: loss by epoch, a panel a method, a colour an arm, every seed a thin line."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from barlowcli.arms import Arm, group
from barlowcli.plan import Plan
from barlowcli.plots.style import Plot, Scheme, finish, scheme, styled
from barlowcli.wording import axis_value, capital

Log = Sequence[Mapping[str, float]]
"""One line an epoch: step, epoch, lr, loss and its terms, std."""

LOG_RANGE = 20.0
"""Losses that span more than this factor are drawn on a logarithmic axis."""


def training_plot(plan: Plan, logs: Mapping[str, Log]) -> Plot | None:
    """Loss by epoch of every cell with a log (cell id -> log); None where none has one."""
    look = scheme(plan)
    arms = [arm for arm in group(plan.cells) if any(logs.get(cell.id) for cell in arm.cells)]
    if not arms:
        return None
    panels = list(dict.fromkeys(look.group_of(arm) for arm in arms))
    with styled():
        figure = Figure(figsize=(max(5.0, 3.6 * len(panels)), 3.7), layout="constrained")
        every = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, panel in zip(every, panels, strict=True):
            members = [arm for arm in arms if look.group_of(arm) == panel]
            _panel(axes, look, members, logs)
            axes.set_title(capital(axis_value(look.lead, panel)) if look.lead else "Training loss")
        every[0].set_ylabel("loss, mean of the epoch")
        if look.inner:
            handles = {
                look.name(arm): Line2D([], [], color=look.colour(arm), ls=look.line(arm), lw=2.2) for arm in arms
            }
            figure.legend(
                list(handles.values()),
                list(handles),
                loc="outside lower center",
                ncols=min(4, len(handles)),
                fontsize=9.5,
            )
        return finish(
            figure, "training", "Training loss by epoch, one panel a method, one colour an arm, one line a seed"
        )


def _panel(axes: Axes, look: Scheme, arms: Sequence[Arm], logs: Mapping[str, Log]) -> None:
    losses: list[float] = []
    for arm in arms:
        for cell in arm.cells:
            points = [(line["epoch"] + 1, line["loss"]) for line in logs.get(cell.id, ()) if "loss" in line]
            if points:
                epochs, values = zip(*points, strict=True)
                axes.plot(epochs, values, color=look.colour(arm), ls=look.line(arm), lw=1.1, alpha=0.85)
                losses += values
    if losses and min(losses) > 0 and max(losses) / min(losses) > LOG_RANGE:
        axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
