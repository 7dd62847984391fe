"""Plan and records of a run together: its arms and what varies among them, each computed once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from barlowcli.analysis.wording import arm_name, label_name, value_name
from barlowcli.experiment.axes import NOWHERE, SHUFFLE, AxisValue
from barlowcli.plan.plan import Plan, PlannedCell, TrialCell
from barlowcli.records.metrics import INTACT, OWN, Metric
from barlowcli.records.record import Record
from barlowcli.settings.any_method import MethodSettings

PROBE = Metric("linear", "h")
"""The main probe: linear, on the encoder's output."""
LABEL = "label"
"""The main label of a data set."""
Records = Mapping[str, Record]
"""Cell id -> record."""


@dataclass(frozen=True)
class Arm:
    """A setting of the axes with its cells, one a seed, and the records that there are of them, by id."""

    at: Mapping[str, AxisValue]
    control: bool
    cells: tuple[PlannedCell, ...]
    found: Records = field(repr=False, compare=False)

    @property
    def axes(self) -> dict[str, str]:
        """Axis name -> value as text, as in files and tables."""
        return self.cells[0].axes

    @property
    def method(self) -> MethodSettings:
        """The settings of its method."""
        return self.cells[0].config.method

    @property
    def trained_domain(self) -> str | None:
        """The shuffle arm it was trained under, in which it is at home; None where it was not trained."""
        return trained_domain(self.cells[0])

    @property
    def home(self) -> str:
        """The domain in which it is at home; that of intact images where it was not trained."""
        return self.trained_domain or INTACT

    @property
    def shuffled(self) -> bool:
        """Whether it was trained on other images than intact ones."""
        return self.home != INTACT

    @property
    def domains(self) -> tuple[str, ...]:
        """The shuffle arms in which it is probed."""
        return self.cells[0].config.evaluation.domains

    @property
    def records(self) -> list[Record]:
        """Records of its cells that have numbers, by seed."""
        known = (self.found.get(cell.id) for cell in self.cells)
        return [record for record in known if record is not None and record.measured]

    def values(self, metric: Metric) -> dict[int, float]:
        """Seed -> value of `metric`, for the cells that have it."""
        name = str(metric)
        return {record.seed: record.metrics[name] for record in self.records if name in record.metrics}

    def accuracies(self, domain: str, label: str = LABEL, probe: Metric = PROBE) -> dict[int, float]:
        """Seed -> accuracy of `probe` on `label`. domain: `OWN` is the one it is at home in."""
        return self.values(replace(probe, domain=self.home if domain == OWN else domain, label=label))

    @property
    def probes(self) -> list[Metric]:
        """Probe and space of every accuracy that its records have, by name: "knn50.joint"."""
        metrics = (Metric.read(name) for record in self.records for name in record.metrics)
        return sorted({Metric(metric.probe, metric.space) for metric in metrics if metric.is_accuracy}, key=str)

    @property
    def statuses(self) -> dict[str, int]:
        """Status -> number of cells, of those with one other than ok; "missing" where there is no record."""
        counts: dict[str, int] = {}
        for cell in self.cells:
            status = cell_status(self.found, cell)
            if status != "ok":
                counts[status] = counts.get(status, 0) + 1
        return counts


