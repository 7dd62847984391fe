"""What must hold before a claim may be decided: that its arms have learned something, that its domain allows it.

A word is given only where the test and every gate of it hold, each at the test's own level: the intersection-union
test, which needs no correction (Berger 1982, Technometrics 24, 295-300).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from barlowcli.analysis.results import Results
from barlowcli.analysis.statistics import MIN_SEEDS, estimate, paired_differences
from barlowcli.experiment.claims import Claim
from barlowcli.verdicts.contrasts import SIDE, Outcome, align, p_learned
from barlowcli.verdicts.pooling import pool_of, sample_of
from barlowcli.verdicts.sides import Accuracy, AnySide, Side, Sides

Decision = Literal["supported", "refuted"]


@dataclass(frozen=True)
class Carrier:
    """An arm that carries a word, beside the control that has learned nothing, in the same probe.

    mean, control: over the seeds that both have. p: of "it is not above the control", None for fewer than 3 seeds.
    """

    name: str
    control_name: str
    mean: float
    control: float
    p: float | None

    @property
    def above(self) -> bool:
        """Whether it is clearly above the control."""
        return self.p is not None and self.p <= SIDE


@dataclass(frozen=True)
class Gate:
    """The arms that must have learned something for each of the two words."""

    supported: tuple[Carrier, ...]
    refuted: tuple[Carrier, ...]

    def p(self, word: Decision) -> float:
        """p of "not all of its carriers have learned something": the largest of theirs, 1 where it has none."""
        carriers: tuple[Carrier, ...] = getattr(self, word)
        return max((1.0 if carrier.p is None else carrier.p for carrier in carriers), default=1.0)

    @property
    def short(self) -> list[Carrier]:
        """The carriers of either word that are not clearly above the control, each once."""
        return [c for c in dict.fromkeys([*self.supported, *self.refuted]) if not c.above]

    @property
    def nothing_learned(self) -> bool:
        """Whether each word has a carrier that is no better than the control even by its mean."""
        return all(any(c.mean <= c.control for c in carriers) for carriers in (self.supported, self.refuted))


def gate_of(results: Results, claim: Claim, sides: Sides) -> Gate | None:
    """Whether the arms that carry `claim` have learned something; None where it does not say what that would be."""
    if not claim.learned:
        return None
    return Gate(_carriers(results, claim, sides, "supported"), _carriers(results, claim, sides, "refuted"))


def _carriers(results: Results, claim: Claim, sides: Sides, word: Decision) -> tuple[Carrier, ...]:
    """The arms of the grid that carry a word. Where what is better is a control, the arm itself carries it: an arm that
    has learned nothing does not show that learning gets no further."""
    roles = claim.carrying(word)
    trained = [side for role, side in sides.needed if role in roles and not side.control]
    stays_low = claim.test == "recovers-at-most" and word == "supported"  # of the arm itself nothing is asked then
    if not trained and not sides.arm.control and not stays_low:
        trained = [sides.arm]
    ends = [side.end(_end(claim, word)) for side in trained]
    ends += [sides.learner] if sides.learner is not None else []
    return tuple(_carrier(results, end, sides.learned[end.metric]) for end in ends)


def _end(claim: Claim, word: Decision) -> str:
    """At which end of its axis a slope must have been learned: where it would be highest if the word were true."""
    if claim.test not in ("rises", "falls"):
        return claim.learned_at
    return "largest" if (claim.test == "rises") == (word == "supported") else "smallest"


def _carrier(results: Results, side: Side, control: Side) -> Carrier:
    sides: list[AnySide] = [side, control]
    values = [one.values(results.records) for one in sides]
    arm, floor = align([(values[0], False), (values[1], True)])
    seeds = len(arm)
    p = None
    if seeds >= MIN_SEEDS:
        p = p_learned(
            sample_of(side, arm, results.records),
            sample_of(control, floor, results.records),
            pool=pool_of(results, sides),
        )
    mean, bottom = (sum(found.values()) / max(len(found), 1) for found in (arm, floor))
    return Carrier(side.name, control.name, mean, bottom, p)


def excluded(results: Results, sides: Sides, accuracies: Sequence[Accuracy], outcome: Outcome) -> bool:
    """Whether the domain's ceiling is clearly further below B than what would count as equal."""
    if sides.ceiling is None or outcome.n < MIN_SEEDS or not outcome.yardstick:
        return False
    against = next(accuracy for accuracy in accuracies if accuracy.role == "against")
    ceiling, reference = align([(sides.ceiling.values(results.records), True), (against.values, False)])
    differences = list(paired_differences(ceiling, reference).values())
    return len(differences) >= MIN_SEEDS and estimate(differences).below(-outcome.margin) <= SIDE
