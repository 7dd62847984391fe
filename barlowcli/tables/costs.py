"""What the arms cost: time of a training step and memory, and both as ratios to a reference; as CSV and to be read.

Times are of one machine under one load, so that these numbers stand apart from all others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from barlowcli.analysis.results import Arm, Results
from barlowcli.experiment.axes import AxisValue
from barlowcli.experiment.model import STAGE, Screen
from barlowcli.tables.files import csv_text

MIB = 2**20
LEGEND = (
    "Time of a training step without the first, median over seeds; times were taken while several cells ran at once on "
    "this machine, so they compare only within one run. Memory of a step, counted from its tensors and not sampled: "
    "parameters, gradients, optimiser state, buffers, averaged copies and the activations saved for the backward pass."
)


@dataclass(frozen=True)
class Cost:
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
class CostRow:
    """An arm's cost, in words and in numbers. ratios: to each reference by its name, where the arm has such a one."""

    name: str
    cost: Cost
    ratios: Mapping[str, Ratios]


@dataclass(frozen=True)
class CostTable:
    """One row a trained arm that has numbers; no rows where none has. references: their names, in words."""

    axes: tuple[str, ...]
    references: tuple[str, ...]
    rows: tuple[CostRow, ...]
    legend: str = LEGEND

    @property
    def header(self) -> list[str]:
        """Titles of the columns that `texts` fills."""
        ratios = [f"{what} vs {name}" for name in self.references for what in ("time", "memory")]
        return ["arm", "n", "ms a step", "MiB", *ratios]

    def texts(self, row: CostRow) -> list[str]:
        """A row as it is read; "" for what is not known."""
        found = [row.ratios.get(name, Ratios(None, None)) for name in self.references]
        ratios = [_text(value, 2) for pair in found for value in (pair.time, pair.memory)]
        return [row.name, str(row.cost.n), _text(row.cost.milliseconds, 1), _text(row.cost.mebibytes, 1), *ratios]

    def csv(self) -> str:
        """One row an arm and reference: axes, control, n, milliseconds, mebibytes, reference and the two ratios."""
        header = [*self.axes, "control", "n", "milliseconds_per_step", "mebibytes", "reference", "time_ratio"]
        rows: list[list[object]] = []
        for row in self.rows:
            arm, cost = row.cost.arm, row.cost
            head: list[object] = [str(arm.at[name]) for name in self.axes]
            head += ["yes" if arm.control else "no", cost.n, cost.milliseconds, cost.mebibytes]
            ratios = list(row.ratios.items()) or [("", Ratios(None, None))]
            rows += [[*head, name, ratio.time, ratio.memory] for name, ratio in ratios]
        return csv_text([*header, "memory_ratio"], rows)


def costs(results: Results) -> CostTable:
    """The costs of the arms, each held against the grid's first arm, or in a screened experiment against each of
    the parents under the same conditions."""
    found = [cost for arm in results.arms if (cost := _cost(arm)) is not None]
    screen = results.plan.experiment.screen
    first = next((cost for cost in found if cost.arm is results.arms[0]), None)
    rows = []
    for cost in found:
        if screen is not None:
            references = {
                results.value_name(screen.axis, name): _parent(cost, found, screen, name) for name in screen.parents
            }
        else:
            references = {results.arm_name(first.arm.at): first} if first else {}
        ratios = {name: _ratios(cost, other) for name, other in references.items() if other is not None}
        rows.append(CostRow(results.arm_name(cost.arm.at), cost, ratios))
    known = dict.fromkeys(name for row in rows for name in row.ratios)
    return CostTable(tuple(results.plan.experiment.axes), tuple(known), tuple(rows))


def _cost(arm: Arm) -> Cost | None:
    """None where no record of the arm tells anything of its cost."""
    found = [record for cell in arm.cells if (record := arm.found.get(cell.id)) is not None]
    times = [record.seconds["step"] for record in found if "step" in record.seconds]
    bytes_ = [record.counts["training_bytes"] for record in found if "training_bytes" in record.counts]
    if not times and not bytes_:
        return None
    return Cost(
        arm,
        n=max(len(times), len(bytes_)),
        milliseconds=1000 * median(times) if times else None,
        mebibytes=median(bytes_) / MIB if bytes_ else None,
    )


def _parent(cost: Cost, found: Sequence[Cost], screen: Screen, parent: str) -> Cost | None:
    """The parent under the conditions of `cost`; of the other stage where it has no part in this one."""
    conditions = {name: value for name, value in cost.arm.at.items() if name not in (screen.axis, STAGE)}
    same = [
        other
        for other in found
        if other.arm.at[screen.axis] == AxisValue((parent,)) and conditions.items() <= other.arm.at.items()
    ]
    stage = cost.arm.at[STAGE]
    return next((other for other in same if other.arm.at[STAGE] == stage), same[0] if same else None)


def _ratios(cost: Cost, reference: Cost) -> Ratios:
    return Ratios(
        _ratio(cost.milliseconds, reference.milliseconds),
        _ratio(cost.mebibytes, reference.mebibytes),
    )


def _ratio(value: float | None, reference: float | None) -> float | None:
    return value / reference if value is not None and reference else None


def _text(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