@dataclass(frozen=True)
class Results:
    """A run: its plan and the records of its cells. Tables, plots, verdicts and report are made of it."""

    plan: Plan
    records: Records
    answers: Mapping[str, Mapping[str, npt.NDArray[np.bool_]]] = field(default_factory=dict)
    """Cell id -> metric -> which test images it was right on, of the cells that kept it."""
    first: Records = field(default_factory=dict)
    """Of the cells of the first stages, which have no part in tables, plots and verdicts."""

    def right(self, cell: str, metric: Metric) -> npt.NDArray[np.bool_] | None:
        """Whether each test image was answered rightly, bool (N,); None where that was not kept."""
        return self.answers.get(cell, {}).get(str(metric))

    @cached_property
    def arms(self) -> tuple[Arm, ...]:
        """All arms, in the order of their first cells."""
        members: dict[tuple[tuple[str, AxisValue], ...], list[PlannedCell]] = {}
        for cell in self.plan.cells:
            members.setdefault(tuple(cell.at.items()), []).append(cell)
        return tuple(
            Arm(cells[0].at, cells[0].control, tuple(sorted(cells, key=lambda cell: cell.seed)), self.records)
            for cells in members.values()
        )

    @cached_property
    def grid(self) -> tuple[Arm, ...]:
        """The arms that are no controls."""
        return tuple(arm for arm in self.arms if not arm.control)

    @cached_property
    def controls(self) -> tuple[Arm, ...]:
        """The arms beside the grid."""
        return tuple(arm for arm in self.arms if arm.control)

    @cached_property
    def varying(self) -> tuple[str, ...]:
        """Axes with more than one value among all cells, controls too: those that must be told apart."""
        names = list(self.plan.experiment.axes)
        return tuple(name for name in names if len({cell.at[name] for cell in self.plan.cells} - {NOWHERE}) > 1)

    @cached_property
    def shuffled(self) -> bool:
        """Whether an arm was trained on other images than intact ones."""
        return any(arm.shuffled for arm in self.arms)

    @cached_property
    def untrained(self) -> list[tuple[Arm, str]]:
        """Encoders that were never trained, with each domain they are probed in, once."""
        return untrained_domains(self.arms, shuffle_axes(self.plan))

    @cached_property
    def measured(self) -> list[Record]:
        """The records that have numbers, in the plan's order."""
        return [record for record in self.records.values() if record.measured]

    @cached_property
    def labels(self) -> dict[str, str]:
        """Label -> what a reader calls it, the main one first."""
        found: dict[str, str] = {}
        for record in self.measured:
            found |= {label: label_name(label, record.label_names) for label in record.labels}
        return found

    @cached_property
    def main_label(self) -> str:
        """What a reader calls the main label: "digit", else "class"."""
        return next((label_name(LABEL, record.label_names) for record in self.measured), "class")

    @cached_property
    def lacking(self) -> list[PlannedCell]:
        """Planned cells without numbers: not run, failed, or diverged."""
        return [cell for cell in self.plan.cells if (r := self.records.get(cell.id)) is None or not r.measured]

    def value_name(self, axis: str, value: AxisValue | str) -> str:
        """A value of an axis in words: "Barlow Twins", "jitter off", "D = 64"."""
        return value_name(self.plan.experiment.axes, axis, value)

    def arm_name(self, at: Mapping[str, AxisValue], names: Iterable[str] | None = None) -> str:
        """An arm in words over the axes `names`, by default those that vary."""
        return arm_name(self.plan.experiment.axes, at, self.varying if names is None else names)

    def cell_name(self, cell: PlannedCell) -> str:
        """ "BYOL, intact, jitter on, seed 2"."""
        tried = f"{cell.stage}, {cell.candidate_text}, " if isinstance(cell, TrialCell) else ""
        return f"{tried}{self.arm_name(cell.at)}, seed {cell.seed}"


def shuffle_axes(plan: Plan) -> list[str]:
    """Axes that only say in which domain an arm is at home."""
    return [name for name, axis in plan.experiment.axes.items() if axis.key == SHUFFLE]


def trained_domain(cell: PlannedCell) -> str | None:
    """The shuffle arm a cell is trained under, None for an untrained control."""
    return cell.config.views.shuffle if cell.config.views is not None else None


def cell_status(records: Records, cell: PlannedCell) -> str:
    """What became of a planned cell: the status of its record, "missing" where there is none."""
    record = records.get(cell.id)
    return record.status if record is not None else "missing"


def untrained_domains(arms: Iterable[Arm], shuffles: Iterable[str]) -> list[tuple[Arm, str]]:
    """Encoders that were never trained, with each domain they are probed in, once: an arm of its own for another
    domain repeats the standard ones. shuffles: `shuffle_axes`."""
    found: dict[tuple[tuple[tuple[str, AxisValue], ...], str], Arm] = {}
    for arm in arms:
        if arm.method.encodes and not arm.method.trains:
            rest = tuple((name, value) for name, value in arm.at.items() if name not in shuffles)
            for domain in arm.domains:
                found.setdefault((rest, domain), arm)
    return [(arm, domain) for (_, domain), arm in found.items()]
