"""Which cells and which metric each accuracy of a claim comes from, by the plan alone."""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from barlowcli.analysis.results import Results, shuffle_axes, trained_domain
from barlowcli.analysis.wording import domain_name, metric_name
from barlowcli.experiment.axes import NOWHERE, AxisValue
from barlowcli.experiment.claims import SYMBOLS, WINNER, Along, Claim, Domain
from barlowcli.experiment.model import Control
from barlowcli.experiment.order import number
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.records.metrics import INTACT, JOINED, OWN, Metric
from barlowcli.verdicts.sides import AnySide, Case, Side, Sides, Slope


def cases(results: Results, claim: Claim, domain: Domain) -> list[tuple[Case, Sides]]:
    """What the claim is judged for, one by one: the values of its axis `by`, and of every other axis its arm leaves
    open, among the grid's cells; with their sides, in the arms' own domains or on intact images.

    Cases that come to the very same cells are one, at no value of the axes in which they differ; what would be held
    against itself is none.
    """
    plan, claim = results.plan, claim.in_domain(domain)
    arm = translated(plan, claim.arm)
    settled = {*arm, *([claim.along.axis] if claim.along is not None else [])}
    choices = {
        name: [AxisValue((value,)) for value in values] or [NOWHERE]
        for name, values in plan.axes.items()
        if name not in settled
    }
    found: dict[object, tuple[Case, Sides]] = {}
    for values in itertools.product(*choices.values()):
        case: Case = dict(zip(choices, values, strict=True)) | ({claim.by: arm[claim.by]} if claim.by in arm else {})
        if _control(plan, case) is not None:
            continue
        sides = sides_of(results, claim, case, domain)
        unmeasured = not sides.arm.ids and _matching(
            plan, plan.cells, {**case, **arm}
        )  # it has cells, but not the number
        if unmeasured or sides.against_itself:
            continue
        key = sides.cells if sides.arm.planned else values  # what the plan lacks stays apart
        before = found.get(key, (case, sides))[0]
        same = {name: value if before[name] == value else NOWHERE for name, value in case.items()}
        found[key] = (same, sides)
    return list(found.values())


def translated(plan: Plan, arm: Mapping[str, str]) -> dict[str, AxisValue]:
    """The axes of a claim's arm, with `smallest`, `largest`, … and `winner` as the values they have in this plan.

    One that has none there (no winner yet, a single value for `second-largest`) is "", where no cell lies.
    """
    found: dict[str, AxisValue] = {}
    for name, value in arm.items():
        if name == "metric":
            continue
        if name in plan.axes and value in SYMBOLS:
            ordered = sorted(plan.axes[name], key=number)
            place = {"smallest": 0, "second-largest": -2, "largest": -1}[value]
            found[name] = AxisValue((ordered[place] if len(ordered) >= abs(place) else "",))
        else:
            found[name] = AxisValue((plan.winner if value == WINNER else value,))
    return found


def sides_of(results: Results, claim: Claim, case: Case, domain: Domain) -> Sides:
    """The sides of `claim` for one case, all of them probed in the arm's own domain or on intact images.

    claim: with the references that it has in this domain (`Claim.in_domain`).
    """
    plan = results.plan
    here = {**case, **translated(plan, claim.arm)}
    cells = _matching(plan, plan.cells, here)
    home = (trained_domain(cells[0]) if cells and domain == OWN else None) or INTACT
    look = _Look(results, claim, here, home)
    sides = Sides(
        arm=look.side(claim.arm),
        against=tuple(look.side(reference) for reference in claim.against),
        full=look.side(claim.full) if claim.full else None,
        floor=look.side(claim.floor) if claim.floor else None,
        ceiling=look.accuracy(claim.ceiling) if claim.ceiling else None,
        untrained=look.untrained(),
        learner=replace(look, home=INTACT).accuracy(claim.learner) if claim.learner else None,
        learned={},
    )
    return replace(sides, learned=_learned(look, sides)) if claim.learned else sides


def _learned(look: "_Look", sides: Sides) -> dict[Metric, Side]:
    """Metric -> the control that has learned nothing, for what each side of the grid is measured by."""
    trained = [*(side for _, side in sides.needed), *([sides.learner] if sides.learner is not None else [])]
    metrics = dict.fromkeys(side.metric for side in trained if not side.control)
    return {metric: look.accuracy({"metric": str(metric.of_online()), **look.claim.learned}) for metric in metrics}


