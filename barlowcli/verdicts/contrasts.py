"""The tests that a claim can name, on accuracies by seed.

Each is a pair of one-sided tests, one that would support the claim and one that would refute it, each at .025; where
neither does, it is inconclusive. Both can be read off the 95 % interval: a one-sided test at .025 holds exactly where
the interval's end on that side is beyond the bound. By which variance they are taken: `variances.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from barlowcli.analysis.statistics import MIN_SEEDS, Estimate, Interval, Pool, pool, ratio_interval, t_interval
from barlowcli.verdicts.variances import PAIRED, Contrast, Sample, Variance, VarianceName, variance_for

__all__ = [
    "ALPHA",
    "SIDE",
    "Outcome",
    "Pool",
    "Sample",
    "above",
    "align",
    "below",
    "equivalence",
    "falls",
    "interaction",
    "p_learned",
    "pool",
    "recovers",
    "rises",
]

BySeed = Mapping[int, float]
ALPHA = 0.05
"""Of both words of a claim together."""
SIDE = ALPHA / 2
"""Of each word."""


@dataclass(frozen=True)
class Outcome:
    """What a test found.

    quantity: "difference" of accuracies (or a slope), or "share" of the gain from R to F. n: seeds. margin: the bound,
    in the unit of the effect. interval: 95 %. effect and interval are None where they mean nothing, p_supported and
    p_refuted also where n < 3. yardstick: False where F is not clearly above R, so that a share of F - R is a share of
    nothing. same: nothing scattered, there was no spread to test by. hardest: which of several references p_supported
    is of, 0 for the one that the effect is taken against.

    variance: the one that p values and interval are taken by. paired_supported, paired_refuted: the p values of the
    paired test, the same where variance is "paired". guard: p of "the arms compared scatter no more than the pool
    says", None without a pool.
    """

    quantity: Literal["difference", "share"]
    n: int
    margin: float
    effect: float | None = None
    interval: Interval | None = None
    p_supported: float | None = None
    p_refuted: float | None = None
    yardstick: bool = True
    same: bool = False
    hardest: int = 0
    variance: VarianceName = "paired"
    paired_supported: float | None = None
    paired_refuted: float | None = None
    guard: float | None = None


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


def above(arm: Sample, *against: Sample, pool: Pool | None = None) -> Outcome:
    """Supported: A - B > 0 for every B of `against`; refuted: A - B < 0 for one of them. The effect is A - the first.

    The first is the best by mean. For "supported" the largest p counts: the intersection-union test, which needs no
    correction (Berger 1982, Technometrics 24, 295-300). For "refuted" the smallest, times their number (Bonferroni):
    the best is picked on the very seeds that it is tested on.
    """
    contrasts = [Contrast.of((1, arm), (-1, other)) for other in against]
    if len(contrasts[0].seeds) < MIN_SEEDS:
        return _few(contrasts[0])
    by = variance_for(contrasts, pool)
    over, paired = ([variance.estimate(contrast).above() for contrast in contrasts] for variance in (by, PAIRED))
    return replace(
        _difference(contrasts[0], by),
        p_supported=max(over),
        p_refuted=_any_below(contrasts, by),
        hardest=over.index(max(over)),
        paired_supported=max(paired),
        paired_refuted=_any_below(contrasts, PAIRED),
    )


def _any_below(contrasts: Sequence[Contrast], by: Variance) -> float:
    return min(1.0, len(contrasts) * min(by.estimate(contrast).below() for contrast in contrasts))


def below(arm: Sample, against: Sample, pool: Pool | None = None) -> Outcome:
    """Supported: A - B < 0; refuted: A - B > 0."""
    return _swapped(above(arm, against, pool=pool))


def rises(arm: Sample, pool: Pool | None = None) -> Outcome:
    """Supported: the slope A is above 0; refuted: below."""
    return _signed(Contrast.of((1, arm)), pool)


def falls(arm: Sample, pool: Pool | None = None) -> Outcome:
    """Supported: the slope A is below 0; refuted: above."""
    return _swapped(rises(arm, pool))


def interaction(arm: Sample, against: Sample, full: Sample, floor: Sample, pool: Pool | None = None) -> Outcome:
    """Supported: (A - B) - (F - R) > 0, the gain of A over B is larger than that of F over R; refuted: < 0."""
    return _signed(Contrast.of((1, arm), (-1, against), (-1, full), (1, floor)), pool)


def equivalence(
    arm: Sample, against: Sample, full: Sample, floor: Sample, share: float, pool: Pool | None = None
) -> Outcome:
    """Supported: |A - B| < margin, by two one-sided tests; refuted: |A - B| > margin.

    margin = `share` x (mean F - mean R), taken as a fixed number.
    """
    contrast, whole = Contrast.of((1, arm), (-1, against)), Contrast.of((1, full), (-1, floor))
    margin = share * whole.mean
    if len(contrast.seeds) < MIN_SEEDS:
        return _few(contrast, margin)
    by = variance_for([contrast, whole], pool)
    outcome = _difference(contrast, by, margin)
    if not _positive(by.estimate(whole)):
        return replace(outcome, yardstick=False)
    found, paired = by.estimate(contrast), PAIRED.estimate(contrast)
    return replace(
        outcome,
        p_supported=found.inside(margin),
        p_refuted=found.outside(margin),
        paired_supported=paired.inside(margin),
        paired_refuted=paired.outside(margin),
    )


def recovers(
    arm: Sample,
    full: Sample,
    floor: Sample | None,
    share: float,
    *,
    at_most: bool,
    against: Sample | None = None,
    pool: Pool | None = None,
) -> Outcome:
    """Supported: (A - R) - `share` x (F - R) < 0 (at most) or > 0 (at least); refuted: the other way round.

    against: B, whose gain A - B then stands for A - R. Without `floor` A and F are slopes, that is gains themselves.
    The effect is g = (A - R) / (F - R) with Fieller's interval, which holds the shares that these tests keep.
    """
    base = floor if against is None else against
    gain = [(1.0, arm), *([(-1.0, base)] if base is not None else [])]
    whole = [(1.0, full), *([(-1.0, floor)] if floor is not None else [])]
    gained, most = Contrast.of(*gain), Contrast.of(*whole)
    excess = Contrast.of(*gain, *((-share * coefficient, sample) for coefficient, sample in whole))
    n = len(excess.seeds)
    if n < MIN_SEEDS:
        return Outcome("share", n, share, effect=gained.mean / most.mean if n and most.mean > 0 else None)
    by = variance_for([excess, most], pool)
    found, paired = by.estimate(excess), PAIRED.estimate(excess)
    judged = Outcome("share", n, share, variance=by.name, guard=by.guard)
    # One number of degrees of freedom, so that interval, tests and yardstick agree: those of the contrast tested.
    if not _positive(replace(by.estimate(most), df=found.df)):
        return replace(judged, yardstick=False)
    covariance = np.array([[by.covariance(x, y) for y in (gained, most)] for x in (gained, most)])
    interval = ratio_interval((gained.mean, most.mean), covariance, found.df, n)
    more = replace(
        judged,
        effect=interval.mean,
        interval=interval,
        p_supported=found.above(),
        p_refuted=found.below(),
        paired_supported=paired.above(),
        paired_refuted=paired.below(),
        same=found.error == 0,
    )
    return _swapped(more) if at_most else more


def p_learned(arm: Sample, untrained: Sample, pool: Pool | None = None) -> float:
    """One-sided p of "A is not above an untrained encoder". Raises ValueError where n < 3."""
    contrast = Contrast.of((1, arm), (-1, untrained))
    return variance_for([contrast], pool).estimate(contrast).above()


def _positive(found: Estimate) -> bool:
    """Whether its 95 % interval lies above 0; exactly then Fieller's interval over it has two ends."""
    low = found.interval().low
    return low is not None and low > 0


