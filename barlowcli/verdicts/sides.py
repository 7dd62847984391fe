"""The accuracies that a claim is about: which cells and which metric each comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from barlowcli.analysis.results import Records
from barlowcli.experiment.axes import AxisValue
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.metrics import Metric
from barlowcli.records.record import Record

Role = Literal["arm", "against", "full", "floor", "base"]
"""A, B, F or R of a claim; base: R where F was probed, if the arm was probed elsewhere."""
Case = Mapping[str, AxisValue]
"""One value of `claim.by`, with one of every other axis that the claim's arm leaves open."""


@dataclass(frozen=True)
class Side:
    """One accuracy of a claim: A, B, F or R.

    name: in words. cells: seed -> cells that can give it, any of which will do; empty where the plan has none.
    control: it stands beside the grid, and one number for all seeds may be all there is.
    """

    name: str
    metric: Metric
    cells: Mapping[int, tuple[PlannedCell, ...]]
    control: bool

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of its cells."""
        return tuple(cell.id for cells in self.cells.values() for cell in cells)

    def values(self, records: Records) -> dict[int, float]:
        """Seed -> value, for the seeds with a record that has the metric."""
        return {record.seed: record.metrics[str(self.metric)] for record in self.records(records)}

    def missing(self, records: Records) -> list[tuple[PlannedCell, str]]:
        """Planned cells without the number, and why: not run, failed, diverged, or no such metric."""
        have = self.values(records)
        return [(cells[0], self._why(cells[0], records)) for seed, cells in self.cells.items() if seed not in have]

    def records(self, records: Records) -> list[Record]:
        """Records that have the number, one a seed."""
        found = (
            [r for c in cells if (r := records.get(c.id)) and str(self.metric) in r.metrics]
            for cells in self.cells.values()
        )
        return [known[0] for known in found if known]

    def _why(self, cell: PlannedCell, records: Records) -> str:
        record = records.get(cell.id)
        if record is None:
            return "not run"
        return f"has no {self.metric}" if record.status in ("ok", "collapsed") else record.status

    def collapsed(self, records: Records) -> list[int]:
        """Seeds whose embeddings collapsed in training."""
        return [
            seed
            for seed, cells in self.cells.items()
            if any((r := records.get(c.id)) is not None and r.status == "collapsed" for c in cells)
        ]


@dataclass(frozen=True)
class Sides:
    """All accuracies of one judgement. base: the floor where `full` was probed, None where that is the floor itself.
    untrained: the same probe on an untrained encoder, where the plan has one."""

    arm: Side
    against: tuple[Side, ...]
    full: Side | None
    floor: Side | None
    base: Side | None
    untrained: Side | None

    @property
    def needed(self) -> list[tuple[Role, Side]]:
        """Every side that the test uses."""
        sides: list[tuple[Role, Side | None]] = [("arm", self.arm), *(("against", side) for side in self.against)]
        sides += [("full", self.full), ("floor", self.floor), ("base", self.base)]
        return [(role, side) for role, side in sides if side is not None]

    @property
    def cells(self) -> tuple[tuple[Role, Metric, tuple[str, ...]], ...]:
        """Role, metric and cell ids of every side: what tells two judgements apart."""
        return tuple((role, side.metric, side.ids) for role, side in self.needed)

    @property
    def against_itself(self) -> bool:
        """Whether arm and reference are the same cells, or the two gains of an interaction are."""
        arm, against = self.arm, self.against[:1]
        if not arm.cells or not against:
            return False
        gains = (self.full, self.floor)
        if [arm.ids, against[0].ids] == [side.ids if side is not None else None for side in gains]:
            return True
        return len(self.against) == 1 and (arm.ids, arm.metric) == (against[0].ids, against[0].metric)
