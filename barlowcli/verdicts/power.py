"""What effect a claim can show with so many seeds, before anything is run.

The power of Student's t: with an effect of delta standard errors the statistic has the noncentral t distribution, and
exceeds the critical value in the share of runs that is the power (Cohen 1988, Statistical Power Analysis, chapter 2).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import nctdtr, stdtrit  # scipy.stats takes two seconds to import

from barlowcli.analysis.results import Results
from barlowcli.analysis.statistics import MIN_SEEDS
from barlowcli.experiment.claims import Claim
from barlowcli.plan.plan import Plan
from barlowcli.verdicts.contrasts import SIDE
from barlowcli.verdicts.judgement import is_primary
from barlowcli.verdicts.references import cases
from barlowcli.verdicts.sides import AnySide, Side, Sides

POWER = 0.8
"""Share of runs in which the effect is shown: the usual one (Cohen 1988)."""


@dataclass(frozen=True)
class Detectable:
    """What the primary claim of a plan can show.

    claim: its id. seeds: that all its arms have. tests: verdicts that err together, among which Holm's correction
    shares the level. effect: the smallest shown in `POWER` of all runs, as a fraction, the largest of all its cases; of
    an equivalence, the smallest margin inside which equal arms are shown to be; of a slope, per step of its axis. None
    where there are too few seeds to test.
    """

    claim: Claim
    seeds: int
    tests: int
    effect: float | None


def detectable(plan: Plan, sd: float) -> list[Detectable]:
    """For each primary claim of a plan, or for its first where none is primary; [] where it has no cells for them.

    sd: of one accuracy within its arm over seeds.
    """
    results = Results(plan, {})
    found = {claim.id: _sides(results, claim) for claim in plan.experiment.claims}
    primary = [claim for claim in plan.experiment.claims if claim.primary is not None]
    asked = [claim for claim in primary or plan.experiment.claims[:1] if found[claim.id]]
    together = sum(len(found[claim.id]) for claim in asked)
    rows = []
    for claim in asked:
        of_cases = [_of_case(claim, sides, plan, sd, together) for sides in found[claim.id]]
        known = [effect for _, effect in of_cases if effect is not None]
        rows.append(Detectable(claim, min(n for n, _ in of_cases), together, max(known, default=None)))
    return rows


def smallest_effect(sd: float, n: int, weight: float, df: float, *, level: float = SIDE, power: float = POWER) -> float:
    """The effect that a one-sided t test at `level` shows with this power, in the unit of `sd`.

    The standard error is sd x sqrt(weight / n). sd: of one accuracy over seeds. n: seeds. weight: sum of coefficient
    squared x spread over the samples of the contrast (`variances.Sample`): 2 for a difference, 4 for an interaction.
    """
    return noncentrality(df, level, power) * sd * math.sqrt(weight / n)


def noncentrality(df: float, level: float, power: float) -> float:
    """The delta at which noncentral t with `df` degrees of freedom exceeds its critical value with this power."""
    critical = float(stdtrit(df, 1 - level))
    low, high = 0.0, 2 * critical + 10
    for _ in range(60):  # bisection: the distribution function falls as delta rises
        middle = (low + high) / 2
        if float(nctdtr(df, middle, critical)) > 1 - power:
            low = middle
        else:
            high = middle
    return high


def _sides(results: Results, claim: Claim) -> list[Sides]:
    """The primary cases of a claim in its first domain, or all where it has none; those that the plan has cells for."""
    domain = claim.domains[0]
    found = cases(results, claim, domain)
    chosen = [sides for case, sides in found if claim.primary is None or is_primary(claim, case, [domain])]
    return [sides for sides in chosen if all(side.planned for _, side in sides.needed)]


def _of_case(claim: Claim, sides: Sides, plan: Plan, sd: float, tests: int) -> tuple[int, float | None]:
    """Seeds, and the smallest effect against the reference that makes it hardest."""
    n = min(seeds for _, side in sides.needed if (seeds := _seeds(side)))
    if n < MIN_SEEDS:
        return n, None
    effects = [_of_contrast(claim, parts, n, plan, sd, tests) for parts in contrasts_of(claim, sides)]
    return n, max(effects)


def _of_contrast(
    claim: Claim, parts: Mapping[object, tuple[float, float]], n: int, plan: Plan, sd: float, tests: int
) -> float:
    weights = [coefficient**2 * spread for coefficient, spread in parts.values() if coefficient and spread]
    weight = math.fsum(weights)
    if not weight:
        return 0.0
    df = float(n - 1)
    if plan.experiment.variance == "pooled":  # as by Welch's test, that a pool at worst falls back to
        df *= weight**2 / math.fsum(part**2 for part in weights)
    # Of an equivalence two tests must hold; as likely each, they do together where each has half the misses.
    power = 1 - (1 - POWER) / 2 if claim.test == "equivalence" else POWER
    return smallest_effect(sd, n, weight, df, level=SIDE / tests, power=power)


def contrasts_of(claim: Claim, sides: Sides) -> list[dict[object, tuple[float, float]]]:
    """The contrasts that a claim tests, one for each reference: key of an accuracy -> its coefficient, and 1, or 0 for
    one that has no variance over seeds."""
    arm, full, floor = sides.arm, sides.full, sides.floor
    terms: list[tuple[float, AnySide | None]] = [(1.0, arm)]
    if claim.test == "interaction":
        terms += [(-1.0, sides.against[0]), (-1.0, full), (1.0, floor)]
    elif claim.test in ("recovers-at-most", "recovers-at-least"):
        base = sides.against[0] if sides.against else floor
        terms += [(-1.0, base), (-claim.margin, full), (claim.margin, floor)]
    else:
        return [_parts([*terms, (-1.0, side)]) for side in sides.against] or [_parts(terms)]
    return [_parts(terms)]


def _parts(terms: Sequence[tuple[float, AnySide | None]]) -> dict[object, tuple[float, float]]:
    parts: dict[object, tuple[float, float]] = {}
    for coefficient, side in terms:
        for weight, level in side.levels if side is not None else ():
            before = parts.get(level.key, (0.0, 0.0))[0]
            parts[level.key] = (before + coefficient * weight, 0.0 if _constant(level) else 1.0)
    return parts


def _seeds(side: AnySide) -> int:
    """Seeds that every cell of it has; 0 for a control that stands for any number of them."""
    return min((len(level.cells) for _, level in side.levels if not _constant(level)), default=0)


def _constant(side: Side) -> bool:
    """Whether it is a control with one seed, or one whose probe of the images themselves has nothing to draw."""
    if not side.control or not side.cells:
        return False
    encodes = next(iter(side.cells.values()))[0].config.method.encodes
    return len(side.cells) == 1 or (not encodes and side.metric.probe != "mlp")
