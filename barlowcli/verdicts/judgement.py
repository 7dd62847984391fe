"""Claims of a plan judged by its records.

A claim is judged for every value of its axis `by`, in the arms' own domains and again on intact images. The words:
supported and refuted are each a test at half the level, after Holm's correction (see `families.py`), and only where the
arms that carry the claim are above an encoder that has learned nothing (see `gates.py`); not learned where that alone
is lacking; untestable where the domain's ceiling excludes the claim before training; inconclusive is none of these;
untested means that the plan has no cells for it, incomplete that planned cells have no numbers (yet). Nothing is ever
filled in.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from barlowcli.analysis.results import Results
from barlowcli.analysis.statistics import Pool
from barlowcli.analysis.wording import listing
from barlowcli.experiment.claims import WINNER, Along, Claim, Domain
from barlowcli.verdicts.contrasts import (
    Outcome,
    Sample,
    above,
    align,
    below,
    equivalence,
    falls,
    interaction,
    recovers,
    rises,
)
from barlowcli.verdicts.embeddings import low_rank
from barlowcli.verdicts.families import corrected
from barlowcli.verdicts.gates import excluded, gate_of
from barlowcli.verdicts.images import error_over_images
from barlowcli.verdicts.pooling import pool_of, sample_of
from barlowcli.verdicts.references import cases
from barlowcli.verdicts.sides import Accuracy, Case, Sides
from barlowcli.verdicts.verdict import Verdict


def judge(results: Results) -> list[Verdict]:
    """Every claim x value of its axis `by` x domain, in the plan's order."""
    verdicts = [
        _measure(results, claim, case, sides, domains)
        for claim in results.plan.experiment.claims
        for domains, found in _judgements(results, claim)
        for case, sides in found
    ]
    return corrected(verdicts)


def _judgements(results: Results, claim: Claim) -> list[tuple[tuple[Domain, ...], list[tuple[Case, Sides]]]]:
    """Domains -> the cases with their sides; one entry for both domains where every side is the same in both."""
    by_domain = {domain: cases(results, claim, domain) for domain in claim.domains}
    first, *rest = by_domain
    if rest and all(by_domain[domain] == by_domain[first] for domain in rest):
        return [(tuple(by_domain), by_domain[first])]
    return [((domain,), found) for domain, found in by_domain.items()]


def _measure(results: Results, claim: Claim, case: Case, sides: Sides, domains: tuple[Domain, ...]) -> Verdict:
    """The verdict before Holm's correction; its word is untested, incomplete, untestable or, for the time being,
    inconclusive."""
    records = results.records
    verdict = Verdict(
        claim=claim.in_domain(domains[0]),
        case=case,
        name=case_name(results, claim, case),
        domains=domains,
        word="inconclusive",
        primary=is_primary(claim, case, domains),
    )
    if unplanned := _unplanned(results, claim, sides):
        return replace(verdict, word="untested", missing=unplanned)
    gaps = _gaps(results, sides)
    if gaps:
        return replace(verdict, word="incomplete", missing=f"no number yet from {_arms(gaps)}")
    accuracies = _accuracies(results, sides)
    if not accuracies[0].values:
        return replace(verdict, word="incomplete", missing="no seed is common to all the arms compared")
    untrained = sides.untrained.values(records) if sides.untrained is not None else {}
    outcome = _test(results, verdict.claim, accuracies)
    return replace(
        verdict,
        word="untestable" if excluded(results, sides, accuracies, outcome) else "inconclusive",
        accuracies=accuracies,
        outcome=outcome,
        gate=gate_of(results, verdict.claim, sides),
        ceiling=_mean(sides.ceiling.values(records).values()) if sides.ceiling is not None else None,
        untrained=_mean(untrained.values()) if untrained else None,
        images=error_over_images(results, verdict.claim, accuracies, outcome),
        embeddings={
            side.name: found
            for _, side in sides.needed
            if (found := low_rank(side.records(records), side.metric)) is not None
        },
        collapsed=_collapsed(results, sides, accuracies[0].values),
    )


def _unplanned(results: Results, claim: Claim, sides: Sides) -> str:
    """Why the plan has no cells to judge this by; "" where it has."""
    if not results.plan.winner and WINNER in (value for arm in (claim.arm, *claim.against) for value in arm.values()):
        return "the screening is not finished, so there is no winner yet"
    unplanned = [side.name for side in [*(side for _, side in sides.needed), *sides.beside] if not side.planned]
    return f"not in this run's grid: {_arms(unplanned)}" if unplanned else ""


