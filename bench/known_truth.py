"""Records of known truth for the real judge: a grid whose accuracies are drawn, not measured.

One experiment holds every kind of claim, each four times over, once for a method: arms of one role have one truth
under every method, so a report gives four independent verdicts of a kind. Roles are values of the axis `dims`; neither
methods nor dims mean anything here.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np

from barlowcli.analysis.results import Results
from barlowcli.experiment.claims import Claim
from barlowcli.experiment.model import Experiment
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.records.record import Record
from barlowcli.verdicts import Verdict, judge
from barlowcli.verdicts.references import cases

METHODS = ("barlow", "byol", "simclr", "vicreg")
FULL, UNTRAINED = 0.70, 0.30
MARGIN, SHARE = 0.1, 0.5
"""Of equivalence and of recovers, as shares of F - R."""
ROLES = {
    "full": "16",
    "arm": "32",
    "second": "64",
    "third": "128",
    "fourth": "256",
    "fifth": "512",
    "off": "1024",
    "other-off": "2048",
    "part": "4096",
}
"""Role of an arm -> its value of dims. off, other-off: at the margin of equivalence; part: at the share of recovers."""
METRIC = "linear.h.none.label"
WORDS = {"supported": "yes", "refuted": "no", "inconclusive": "open"}


@dataclass(frozen=True)
class World:
    """The truth. gain: what the arm has more than the full model; scatter: role -> standard deviation over seeds in
    units of `sd`, where it is not 1; slopes: method -> accuracy a doubling, added to every arm by its dims."""

    sd: float = 0.01
    gain: float = 0.0
    untrained: float = UNTRAINED
    scatter: Mapping[str, float] = field(default_factory=dict)
    slopes: Mapping[str, float] | None = None

    def mean(self, cell: PlannedCell) -> float:
        """True accuracy of a cell."""
        if cell.control:
            return self.untrained
        if self.slopes is not None:
            return 0.5 + self.slopes[cell.axes["method"]] * math.log2(int(cell.axes["dims"]) / 256)
        whole = FULL - UNTRAINED
        below = {"off": MARGIN * whole, "other-off": MARGIN * whole, "part": (1 - SHARE) * whole, "arm": -self.gain}
        return FULL - below.get(role_of(cell), 0.0)

    def deviation(self, cell: PlannedCell) -> float:
        """Standard deviation of a cell's accuracy over seeds."""
        return self.sd * (1.0 if cell.control else self.scatter.get(role_of(cell), 1.0))


def role_of(cell: PlannedCell) -> str:
    """The role of the cell's arm."""
    return next(role for role, dims in ROLES.items() if dims == cell.axes["dims"])


def claim(kind: str, method: str, **fields: Any) -> Claim:
    """A claim of the kind `kind` about one method. What the claims of the tree at hand do not know is left out, so that
    this runs on older ones too."""
    value = {"id": f"{kind}--{method}" if method else kind, "title": kind, "domains": ["none"], **WORDS, **fields}
    value = {"learned": {"method": "random-init"}, **value}
    return Claim.model_validate({name: entry for name, entry in value.items() if name in Claim.model_fields})


def single_claims() -> list[Claim]:
    """Each kind of claim for each method, every one a family of its own."""
    return [one for method in METHODS for one in _of_method(method, {"method": method})]


def family_claims() -> list[Claim]:
    """Three primary claims with four cases each: twelve verdicts that err together."""
    kinds = ("above", "interaction", "equivalence at its bound")
    found = {one.title: one for one in _of_method("", {}, primary={})}
    return [found[kind] for kind in kinds]


def _of_method(method: str, of: Mapping[str, str], **more: Any) -> list[Claim]:
    def at(*roles: str) -> list[dict[str, str]]:
        return [{**of, "dims": ROLES[role]} for role in roles]

    def make(title: str, test: str, arm: str, *against: str, **fields: Any) -> Claim:
        name = title.replace(" ", "-")
        value = {"title": title, "test": test, "arm": at(arm)[0], "against": at(*against), **more, **fields}
        return claim(name, method, **value)

    full, floor = at("full")[0], {"method": "random-init"}
    best = ("full", "second", "third", "fourth", "fifth")
    scale = {"full": full, "floor": floor}
    gains = {"full": at("fourth")[0], "floor": at("other-off")[0]}
    return [
        make("above", "above", "arm", "full"),
        make("above the best of 3", "above", "arm", *best[:3]),
        make("above the best of 5", "above", "arm", *best),
        make("interaction", "interaction", "arm", "off", **gains),
        make("equivalence", "equivalence", "second", "full", **scale, margin=MARGIN),
        make("equivalence at its bound", "equivalence", "off", "full", **scale, margin=MARGIN),
        make("recovers-at-most", "recovers-at-most", "part", **scale, margin=SHARE),
        make("recovers-at-least", "recovers-at-least", "part", **scale, margin=SHARE),
    ]