def _few(contrast: Contrast, margin: float = 0.0) -> Outcome:
    """Too few seeds to test: the effect alone."""
    n = len(contrast.seeds)
    interval = t_interval(contrast.values) if n else None
    effect = interval.mean if interval is not None else None
    same = interval is not None and interval.sd == 0
    return Outcome("difference", n, margin, effect=effect, interval=interval, same=same)


def _difference(contrast: Contrast, by: Variance, margin: float = 0.0) -> Outcome:
    """Effect and interval, without p values."""
    found = by.estimate(contrast)
    return Outcome(
        quantity="difference",
        n=found.n,
        margin=margin,
        effect=found.mean,
        interval=found.interval(),
        same=found.error == 0,
        variance=by.name,
        guard=by.guard,
    )


def _signed(contrast: Contrast, pool: Pool | None) -> Outcome:
    """Supported: above 0; refuted: below."""
    if len(contrast.seeds) < MIN_SEEDS:
        return _few(contrast)
    by = variance_for([contrast], pool)
    found, paired = by.estimate(contrast), PAIRED.estimate(contrast)
    return replace(
        _difference(contrast, by),
        p_supported=found.above(),
        p_refuted=found.below(),
        paired_supported=paired.above(),
        paired_refuted=paired.below(),
    )


def _swapped(outcome: Outcome) -> Outcome:
    """With the words the other way round."""
    return replace(
        outcome,
        p_supported=outcome.p_refuted,
        p_refuted=outcome.p_supported,
        paired_supported=outcome.paired_refuted,
        paired_refuted=outcome.paired_supported,
    )
