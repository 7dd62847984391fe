"""The paired differences behind the verdicts."""

from collections.abc import Sequence

import pandas as pd

from barlowcli.analysis.statistics import Interval, paired_differences, t_interval
from barlowcli.tables.frames import REAL, TEXT, WHOLE, frame, of_type
from barlowcli.verdicts import Verdict

DIFFERENCES = ("above", "equivalence")
"""Tests of a plain difference, the first of the verdict's; the others test a row of their own."""
TESTED = ("margin", "p_supported", "p_refuted", "p_supported_holm", "p_refuted_holm")


def contrasts(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row a paired difference of a judgement: claim, case, domains, what was compared with what, its 95 % and 90 %
    intervals, and, in the row that was tested, bound, p both ways before and after Holm, and the verdict.

    Differences are in fractions of accuracy; the row "g = (A - R) / (F - R)" is the share of the gain.
    """
    what = of_type(TEXT, ["claim", "case", "domains", "contrast", "first", "second"])
    effect = [("n", WHOLE), *of_type(REAL, ["effect", "sd", "low_95", "high_95", "low_90", "high_90"])]
    tested = [("test", TEXT), *of_type(REAL, TESTED), ("verdict", TEXT)]
    return frame([*what, *effect, *tested], [row for verdict in verdicts for row in _rows(verdict)])


def _rows(verdict: Verdict) -> list[list[object]]:
    outcome = verdict.outcome
    arm, floor, full, base = (verdict.accuracy(role) for role in ("arm", "floor", "full", "base"))
    if outcome is None or arm is None:
        return []
    head = [verdict.claim.id, verdict.name, "+".join(verdict.domains)]
    pairs = [("A - B", arm, other) for other in verdict.accuracies if other.role == "against"]
    pairs += [("A - R", arm, floor)] if floor else []
    pairs += [("F - R", full, floor)] if full and floor else []
    pairs += [("F - R", full, base)] if full and base else []
    tested: list[object] = [verdict.claim.test, outcome.margin, outcome.p_supported, outcome.p_refuted]
    tested += [verdict.holm_supported, verdict.holm_refuted, verdict.word]
    untested = [None] * len(tested)
    rows: list[list[object]] = []
    for index, (name, first, second) in enumerate(pairs):
        differences = list(paired_differences(first.values, second.values).values())
        numbers = _numbers(t_interval(differences), t_interval(differences, 0.90))
        is_tested = verdict.claim.test in DIFFERENCES and index == 0
        sides = [f"{side.name} [{side.metric}]" for side in (first, second)]
        rows.append([*head, name, *sides, *numbers, *(tested if is_tested else untested)])
    if verdict.claim.test not in DIFFERENCES:
        gain = "A - B" if verdict.claim.compares_gains else "A - R"
        name = f"({gain}) - (F - R)" if outcome.quantity == "difference" else f"g = ({gain}) / (F - R)"
        interval = outcome.interval
        numbers = _numbers(interval, outcome.decision) if interval else [outcome.n, outcome.effect, *[None] * 5]
        rows.append([*head, name, "", "", *numbers, *tested])
    return rows


def _numbers(wide: Interval, narrow: Interval | None) -> list[object]:
    ends = [narrow.low, narrow.high] if narrow else [None, None]
    return [wide.n, wide.mean, wide.sd, wide.low, wide.high, *ends]
