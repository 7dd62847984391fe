"""What the arms cost: time of a training step and memory, and both as ratios to a reference.

Times are of one machine under one load, so that these numbers stand apart from all others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import pandas as pd

from barlowcli.analysis.results import Arm, Results
from barlowcli.experiment.axes import AxisValue
from barlowcli.experiment.first_stage import Screen
from barlowcli.tables.frames import FLAG, REAL, TEXT, WHOLE, frame, of_type
from barlowcli.tables.reading import Reading, texts

MIB = 2**20
LEGEND = (
    "Time of a training step without the first, median over seeds; times were taken while several cells ran at once on "
    "this machine, so they compare only within one run. Memory of a step, counted from its tensors and not sampled: "
    "parameters, gradients, optimiser state, buffers, averaged copies and the activations saved for the backward pass."
)


@dataclass(frozen=True)
class StepCost:
    """Of an arm. n: records that tell; milliseconds: of a step, median; mebibytes: of a step; None where none tells."""

    arm: Arm
    n: int
    milliseconds: float | None
    mebibytes: float | None


@dataclass(frozen=True)
class Ratios:
    """A cost as multiples of that of a reference arm."""

    time: float | None
    memory: float | None


@dataclass(frozen=True)
class ArmCost:
    """An arm's cost. ratios: to each reference by its name in words, where the arm has such a one."""

    cost: StepCost
    ratios: Mapping[str, Ratios]


def costs(results: Results) -> pd.DataFrame:
    """One row a trained arm that has numbers and a reference: axes, control, n, milliseconds of a step, mebibytes,
    reference in words, and the two ratios to it. An arm without a reference has a row without one."""
    axes = list(results.plan.experiment.axes)
    rows: list[list[object]] = []
    for row in arm_costs(results):
        arm, cost = row.cost.arm, row.cost
        head = [*(str(arm.at[name]) for name in axes), arm.control, cost.n, cost.milliseconds, cost.mebibytes]
        ratios = list(row.ratios.items()) or [("", Ratios(None, None))]
        rows += [[*head, name, ratio.time, ratio.memory] for name, ratio in ratios]
    known = [*of_type(TEXT, axes), ("control", FLAG), ("n", WHOLE)]
    known += [*of_type(REAL, ["milliseconds_per_step", "mebibytes"]), ("reference", TEXT)]
    return frame([*known, *of_type(REAL, ["time_ratio", "memory_ratio"])], rows)


def costs_to_read(results: Results) -> Reading:
    """The same with an arm a row and two columns a reference."""
    found = arm_costs(results)
    references = list(dict.fromkeys(name for row in found for name in row.ratios))
    titles = [f"{what} vs {name}" for name in references for what in ("time", "memory")]
    rows = []
    for row in found:
        pairs = [row.ratios.get(name, Ratios(None, None)) for name in references]
        ratios = [_text(value, 2) for pair in pairs for value in (pair.time, pair.memory)]
        numbers = [str(row.cost.n), _text(row.cost.milliseconds, 1), _text(row.cost.mebibytes, 1)]
        rows.append([results.arm_name(row.cost.arm.at), *numbers, *ratios])
    return Reading(texts(["arm", "n", "ms a step", "MiB", *titles], rows), LEGEND)


def arm_costs(results: Results) -> list[ArmCost]:
    """The costs of the arms that have numbers, each beside that of the grid's first arm, or in a screened experiment
    beside those of each parent under the same conditions."""
    found = [cost for arm in results.arms if (cost := _cost(arm)) is not None]
    first = next((cost for cost in found if cost.arm is results.arms[0]), None)
    screen = results.plan.experiment.screen
    rows = []
    for cost in found:
        if screen is not None:
            references = {
                results.value_name(screen.axis, name): _parent(cost, found, screen, name) for name in screen.parents
            }
        else:
            references = {results.arm_name(first.arm.at): first} if first else {}
        rows.append(ArmCost(cost, {name: _ratios(cost, other) for name, other in references.items() if other}))
    return rows


def _cost(arm: Arm) -> StepCost | None:
    """None where no record of the arm tells anything of its cost."""
    found = [record for cell in arm.cells if (record := arm.found.get(cell.id)) is not None]
    times = [record.seconds["step"] for record in found if "step" in record.seconds]
    bytes_ = [record.counts["training_bytes"] for record in found if "training_bytes" in record.counts]
    if not times and not bytes_:
        return None
    return StepCost(
        arm,
        n=max(len(times), len(bytes_)),
        milliseconds=1000 * median(times) if times else None,
        mebibytes=median(bytes_) / MIB if bytes_ else None,
    )


def _parent(cost: StepCost, found: Sequence[StepCost], screen: Screen, parent: str) -> StepCost | None:
    """The parent under the conditions of `cost`."""
    conditions = {name: value for name, value in cost.arm.at.items() if name != screen.axis}
    same = (
        other
        for other in found
        if other.arm.at[screen.axis] == AxisValue((parent,)) and conditions.items() <= other.arm.at.items()
    )
    return next(same, None)


def _ratios(cost: StepCost, reference: StepCost) -> Ratios:
    return Ratios(
        _ratio(cost.milliseconds, reference.milliseconds),
        _ratio(cost.mebibytes, reference.mebibytes),
    )


def _ratio(value: float | None, reference: float | None) -> float | None:
    return value / reference if value is not None and reference else None


def _text(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
