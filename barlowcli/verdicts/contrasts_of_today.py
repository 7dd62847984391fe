"""The five tests a claim can name, on accuracies by seed.

Each is a pair of one-sided tests at level .05, one that would support the claim and one that would refute it; where
neither does, it is inconclusive. Both can be read off the 90 % interval: a one-sided test at .05 holds exactly
where the interval's end on that side is beyond the bound.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from barlowcli.analysis.statistics import (
    MIN_SEEDS,
    Interval,
    fieller,
    p_above,
    p_below,
    p_outside,
    paired_differences,
    t_interval,
    tost,
)

BySeed = Mapping[int, float]
ALPHA = 0.05
DECISION_CONFIDENCE = 0.90
"""1 - 2 alpha: the two-sided interval whose ends are the one-sided tests at alpha."""


@dataclass(frozen=True)
class Outcome:
    """What a test found.

    quantity: "difference" of accuracies, or "share" of the gain from R to F. n: pairs of seeds. interval: 95 %;
    decision: 90 %. margin: the bound, in the unit of the effect. effect and intervals are None where they mean
    nothing, p_supported and p_refuted also where n < 3. yardstick: False where F is not clearly above R, so that a
    share of F - R is a share of nothing. same: every seed gave the same number, there was no spread to test by.
    hardest: which of several references p_supported is of, 0 for the one that the effect is taken against.
    """

    quantity: Literal["difference", "share"]
    n: int
    margin: float
    effect: float | None = None
    interval: Interval | None = None
    decision: Interval | None = None
    p_supported: float | None = None
    p_refuted: float | None = None
    yardstick: bool = True
    same: bool = False
    hardest: int = 0


def align(sides: Sequence[tuple[BySeed, bool]]) -> list[dict[int, float]]:
    """Cut each side, (values by seed, is a control), to the seeds that all have.

    A control with one and the same value at each of its seeds (a histogram has no initialisation), or with one
    seed alone, stands for every seed.
    """
    constant = [control and len(set(values.values())) == 1 for values, control in sides]
    by_seed = [set(values) for (values, _), same in zip(sides, constant, strict=True) if not same]
    everywhere = [set(values) for values, _ in sides]
    seeds = sorted(set.intersection(*(by_seed or everywhere)))
    return [
        {seed: next(iter(values.values())) if same else values[seed] for seed in seeds}
        for (values, _), same in zip(sides, constant, strict=True)
    ]


def above(arm: BySeed, best: BySeed, *others: BySeed) -> Outcome:
    """Supported: A - B > 0 for `best` and all `others`; refuted: A - B < 0 for `best`, with the best mean.

    The best by mean may be the one that scatters most, so p_supported is the largest p of all: the intersection-union
    test, which needs no correction (Berger 1982, Technometrics 24, 295-300).
    """
    differences = [list(paired_differences(arm, against).values()) for against in (best, *others)]
    outcome = _difference(differences[0], 0.0)
    if outcome.n < MIN_SEEDS:
        return outcome
    over = [p_above(values) for values in differences]
    return replace(outcome, p_supported=max(over), p_refuted=p_below(differences[0]), hardest=over.index(max(over)))


def interaction(arm: BySeed, against: BySeed, full: BySeed, floor: BySeed) -> Outcome:
    """Supported: (A - B) - (F - R) > 0, the gain of A over B is larger than that of F over R; refuted: < 0."""
    first, second = paired_differences(arm, against), paired_differences(full, floor)
    differences = list(paired_differences(first, second).values())
    outcome = _difference(differences, 0.0)
    if outcome.n < MIN_SEEDS:
        return outcome
    return replace(outcome, p_supported=p_above(differences), p_refuted=p_below(differences))


def equivalence(
    arm: BySeed, against: BySeed, full: BySeed, floor: BySeed, share: float, *, base: BySeed | None = None
) -> Outcome:
    """Supported: |A - B| < margin, by two one-sided tests; refuted: |A - B| > margin.

    margin = `share` x (mean F - mean R), taken as a fixed number. base: R where F was probed, if that is elsewhere
    than the arm; F must then be clearly above both.
    """
    differences = list(paired_differences(arm, against).values())
    gains = list(paired_differences(full, floor).values())
    outcome = _difference(differences, share * t_interval(gains).mean)
    if outcome.n < MIN_SEEDS or not _yardstick(full, floor, base):
        return replace(outcome, yardstick=outcome.n < MIN_SEEDS)
    p_inside = tost(differences, outcome.margin).p
    return replace(outcome, p_supported=p_inside, p_refuted=p_outside(differences, outcome.margin))


def recovers(
    arm: BySeed,
    full: BySeed,
    floor: BySeed,
    share: float,
    *,
    at_most: bool,
    base: BySeed | None = None,
    against: BySeed | None = None,
) -> Outcome:
    """Supported: (A - R) - `share` x (F - R) < 0 (at most) or > 0 (at least); refuted: the other way round.

    base: as in `equivalence`. against: B, whose gain A - B then stands for A - R.
    The effect is g = (A - R) / (F - R) with Fieller's interval, which holds the shares that these tests keep.
    """
    gains = list(paired_differences(arm, floor if against is None else against).values())
    whole = list(paired_differences(full, floor).values())
    n = len(gains)
    if n < MIN_SEEDS or not _yardstick(full, floor, base):
        effect = fieller(gains, whole).mean if n < MIN_SEEDS and math.fsum(whole) > 0 else None
        return Outcome("share", n, share, effect=effect, yardstick=n < MIN_SEEDS)
    contrast = [gain - share * most for gain, most in zip(gains, whole, strict=True)]
    below, over = p_below(contrast), p_above(contrast)
    interval = fieller(gains, whole)
    return Outcome(
        quantity="share",
        n=n,
        margin=share,
        effect=interval.mean,
        interval=interval,
        decision=fieller(gains, whole, DECISION_CONFIDENCE),
        p_supported=below if at_most else over,
        p_refuted=over if at_most else below,
        same=t_interval(contrast).sd == 0,
    )


def clearly_positive(gains: Sequence[float]) -> bool:
    """Whether the 95 % interval of `gains` lies above 0; exactly then Fieller's interval over them has two ends."""
    low = t_interval(gains).low
    return low is not None and low > 0


def _yardstick(full: BySeed, floor: BySeed, base: BySeed | None) -> bool:
    """Whether F is clearly above R, both where the arm was probed and where F was.

    An untrained encoder on shuffled images is a low bar: F, probed on intact ones, can pass it with nothing learned.
    """
    floors = [floor] if base is None else [floor, base]
    return all(clearly_positive(list(paired_differences(full, values).values())) for values in floors)


def _difference(differences: Sequence[float], margin: float) -> Outcome:
    interval = t_interval(differences)
    return Outcome(
        quantity="difference",
        n=interval.n,
        margin=margin,
        effect=interval.mean,
        interval=interval,
        decision=t_interval(differences, DECISION_CONFIDENCE),
        same=interval.sd == 0,
    )
