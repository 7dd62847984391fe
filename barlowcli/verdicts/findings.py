"""Verdicts in plain words, and drawn together by claim."""

from collections.abc import Sequence
from dataclasses import dataclass

from barlowcli.analysis.wording import domain_name, listing, percent, with_article
from barlowcli.experiment.claims import Claim
from barlowcli.plan.plan import Plan
from barlowcli.records.metrics import INTACT
from barlowcli.verdicts.verdict import Verdict

DECIDED = ("supported", "refuted", "inconclusive")
DEPENDS = "depends on the probe"
"""The word of a claim on which the domains do not agree."""
MIXED = "mixed"
"""And of one on which the cases do not."""


@dataclass(frozen=True)
class Finding:
    """A claim with its verdicts."""

    claim: Claim
    verdicts: tuple[Verdict, ...]

    @property
    def first(self) -> list[Verdict]:
        """The verdicts in the claim's first domain."""
        return [verdict for verdict in self.verdicts if self.claim.domains[0] in verdict.domains]

    @property
    def shown(self) -> list[Verdict]:
        """The verdicts that the word is of: those of the first domain where they have it, else all."""
        return self.first if _common_word(self.first) == self.word else list(self.verdicts)

    @property
    def by_place(self) -> dict[str, str]:
        """Where arms were probed -> the word on which all cases agree there, "mixed" where they do not. Places that
        nothing was planned for are left out, unless there is no other."""
        places: dict[tuple[str, ...], list[Verdict]] = {}
        for verdict in self.verdicts:
            places.setdefault(verdict.domains, []).append(verdict)
        words = {_common_place(verdicts): _common_word(verdicts) for verdicts in places.values()}
        return {where: word for where, word in words.items() if word != "untested"} or words

    @property
    def word(self) -> str:
        """One word for the claim: that of its domains where they agree; "incomplete" as long as one is; "untested"
        where there is no case."""
        words = list(dict.fromkeys(self.by_place.values()))
        if "incomplete" in words:
            return "incomplete"
        return DEPENDS if len(words) > 1 else next(iter(words), "untested")

    @property
    def detail(self) -> str:
        """What belongs to the word: where it is which, which case has which, or which arm collapsed; "" for a plain
        word."""
        if self.word == DEPENDS:
            return ", ".join(f"{word} {where}" for where, word in self.by_place.items())
        if self.word == MIXED:
            return listing((f"{verdict.name} {verdict.word}" for verdict in self.shown), separator="; ")
        found = {verdict.name: collapse(verdict) for verdict in self.shown if verdict.word != verdict.plain}
        if len(set(found.values())) == 1:
            return next(iter(found.values()))
        return "; ".join(f"{name}: {text}" for name, text in found.items())

    @property
    def headline(self) -> str:
        """The word with its detail: "supported by collapse: no predictor, 3 of 3 seeds"."""
        return f"{self.word}: {self.detail}" if self.detail else self.word

    @property
    def meaning(self) -> str:
        """What that verdict means, case by case where that differs; empty where it says nothing."""
        if self.word in (DEPENDS, MIXED):
            return ""
        means = {verdict.name: meaning(verdict) for verdict in self.shown}
        if len(set(means.values())) == 1:
            return next(iter(means.values()))
        return "; ".join(f"{name}: {text}" for name, text in means.items() if text)


def _common_word(verdicts: Sequence[Verdict]) -> str:
    words = {verdict.word for verdict in verdicts}
    if len(words) > 1:
        return "incomplete" if "incomplete" in words else MIXED
    return next(iter(words), "untested")


def _common_place(verdicts: Sequence[Verdict]) -> str:
    places = {place(verdict) for verdict in verdicts}
    return places.pop() if len(places) == 1 else "in each arm's own domain"


def draw_together(plan: Plan, verdicts: Sequence[Verdict]) -> list[Finding]:
    """One finding a claim, in the plan's order."""
    return [
        Finding(claim, tuple(verdict for verdict in verdicts if verdict.claim.id == claim.id))
        for claim in plan.experiment.claims
    ]


def meaning(verdict: Verdict) -> str:
    """What a verdict means: the claim's own words, unless the numbers are such that these would mislead."""
    if verdict.word == "not learned":
        return _not_learned(verdict)
    if verdict.word == "untestable":
        return _untestable(verdict)
    if verdict.plain not in DECIDED:
        return ""
    arm, against = verdict.accuracy("arm"), verdict.accuracy("against")
    if verdict.better and arm is not None and against is not None:
        return f'"{arm.name}" is not equal but better than "{against.name}"'
    return str(getattr(verdict.claim, verdict.plain))


def collapse(verdict: Verdict) -> str:
    """Which arms collapsed in training: "no predictor, 3 of 3 seeds"."""
    arms = [
        f"{name}, {len(seeds)} of {verdict.outcome.n if verdict.outcome else len(seeds)} seeds"
        for name, seeds in verdict.collapsed.items()
    ]
    return listing(arms, separator="; ")


def _not_learned(verdict: Verdict) -> str:
    """Which arms are not above an encoder that has learned nothing."""
    if verdict.gate is None:
        return ""
    short = [
        f'"{carrier.name}" ({percent(carrier.mean)}) is not clearly above {with_article(carrier.control_name)} '
        f"({percent(carrier.control)})"
        for carrier in verdict.gate.short
    ]
    if not short:
        return "after Holm's correction its arms are not clearly above an untrained encoder"
    return f"{listing(short, limit=2, separator=', and ')}: what was not learned decides nothing"


def _untestable(verdict: Verdict) -> str:
    against, outcome = verdict.accuracy("against"), verdict.outcome
    if against is None or outcome is None or verdict.ceiling is None:
        return ""
    return (
        f"the best that can be had {place(verdict)} ({percent(verdict.ceiling)}) is too low to be within "
        f"{100 * outcome.margin:.1f} points of {percent(against.mean)}, whatever was learned"
    )


def place(verdict: Verdict) -> str:
    """Where the arm was probed: "on shuffled images"."""
    if not verdict.accuracies:
        return "on intact images" if verdict.domains[0] == INTACT else "in its own domain"
    return f"on {domain_name(verdict.accuracies[0].metric.domain)}"