@dataclass(frozen=True)
class _Look:
    """How references are looked up. here: the axes of the arm judged; home: the domain that everything is probed in."""

    results: Results
    claim: Claim
    here: Case
    home: str

    def side(self, reference: Mapping[str, str]) -> AnySide:
        """What a claim names: an accuracy, or the slope of one along the claim's axis."""
        along, plan = self.claim.along, self.results.plan
        if along is None:
            return self.accuracy(reference)
        names = sorted(plan.axes[along.axis], key=number)
        names = [name for name in names if not along.until or number(name) <= number(along.until)]
        axis = {name: AxisValue((name,)) for name in names}
        sides = {name: self.accuracy(reference, {along.axis: at}) for name, at in axis.items()}
        places = [(x, side) for x, side in zip(_places(names, along), sides.values(), strict=True) if side.planned]
        whole = self.accuracy(reference)
        return Slope(whole.name, whole.metric, tuple(places))

    def untrained(self) -> Side | None:
        """The claim's probe on an untrained encoder, where the plan has one."""
        plan = self.results.plan
        found = [cell for cell in plan.cells if cell.config.method.encodes and not cell.config.method.trains]
        return self.accuracy({"method": found[0].axes["method"]}) if found and "method" in plan.axes else None

    def accuracy(self, reference: Mapping[str, str], at: Case | None = None) -> Side:
        """The accuracy that a reference names; at: values of axes that it leaves open."""
        results, claim, plan = self.results, self.claim, self.results.plan
        named = {**translated(plan, reference), **(at or {})}
        metric = Metric.read(reference.get("metric", claim.metric))
        metric = metric.within(self.home) if metric.domain == "{domain}" else metric
        control = _control(plan, named)
        wanted = {**self.here, **named} if control is None else {**translated(plan, control.set), **named}
        found = [cell for cell in _matching(plan, plan.cells, wanted) if _offers(cell, metric)]
        if control is not None:
            untrained = not any(trained_domain(cell) for cell in found)
            settled = {*wanted, *(shuffle_axes(plan) if untrained else [])}  # probed where the arm is
            found = _nearest(plan, found, {name: value for name, value in self.here.items() if name not in settled})
        shown = {*claim.arm, *(wanted if control else named), *([claim.by] if claim.compares_gains else [])}
        cells: dict[int, tuple[PlannedCell, ...]] = {}
        for cell in sorted(found, key=lambda cell: cell.seed):
            cells[cell.seed] = (*cells.get(cell.seed, ()), cell)
        return Side(
            name=_name(results, wanted, shown, metric, found[0] if found else None, self.home),
            metric=metric,
            cells=cells,
            control=control is not None,
        )


def _places(names: Sequence[str], along: Along) -> list[float]:
    """Where the values of an axis lie on the scale of a slope."""
    if along.scale == "rank":
        return [float(place) for place in range(len(names))]
    values = [number(name) for name in names]
    return [math.log2(value) for value in values] if along.scale == "log2" else values


def _name(
    results: Results, at: Case, shown: Collection[str], metric: Metric, cell: PlannedCell | None, home: str
) -> str:
    """A side in words: its arm over the axes `shown`, for an untrained control with what was probed instead, and where
    it was probed if that is elsewhere than the arm."""
    if cell is None:  # what the plan lacks is named in full
        return results.arm_name(at, [name for name in results.plan.experiment.axes if name in shown and name in at])
    if not cell.config.method.encodes:
        return metric_name(metric)
    varied = [name for name in results.varying if name in at]
    arm = results.arm_name(at, [name for name in varied if name in shown] or varied)
    if cell.config.method.trains:
        return arm if metric.domain == home else f"{arm}, probed on {domain_name(metric.domain)}"
    return f"{arm} on {domain_name(metric.domain)}"


def _control(plan: Plan, named: Case) -> Control | None:
    """The control of the experiment that these axes name by the first axis it sets, its method as a rule. Its own axes
    then complete them, so that a grid that trains the same method is not mixed in."""
    firsts = ((control, *next(iter(control.set.items()))) for control in plan.experiment.controls if control.set)
    return next((control for control, name, value in firsts if named.get(name) == AxisValue((value,))), None)


def _matching(plan: Plan, cells: Sequence[PlannedCell], at: Case) -> list[PlannedCell]:
    return [cell for cell in cells if all(_lies(plan, cell, name, value) for name, value in at.items())]


def _lies(plan: Plan, cell: PlannedCell, axis: str, value: AxisValue) -> bool:
    """Whether the cell lies at this value of the axis."""
    return cell.at[axis] == value or (len(value.values) == 1 and value.values[0] in plan.values_of(cell, axis))


def _nearest(plan: Plan, cells: Sequence[PlannedCell], at: Case) -> list[PlannedCell]:
    """Of axes that a control leaves open: the cells that agree with the arm, else those without, else any."""
    left = list(cells)
    for name, value in at.items():
        same = _matching(plan, left, {name: value}) or _matching(plan, left, {name: NOWHERE})
        left = same or left
    return left


def _offers(cell: PlannedCell, metric: Metric) -> bool:
    """Whether the cell is probed where the metric is measured, in that way, in the network it is measured of."""
    evaluation, encodes = cell.config.evaluation, cell.config.method.encodes
    asked = {
        "mlp": metric.probe != "mlp" or evaluation.mlp,
        "joined": metric.space != JOINED or evaluation.beside_histogram,
        "target": not metric.of_target or evaluation.target,
    }
    return (not metric.domain or metric.domain in evaluation.domains) and (all(asked.values()) or not encodes)
