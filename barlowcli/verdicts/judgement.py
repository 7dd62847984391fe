"""Claims of a plan judged by its records.

A claim is judged for every value of its axis `by`, in the arms' own domains and again on intact images. The words:
supported and refuted are each a test at level .05 after Holm's correction over the values of `by` (see
`contrasts_of_today.py`), inconclusive is neither, untested means that the plan has no cells for it, incomplete that
planned cells have no numbers (yet). Nothing is ever filled in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from barlowcli.analysis.results import Results
from barlowcli.analysis.statistics import MIN_SEEDS, holm, paired_differences
from barlowcli.analysis.wording import listing
from barlowcli.experiment.claims import WINNER, Claim, Domain
from barlowcli.records.metrics import Metric
from barlowcli.verdicts.contrasts_of_today import (
    ALPHA,
    Outcome,
    above,
    align,
    clearly_positive,
    equivalence,
    interaction,
    recovers,
)
from barlowcli.verdicts.embeddings import Embeddings, low_rank
from barlowcli.verdicts.references import cases
from barlowcli.verdicts.sides import Case, Role, Sides

Word = Literal["supported", "refuted", "inconclusive", "untested", "incomplete"]
BySeed = Mapping[int, float]


@dataclass(frozen=True)
class Accuracy:
    """One side with its numbers.

    values: by seed, cut to the seeds that all sides of the judgement have. seeds: at how many it was run itself.
    """

    role: Role
    name: str
    metric: Metric
    values: BySeed
    seeds: int

    @property
    def mean(self) -> float:
        """Over those seeds."""
        return sum(self.values.values()) / len(self.values)


@dataclass(frozen=True)
class Verdict:
    """One claim, one case, one domain.

    domains: both where they are one and the same judgement. accuracies: the arm first, then what it was held
    against, the best by mean first among `against`. untrained: mean of the same probe on an untrained encoder;
    unlearned: the arm is not clearly above that. embeddings: by the name of a side, where they are of low rank.
    holm_supported, holm_refuted: the outcome's p values after Holm. missing: why there are no numbers.
    """

    claim: Claim
    case: Case
    name: str
    domains: tuple[Domain, ...]
    word: Word
    outcome: Outcome | None = None
    accuracies: tuple[Accuracy, ...] = ()
    untrained: float | None = None
    unlearned: bool = False
    embeddings: Mapping[str, Embeddings] = field(default_factory=dict)
    holm_supported: float | None = None
    holm_refuted: float | None = None
    missing: str = ""
    collapsed: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @property
    def better(self) -> bool:
        """Whether an equivalence is refuted by an arm that is too good for it."""
        effect = self.outcome.effect if self.outcome is not None else None
        return self.claim.test == "equivalence" and self.word == "refuted" and effect is not None and effect > 0

    def accuracy(self, role: str) -> Accuracy | None:
        """The first side of that role."""
        return next((accuracy for accuracy in self.accuracies if accuracy.role == role), None)


def judge(results: Results) -> list[Verdict]:
    """Every claim x value of its axis `by` x domain, in the plan's order."""
    verdicts: list[Verdict] = []
    for claim in results.plan.experiment.claims:
        for domains, found in _judgements(results, claim):
            verdicts += _corrected([_measure(results, claim, case, sides, domains) for case, sides in found])
    return verdicts


def _judgements(results: Results, claim: Claim) -> list[tuple[tuple[Domain, ...], list[tuple[Case, Sides]]]]:
    """Domains -> the cases with their sides; one entry for both domains where every side is the same in both."""
    by_domain = {domain: cases(results, claim, domain) for domain in claim.domains}
    first, *rest = by_domain
    if rest and all(by_domain[domain] == by_domain[first] for domain in rest):
        return [(tuple(by_domain), by_domain[first])]
    return [((domain,), found) for domain, found in by_domain.items()]