def _collapsed(results: Results, sides: Sides, seeds: Collection[int]) -> dict[str, list[int]]:
    """Name of an accuracy -> those of the seeds that are judged at which its embeddings collapsed."""
    found = {name: gone for _, side in sides.needed for name, gone in side.collapsed(results.records).items()}
    judged = {name: [seed for seed in gone if seed in seeds] for name, gone in found.items()}
    return {name: gone for name, gone in judged.items() if gone}


def is_primary(claim: Claim, case: Case, domains: Sequence[Domain]) -> bool:
    """Whether the experiment is run for the sake of this case, in the claim's first domain."""
    if claim.primary is None or claim.domains[0] not in domains:
        return False
    return all(name in case and value in case[name].values for name, value in claim.primary.items())


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)


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
    for side in [*(side for _, side in sides.needed), *sides.beside]:
        for cell, why in side.missing(results.records):
            gaps[f"{results.cell_name(cell)} ({why})"] = None
    return list(gaps)


def _accuracies(results: Results, sides: Sides) -> tuple[Accuracy, ...]:
    """All sides aligned by seed, the best of `against` before the others."""
    needed = sides.needed
    measured = [side.values(results.records) for _, side in needed]
    aligned = align([(values, side.control) for values, (_, side) in zip(measured, needed, strict=True)])
    found = [
        Accuracy(role, side.name, side.metric, values, len(own), side)
        for (role, side), values, own in zip(needed, aligned, measured, strict=True)
    ]
    if not aligned[0]:
        return tuple(found)
    against = sorted((a for a in found if a.role == "against"), key=lambda accuracy: -accuracy.mean)
    return (found[0], *against, *found[1 + len(against) :])


def _steeper(claim: Claim, along: Along, found: Outcome, arm: Sample, other: Sample, pool: Pool | None) -> Outcome:
    """Two slopes compared, where the steeper one also has to go the claim's way by its own test (intersection-union):
    of two that both fall none "rises faster"."""
    if found.p_supported is None or found.p_refuted is None:
        return found
    way = rises if along.direction == "rises" else falls
    own, others = way(arm, pool=pool), way(other, pool=pool)
    if (claim.test == "above") != (along.direction == "rises"):  # the arm is the flatter one where this is supported
        own, others = others, own
    return replace(
        found,
        p_supported=_larger(found.p_supported, own.p_supported),
        p_refuted=_larger(found.p_refuted, others.p_supported),
        paired_supported=_larger(found.paired_supported, own.paired_supported),
        paired_refuted=_larger(found.paired_refuted, others.paired_supported),
    )


def _larger(first: float | None, second: float | None) -> float:
    return max(1.0 if p is None else p for p in (first, second))


def _test(results: Results, claim: Claim, accuracies: Sequence[Accuracy]) -> Outcome:
    """The claim's test, by the variance that the experiment declares."""
    pool = pool_of(results, [accuracy.side for accuracy in accuracies])
    samples: dict[str, list[Sample]] = {}
    for accuracy in accuracies:
        samples.setdefault(accuracy.role, []).append(sample_of(accuracy.side, accuracy.values, results.records))
    arm, against = samples["arm"][0], samples.get("against", [])
    if claim.test in ("rises", "falls"):
        return (rises if claim.test == "rises" else falls)(arm, pool=pool)
    if claim.test in ("above", "below"):
        found = above(arm, *against, pool=pool) if claim.test == "above" else below(arm, against[0], pool=pool)
        return found if claim.along is None else _steeper(claim, claim.along, found, arm, against[0], pool)
    full, floor = samples["full"][0], next(iter(samples.get("floor", [])), None)
    if claim.test in ("recovers-at-most", "recovers-at-least"):
        at_most, base = claim.test == "recovers-at-most", next(iter(against), None)
        return recovers(arm, full, floor, claim.margin, at_most=at_most, against=base, pool=pool)
    if floor is None:
        raise ValueError(f"a claim tested by `{claim.test}` needs a floor")
    if claim.test == "interaction":
        return interaction(arm, against[0], full, floor, pool=pool)
    return equivalence(arm, against[0], full, floor, claim.margin, pool=pool)
