"""Families of tests: Holm over the primary verdicts of an experiment, and over the cases of each exploratory claim."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from barlowcli.analysis.statistics import holm
from barlowcli.verdicts.contrasts import SIDE
from barlowcli.verdicts.verdict import BY_COLLAPSE, Verdict, Word


class Pair(NamedTuple):
    """p for the claim, and against it."""

    supported: float
    refuted: float


NO_TEST = Pair(1.0, 1.0)


def corrected(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts with their p values after Holm and their words, in the order given.

    All primary verdicts are one family, whatever their claims; the others are a family for each claim and domain. One
    that has no p value (yet) counts with p = 1, one that the plan has no cells for does not count.
    """
    families: dict[object, list[int]] = {}
    for index, verdict in enumerate(verdicts):
        if verdict.word not in ("untested", "untestable"):
            key = "primary" if verdict.primary else (verdict.claim.id, verdict.domains)
            families.setdefault(key, []).append(index)
    decided = list(verdicts)
    for family in families.values():
        members = [verdicts[index] for index in family]
        tests, learned = _adjusted(members, _tested), _adjusted(members, _with_learning)
        for index, test, both in zip(family, tests, learned, strict=True):
            decided[index] = _decided(verdicts[index], test, both)
    return decided


def _adjusted(verdicts: Sequence[Verdict], p_values: Callable[[Verdict], Pair]) -> list[Pair]:
    """Holm over a family, each word by itself."""
    supported, refuted = zip(*map(p_values, verdicts), strict=True)
    return [Pair(*pair) for pair in zip(holm(supported), holm(refuted), strict=True)]


def _tested(verdict: Verdict) -> Pair:
    """Of the test alone."""
    outcome = verdict.outcome
    if outcome is None or outcome.p_supported is None or outcome.p_refuted is None:
        return NO_TEST
    return Pair(outcome.p_supported, outcome.p_refuted)


def _with_learning(verdict: Verdict) -> Pair:
    """Of the test and of what must have been learned, both of which must hold."""
    test, gate = _tested(verdict), verdict.gate
    if gate is None:
        return test
    return Pair(max(test.supported, gate.p("supported")), max(test.refuted, gate.p("refuted")))


def _decided(verdict: Verdict, test: Pair, both: Pair) -> Verdict:
    """test, both: after Holm, of the test alone and with what must have been learned."""
    outcome = verdict.outcome
    if outcome is None or verdict.word != "inconclusive":
        return verdict
    if outcome.p_supported is None:  # no yardstick, or too few seeds
        unlearned = not outcome.yardstick and verdict.gate is not None and bool(verdict.gate.short)
        return replace(verdict, word="not learned") if unlearned else verdict
    word: Word = "supported" if both.supported <= SIDE else "refuted" if both.refuted <= SIDE else "inconclusive"
    if word == "inconclusive" and verdict.gate is not None:
        only_learning_lacks = min(test) <= SIDE
        word = "not learned" if only_learning_lacks or verdict.gate.nothing_learned else word
    if verdict.collapsed:
        word = BY_COLLAPSE.get(word, word)
    return replace(verdict, word=word, holm_supported=both.supported, holm_refuted=both.refuted)