def slope_claims() -> list[Claim]:
    """Claims along dims: a slope of none, two that are equal, and one that is half of another."""
    along = {"axis": "dims", "scale": "log2", "per": "doubling"}
    barlow, byol, simclr, vicreg = ({"method": method} for method in METHODS)
    return [
        claim("rises", "", test="rises", arm=barlow, along=along),
        claim("falls", "", test="falls", arm=byol, along=along),
        claim("slope-above", "", test="above", arm=barlow, against=[byol], along=along),
        claim("slope-below", "", test="below", arm=barlow, against=[byol], along=along),
        claim("slope-recovers", "", test="recovers-at-most", arm=vicreg, full=simclr, margin=SHARE, along=along),
    ]


SLOPES = {"barlow": 0.0, "byol": 0.0, "simclr": 0.02, "vicreg": 0.01}


def plan_of(claims: Sequence[Claim], seeds: int, *, variance: str = "paired") -> Plan:
    """The grid with these claims. variance: as an experiment declares it."""
    value = {
        "name": "calibration",
        "title": "Calibration",
        "question": "How often is the judge wrong?",
        "axes": {
            "method": {"key": "method.name", "values": list(METHODS)},
            "dims": {"key": "projector.dim", "values": [int(dims) for dims in ROLES.values()]},
        },
        "controls": [{"set": {"method": "random-init"}}],
        "presets": {"quick": {"summary": "drawn", "cost": "none"}},
        "settings": {"evaluation": {"domains": ["none"]}},
        "claims": [one.model_dump() for one in claims],
        "variance": variance,
    }
    known = {name: entry for name, entry in value.items() if name in Experiment.model_fields}
    return build_plan(Experiment.model_validate(known), "quick", Overrides(seeds=seeds), on_cuda=False)


def reports(plan: Plan, world: World, count: int, *, seed: int = 0) -> Iterator[list[Verdict]]:
    """`count` reports of the real judge, each on accuracies drawn anew (Gaussian, arms independent)."""
    yield from drawn_reports(plan, world.mean, world.deviation, count, seed=seed)


def drawn_reports(
    plan: Plan,
    mean: Callable[[PlannedCell], float],
    deviation: Callable[[PlannedCell], float],
    count: int,
    *,
    seed: int = 0,
    metrics: Callable[[PlannedCell], Sequence[str]] = lambda cell: (METRIC,),
) -> Iterator[list[Verdict]]:
    """The same of any plan. metrics: names of the metrics of a cell, each drawn on its own."""
    names = [(cell, name) for cell in plan.cells for name in metrics(cell)]
    means = np.array([mean(cell) for cell, _ in names])
    deviations = np.array([deviation(cell) for cell, _ in names])
    empty = {cell.id: record_of(plan, cell) for cell in plan.cells}
    rng = np.random.default_rng(seed)
    with mock.patch("barlowcli.verdicts.judgement.cases", remembered(cases)):
        for _ in range(count):
            values: dict[str, dict[str, float]] = {cell.id: {} for cell in plan.cells}
            for (cell, name), value in zip(names, rng.normal(means, deviations).tolist(), strict=True):
                values[cell.id][name] = value
            records = {key: record.model_copy(update={"metrics": values[key]}) for key, record in empty.items()}
            yield judge(Results(plan, records))


def remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """`cases` of one plan, each looked up once: they follow from the plan alone, and take most of a judge's time."""
    known: dict[object, Any] = {}

    def look_up(results: Results, claim: Claim, domain: str) -> Any:
        key = (claim.id, domain)
        if key not in known:
            known[key] = function(results, claim, domain)
        return known[key]

    return look_up


def record_of(plan: Plan, cell: PlannedCell) -> Record:
    """A record of the cell without numbers."""
    return Record(
        id=cell.id,
        experiment=plan.experiment.name,
        preset=plan.preset,
        axes=cell.axes,
        seed=cell.seed,
        control=cell.control,
        status="ok",
        chance={"label": 0.1},
        counts={"train": 1000, "validation": 100, "test": 1000},
        config={},
        provenance={},
    )
