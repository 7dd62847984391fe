"""The accuracies that a claim is about: which cells and which metric each comes from."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from barlowcli.analysis.results import Records
from barlowcli.analysis.statistics import slope_weights
from barlowcli.experiment.axes import AxisValue
from barlowcli.experiment.claims import Role
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.metrics import Metric
from barlowcli.records.record import Record

Case = Mapping[str, AxisValue]
"""One value of `claim.by`, with one of every other axis that the claim's arm leaves open."""
LEAST_LEVELS = 2
"""Values of an axis that a slope needs."""


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
    def key(self) -> Hashable:
        """Equal where the numbers are the same."""
        return self.ids, self.metric

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of its cells."""
        return tuple(cell.id for cells in self.cells.values() for cell in cells)

    @property
    def levels(self) -> "tuple[tuple[float, Side], ...]":
        """Weight and accuracy of everything that it is a sum of: here itself."""
        return ((1.0, self),)

    @property
    def planned(self) -> bool:
        """Whether the plan has cells for it."""
        return bool(self.cells)

    def end(self, place: str) -> "Side":
        """The accuracy at the end of the axis that a slope runs along; here itself."""
        del place
        return self

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

    def collapsed(self, records: Records) -> dict[str, list[int]]:
        """Its name -> seeds whose embeddings collapsed in training; nothing where none did."""
        seeds = [
            seed
            for seed, cells in self.cells.items()
            if any((r := records.get(c.id)) is not None and r.status == "collapsed" for c in cells)
        ]
        return {self.name: seeds} if seeds else {}


@dataclass(frozen=True)
class Slope:
    """A side that is the slope of accuracy along an axis, by least squares over its values.

    places: x -> the accuracy there, x in steps of the claim's scale.
    """

    name: str
    metric: Metric
    places: tuple[tuple[float, Side], ...]
    control: bool = False

    @property
    def key(self) -> Hashable:
        """Equal where the numbers are the same."""
        return tuple((x, side.key) for x, side in self.places)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of its cells."""
        return tuple(name for _, side in self.places for name in side.ids)

    @property
    def levels(self) -> tuple[tuple[float, Side], ...]:
        """Weight in the slope, and accuracy, at each value of the axis."""
        weights = slope_weights([x for x, _ in self.places])
        return tuple((weight, side) for weight, (_, side) in zip(weights, self.places, strict=True))

    @property
    def planned(self) -> bool:
        """Whether the plan has cells at enough values of the axis, and at every one that it counts."""
        return len(self.places) >= LEAST_LEVELS and all(side.planned for _, side in self.places)

    def end(self, place: str) -> Side:
        """The accuracy at the "smallest" or "largest" value of the axis."""
        ends = sorted(self.places, key=lambda item: item[0])
        return ends[0][1] if place == "smallest" else ends[-1][1]

    def values(self, records: Records) -> dict[int, float]:
        """Seed -> slope, for the seeds that have an accuracy at every value of the axis."""
        found = [(weight, side.values(records)) for weight, side in self.levels]
        seeds = sorted(set.intersection(*(set(values) for _, values in found)))
        return {seed: sum(weight * values[seed] for weight, values in found) for seed in seeds}

    def missing(self, records: Records) -> list[tuple[PlannedCell, str]]:
        """Planned cells without the number, and why."""
        return [item for _, side in self.places for item in side.missing(records)]

    def records(self, records: Records) -> list[Record]:
        """Records that have an accuracy, of all values of the axis."""
        return [record for _, side in self.places for record in side.records(records)]

    def collapsed(self, records: Records) -> dict[str, list[int]]:
        """Name of an accuracy -> seeds whose embeddings collapsed in training."""
        return {name: seeds for _, side in self.places for name, seeds in side.collapsed(records).items()}


AnySide = Side | Slope


@dataclass(frozen=True)
class Accuracy:
    """One side with its numbers.

    values: by seed, cut to the seeds that all sides of the judgement have. seeds: at how many it was run itself.
    """

    role: Role
    name: str
    metric: Metric
    values: Mapping[int, float]
    seeds: int
    side: AnySide = field(repr=False, compare=False)

    @property
    def mean(self) -> float:
        """Over those seeds."""
        return sum(self.values.values()) / len(self.values)


@dataclass(frozen=True)
class Sides:
    """All accuracies of one judgement.

    ceiling: of an equivalence, what is as good as an arm can get. untrained: the same probe as the arm's on an
    untrained encoder, where the plan has one. learner: one more arm that must have learned something. learned: the
    control that has learned nothing, by the metric it is probed with.
    """

    arm: AnySide
    against: tuple[AnySide, ...]
    full: AnySide | None
    floor: AnySide | None
    ceiling: Side | None
    untrained: Side | None
    learner: Side | None
    learned: Mapping[Metric, Side]

    @property
    def needed(self) -> list[tuple[Role, AnySide]]:
        """Every side that the test uses."""
        sides: list[tuple[Role, AnySide | None]] = [("arm", self.arm), *(("against", side) for side in self.against)]
        sides += [("full", self.full), ("floor", self.floor)]
        return [(role, side) for role, side in sides if side is not None]

    @property
    def beside(self) -> list[Side]:
        """Controls that bound what the test may say: without their numbers there is no verdict."""
        return [*self.learned.values(), *(side for side in (self.ceiling, self.learner) if side is not None)]

    @property
    def cells(self) -> tuple[tuple[Role, Hashable], ...]:
        """Role and key of every side: what tells two judgements apart."""
        return tuple((role, side.key) for role, side in self.needed)

    @property
    def against_itself(self) -> bool:
        """Whether arm and reference are the same cells, or the two gains of an interaction are."""
        arm, against = self.arm, self.against[:1]
        if not arm.planned:
            return False
        if not against:
            return self.full is not None and arm.key == self.full.key
        gains = (self.full, self.floor)
        if [arm.key, against[0].key] == [side.key if side is not None else None for side in gains]:
            return True
        return len(self.against) == 1 and arm.key == against[0].key