def _measure(results: Results, claim: Claim, case: Case, sides: Sides, domains: tuple[Domain, ...]) -> Verdict:
    """The verdict before Holm's correction; its word is untested, incomplete or, for the time being, inconclusive."""
    records, name = results.records, case_name(results, claim, case)
    verdict = Verdict(claim=claim, case=case, name=name, domains=domains, word="inconclusive")
    if not results.plan.winner and WINNER in (value for arm in (claim.arm, *claim.against) for value in arm.values()):
        return replace(verdict, word="untested", missing="the screening is not finished, so there is no winner yet")
    unplanned = [side.name for _, side in sides.needed if not side.cells]
    if unplanned:
        return replace(verdict, word="untested", missing=f"not in this run's grid: {_arms(unplanned)}")
    gaps = _gaps(results, sides)
    if gaps:
        return replace(verdict, word="incomplete", missing=f"no number yet from {_arms(gaps)}")
    accuracies = _accuracies(results, sides)
    if not accuracies[0].values:
        return replace(verdict, word="incomplete", missing="no seed is common to all the arms compared")
    untrained = sides.untrained.values(records) if sides.untrained is not None else {}
    return replace(
        verdict,
        accuracies=accuracies,
        outcome=_test(claim, accuracies),
        untrained=sum(untrained.values()) / len(untrained) if untrained else None,
        unlearned=bool(untrained) and not _clearly_above(accuracies[0].values, untrained),
        embeddings={
            side.name: found
            for _, side in sides.needed
            if (found := low_rank(side.records(records), side.metric)) is not None
        },
        collapsed={side.name: seeds for _, side in sides.needed if (seeds := side.collapsed(records))},
    )


def _clearly_above(arm: BySeed, control: BySeed) -> bool:
    """Whether the arm's mean is above the control's, beyond doubt where there are seeds enough to tell."""
    differences = list(paired_differences(*align([(arm, False), (control, True)])).values())
    enough = len(differences) >= MIN_SEEDS
    return clearly_positive(differences) if enough else sum(differences) > 0


def _arms(names: Iterable[str]) -> str:
    """Arms in a row, each with commas of its own."""
    return listing(dict.fromkeys(names), separator="; ")


def case_name(results: Results, claim: Claim, case: Case) -> str:
    """The case in words: its value of `by`, then what else differs between cases."""
    choices = results.plan.axes
    names = [name for name, values in choices.items() if len(values) > 1 and name in case and name != claim.by]
    first = [results.value_name(claim.by, case[claim.by])] if case.get(claim.by) else []
    return ", ".join([*first, *([results.arm_name(case, names)] if any(case[name] for name in names) else [])]) or "all"


def _gaps(results: Results, sides: Sides) -> list[str]:
    """Planned cells without their number, in words, each once."""
    gaps: dict[str, None] = {}
    for _, side in sides.needed:
        for cell, why in side.missing(results.records):
            gaps[f"{results.cell_name(cell)} ({why})"] = None
    return list(gaps)


def _accuracies(results: Results, sides: Sides) -> tuple[Accuracy, ...]:
    """All sides aligned by seed, the best of `against` before the others."""
    needed = sides.needed
    measured = [side.values(results.records) for _, side in needed]
    aligned = align([(values, side.control) for values, (_, side) in zip(measured, needed, strict=True)])
    found = [
        Accuracy(role, side.name, side.metric, values, len(own))
        for (role, side), values, own in zip(needed, aligned, measured, strict=True)
    ]
    if not aligned[0]:
        return tuple(found)
    against = sorted((a for a in found if a.role == "against"), key=lambda accuracy: -accuracy.mean)
    return (found[0], *against, *found[1 + len(against) :])


def _test(claim: Claim, accuracies: Sequence[Accuracy]) -> Outcome:
    side = {accuracy.role: accuracy.values for accuracy in reversed(accuracies)}
    if claim.test == "above":
        return above(side["arm"], *(accuracy.values for accuracy in accuracies if accuracy.role == "against"))
    full, floor, base = side["full"], side["floor"], side.get("base")
    if claim.test == "interaction":
        return interaction(side["arm"], side["against"], full, floor)
    if claim.test == "equivalence":
        return equivalence(side["arm"], side["against"], full, floor, claim.margin, base=base)
    at_most, against = claim.test == "recovers-at-most", side.get("against")
    return recovers(side["arm"], full, floor, claim.margin, at_most=at_most, base=base, against=against)


def _corrected(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Holm over the cases that the plan has, both ways; one without a p value (yet) counts with p = 1."""
    family = [index for index, verdict in enumerate(verdicts) if verdict.word != "untested"]
    outcomes = [verdicts[index].outcome for index in family]
    supported = holm([1.0 if o is None or o.p_supported is None else o.p_supported for o in outcomes])
    refuted = holm([1.0 if o is None or o.p_refuted is None else o.p_refuted for o in outcomes])
    adjusted = dict(zip(family, zip(supported, refuted, strict=True), strict=True))
    return [_decided(v, *adjusted[index]) if index in adjusted else v for index, v in enumerate(verdicts)]


def _decided(verdict: Verdict, supported: float, refuted: float) -> Verdict:
    if verdict.outcome is None or verdict.outcome.p_supported is None:
        return verdict
    word: Word = "supported" if supported <= ALPHA else "refuted" if refuted <= ALPHA else "inconclusive"
    return replace(verdict, word=word, holm_supported=supported, holm_refuted=refuted)
