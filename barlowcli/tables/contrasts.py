"""The paired differences behind the verdicts."""

from collections.abc import Sequence

import pandas as pd

from barlowcli.analysis.statistics import Interval, paired_differences, t_interval
from barlowcli.tables.frames import REAL, TEXT, WHOLE, frame, of_type
from barlowcli.verdicts import Verdict
from barlowcli.verdicts.contrasts import Outcome

TESTED = (
    "margin",
    "p_supported",
    "p_refuted",
    "p_supported_paired",
    "p_refuted_paired",
    "p_supported_holm",
    "p_refuted_holm",
)
WHOLE_SIDES = ("above", "below", "equivalence")
"""Tests of a plain difference of two sides, the first row of the verdict's; the others test a row of their own."""


def contrasts(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row a paired difference of a judgement: claim, case, domains, what was compared with what, its 95 % interval
    over paired seeds.

    The row that was tested has the interval of the test instead, the variance that it is of, bound, p both ways as
    tested, by paired seeds alone and after Holm, and the verdict. Differences are in fractions of accuracy, of a claim
    of slopes per step of its axis; the row "g = (A - R) / (F - R)" is the share of the gain.
    """
    what = of_type(TEXT, ["claim", "case", "domains", "contrast", "first", "second"])
    effect = [("n", WHOLE), *of_type(REAL, ["effect", "sd", "low_95", "high_95"])]
    tested = [("test", TEXT), ("kind", TEXT), ("variance", TEXT), *of_type(REAL, TESTED), ("verdict", TEXT)]
    return frame([*what, *effect, *tested], [row for verdict in verdicts for row in _rows(verdict)])


def _rows(verdict: Verdict) -> list[list[object]]:
    outcome, test = verdict.outcome, verdict.claim.test
    arm, floor, full = (verdict.accuracy(role) for role in ("arm", "floor", "full"))
    if outcome is None or arm is None:
        return []
    head = [verdict.claim.id, verdict.name, "+".join(verdict.domains)]
    pairs = [("A - B", arm, other) for other in verdict.accuracies if other.role == "against"]
    pairs += [("A - R", arm, floor)] if floor else []
    pairs += [("F - R", full, floor)] if full and floor else []
    tested = _tested(verdict, outcome)
    rows: list[list[object]] = []
    for index, (name, first, second) in enumerate(pairs):
        interval = t_interval(list(paired_differences(first.values, second.values).values()))
        is_tested = test in WHOLE_SIDES and index == 0
        sides = [f"{side.name} [{side.metric}]" for side in (first, second)]
        numbers = (
            _numbers(outcome.interval, outcome, interval.sd) if is_tested else _numbers(interval, outcome, interval.sd)
        )
        rows.append([*head, name, *sides, *numbers, *(tested if is_tested else [None] * len(tested))])
    if test not in WHOLE_SIDES:
        rows.append([*head, _contrast(verdict, outcome), "", "", *_numbers(outcome.interval, outcome, None), *tested])
    return rows


def _contrast(verdict: Verdict, outcome: Outcome) -> str:
    """The tested combination of sides, where it is more than one difference."""
    gain = "A - B" if verdict.claim.compares_gains else "A - R"
    if verdict.claim.along is not None:
        return "A" if outcome.quantity == "difference" else "g = A / F"
    return f"({gain}) - (F - R)" if outcome.quantity == "difference" else f"g = ({gain}) / (F - R)"


def _tested(verdict: Verdict, outcome: Outcome) -> list[object]:
    kind = "primary" if verdict.primary else "exploratory"
    tests = [outcome.p_supported, outcome.p_refuted, outcome.paired_supported, outcome.paired_refuted]
    holm = [verdict.holm_supported, verdict.holm_refuted]
    return [verdict.claim.test, kind, outcome.variance, outcome.margin, *tests, *holm, verdict.word]


def _numbers(interval: Interval | None, outcome: Outcome, sd: float | None) -> list[object]:
    if interval is None:
        return [outcome.n, outcome.effect, sd, None, None]
    return [outcome.n, interval.mean, sd, interval.low, interval.high]
