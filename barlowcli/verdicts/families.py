"""Families of tests: Holm over the primary verdicts of an experiment, and over the cases of each exploratory claim."""

from collections.abc import Sequence
from dataclasses import replace

from barlowcli.analysis.statistics import holm
from barlowcli.verdicts.contrasts import SIDE
from barlowcli.verdicts.verdict import BY_COLLAPSE, Verdict, Word


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
        both = [_p_values(verdicts[index]) for index in family]
        supported, refuted = holm([p for p, _ in both]), holm([p for _, p in both])
        for index, p_supported, p_refuted in zip(family, supported, refuted, strict=True):
            decided[index] = _decided(verdicts[index], p_supported, p_refuted)
    return decided


def _p_values(verdict: Verdict) -> tuple[float, float]:
    """p for the claim and against it, of the test and of what must have been learned together."""
    outcome, gate = verdict.outcome, verdict.gate
    if outcome is None or outcome.p_supported is None or outcome.p_refuted is None:
        return 1.0, 1.0
    if gate is None:
        return outcome.p_supported, outcome.p_refuted
    return max(outcome.p_supported, gate.p("supported")), max(outcome.p_refuted, gate.p("refuted"))


def _decided(verdict: Verdict, supported: float, refuted: float) -> Verdict:
    if verdict.outcome is None or verdict.outcome.p_supported is None:
        return verdict
    word: Word = "supported" if supported <= SIDE else "refuted" if refuted <= SIDE else "inconclusive"
    if word == "inconclusive" and _only_learning_lacks(verdict):
        word = "not learned"
    if verdict.collapsed:
        word = BY_COLLAPSE.get(word, word)
    return replace(verdict, word=word, holm_supported=supported, holm_refuted=refuted)


def _only_learning_lacks(verdict: Verdict) -> bool:
    """Whether a word would have been given had its arms learned something, or none could be: nothing was learned."""
    gate, outcome = verdict.gate, verdict.outcome
    if gate is None or outcome is None or outcome.p_supported is None or outcome.p_refuted is None:
        return False
    held = (outcome.p_supported <= SIDE < gate.p("supported"), outcome.p_refuted <= SIDE < gate.p("refuted"))
    return any(held) or gate.nothing_learned
