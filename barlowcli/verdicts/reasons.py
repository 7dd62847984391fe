"""The numbers behind a verdict, in sentences."""

from barlowcli.analysis.statistics import MIN_SEEDS
from barlowcli.analysis.wording import capital, listing, p_value, percent, points, span, with_article
from barlowcli.verdicts.contrasts import SIDE, Outcome
from barlowcli.verdicts.findings import place
from barlowcli.verdicts.sides import Accuracy
from barlowcli.verdicts.verdict import Verdict


def reason(verdict: Verdict) -> str:
    """The numbers behind a verdict in one sentence, without the case's name."""
    arm, outcome = verdict.accuracy("arm"), verdict.outcome
    if arm is None or outcome is None:
        return f"{capital(verdict.missing)}."
    parts = [_compared(verdict, arm), _effect(verdict), f"n = {outcome.n}", p_text(verdict)]
    return ", ".join(part for part in parts if part) + f"{_bound(verdict, outcome)}.{_why_open(verdict, outcome)}"


def _compared(verdict: Verdict, arm: Accuracy) -> str:
    """What was compared: "43.1 % on shuffled images against 40.0 % (D = 16)"."""
    against, full, floor = (verdict.accuracy(role) for role in ("against", "full", "floor"))
    where = f" {place(verdict)}" if len(verdict.domains) == 1 else ""
    if verdict.claim.along is not None:
        return _slopes(verdict, arm, against if against is not None else full, where)
    if against is not None and full is not None and floor is not None and verdict.claim.compares_gains:
        return f"{_gain(arm, against)}{where} beside {_gain(full, floor)}"
    if against is not None:
        return f"{percent(arm.mean)}{where} against {percent(against.mean)} ({against.name})"
    if full is not None and floor is not None:
        scale = f"from {percent(floor.mean)} ({floor.name}) to {percent(full.mean)} ({full.name})"
        return f"{percent(arm.mean)}{where}, on a scale {scale}"
    return f"{percent(arm.mean)}{where}"


def _slopes(verdict: Verdict, arm: Accuracy, other: Accuracy | None, where: str) -> str:
    """ "+1.9 points per doubling of D (Barlow Twins) against +0.2 (BYOL)"; a slope that stands alone is the effect."""
    if other is None:
        return where.strip()
    return f"{_steep(verdict, arm.mean)} ({arm.name}){where} against {points(other.mean, unit='')} ({other.name})"


def _steep(verdict: Verdict, slope: float) -> str:
    """ "+1.9 points per doubling of D"."""
    per = verdict.claim.along.per if verdict.claim.along is not None else ""
    return f"{points(slope)} per {per}" if per else points(slope)


def _gain(first: Accuracy, second: Accuracy) -> str:
    """ "+3.0 points from "D = 16" (40.0 %) to "D = 1024" (43.0 %)"."""
    change = points(first.mean - second.mean)
    return f'{change} from "{second.name}" ({percent(second.mean)}) to "{first.name}" ({percent(first.mean)})'


def effect_text(verdict: Verdict) -> str:
    """ "+12.1 points", "+1.9 points per doubling of D", "7.0 % of the way up", "40.0 % of that gain"; "" where there is
    none."""
    outcome = verdict.outcome
    if outcome is None or outcome.effect is None:
        return ""
    if outcome.quantity == "difference":
        return _steep(verdict, outcome.effect)
    gains = verdict.claim.compares_gains or verdict.claim.along is not None
    return f"{100 * outcome.effect:.1f} % of {'that gain' if gains else 'the way up'}"


def interval_text(verdict: Verdict) -> str:
    """ "95 % interval +10.3 to +13.9"; "" where there is none."""
    outcome = verdict.outcome
    if outcome is None or outcome.interval is None:
        return ""
    return span(outcome.interval, signed=outcome.quantity == "difference")


def images_text(verdict: Verdict) -> str:
    """How far another test set of this size could move the effect: "standard error over 10,000 test images 0.6 points";
    "" where the answers to single images were not kept."""
    found = verdict.images
    if found is None:
        return ""
    unit = "points" if verdict.outcome is not None and verdict.outcome.quantity == "difference" else "%"
    return f"standard error over {found.images:,} test images {100 * found.standard_error:.1f} {unit}"


def _effect(verdict: Verdict) -> str:
    beside = "; ".join(text for text in (interval_text(verdict), images_text(verdict)) if text)
    return f"{effect_text(verdict)} ({beside})" if beside else effect_text(verdict)


def p_text(verdict: Verdict) -> str:
    """The p value after Holm of the test that decided; both where none did; "" where there was no test."""
    if verdict.holm_supported is None or verdict.holm_refuted is None:
        return ""
    if verdict.plain in ("supported", "refuted"):
        return p_value(verdict.holm_supported if verdict.plain == "supported" else verdict.holm_refuted)
    return f"{p_value(verdict.holm_supported)} for it and {p_value(verdict.holm_refuted)} against"


def _bound(verdict: Verdict, outcome: Outcome) -> str:
    """What would have counted, where that is not plain."""
    test, full, floor = verdict.claim.test, verdict.accuracy("full"), verdict.accuracy("floor")
    if (outcome.quantity == "difference" and test != "equivalence") or not outcome.yardstick:
        return ""
    if test != "equivalence" or full is None or floor is None:
        return f"; the bound is {outcome.margin:.0%}".replace("%", " %")
    share = f"{100 * verdict.claim.margin:.0f} %"
    return (
        f"; as good means within {100 * outcome.margin:.1f} points, {share} of what {_full(full)} "
        f"({percent(full.mean)}) has over the floor ({percent(floor.mean)}, {floor.name})"
    )


def _full(full: Accuracy) -> str:
    return with_article(full.name) if full.side.control else "the full model"


def _why_open(verdict: Verdict, outcome: Outcome) -> str:
    """Why there was no test at all."""
    full, floor = verdict.accuracy("full"), verdict.accuracy("floor")
    if outcome.n < MIN_SEEDS:
        return f" A verdict needs {MIN_SEEDS} seeds."
    if outcome.yardstick or full is None:
        return ""
    if floor is None:
        return f' There is no yardstick: "{full.name}" does not clearly rise ({_steep(verdict, full.mean)}).'
    what = f'"{full.name}"' if verdict.claim.compares_gains else _full(full)
    low = f"{with_article(floor.name)} ({percent(floor.mean)})"
    return f" There is no yardstick: {what} ({percent(full.mean)}) is not clearly above {low}."


def notes(verdict: Verdict) -> list[str]:
    """What a reader must know beside the numbers, in sentences."""
    found = [
        f"Collapsed in training, counted as they are: {name}, seed{'s' * (len(seeds) > 1)} {listing(map(str, seeds))}."
        for name, seeds in verdict.collapsed.items()
    ]
    if verdict.outcome is not None and verdict.outcome.same and verdict.outcome.n >= MIN_SEEDS:
        found.append("Every seed gave the same number, so there was no spread to test by.")
    found += [
        f"{capital(side.name)} was run at one seed, which stands for all."
        for side in {side.name: side for side in verdict.accuracies if side.seeds == 1 < len(side.values)}.values()
    ]
    if verdict.better:
        found.append("It is better than that, not worse.")
    return [*found, *_hardest_note(verdict), *_spread_note(verdict), *_rank_notes(verdict), *_untrained_note(verdict)]


def _hardest_note(verdict: Verdict) -> list[str]:
    """Of several references the p value for the claim is that of the one most in doubt."""
    against = [accuracy for accuracy in verdict.accuracies if accuracy.role == "against"]
    if verdict.outcome is None or not verdict.outcome.hardest:
        return []
    hardest = against[verdict.outcome.hardest]
    return [f"The p value for it is the one against {hardest.name} ({percent(hardest.mean)}), the least certain."]


def _spread_note(verdict: Verdict) -> list[str]:
    """Where the paired test would have left open what the spread of several arms decides."""
    outcome = verdict.outcome
    if outcome is None or outcome.p_supported is None or outcome.paired_supported is None:
        return []
    supported = verdict.plain == "supported"
    alone = outcome.paired_supported if supported else outcome.paired_refuted
    if outcome.variance == "paired" or verdict.plain not in ("supported", "refuted") or alone is None or alone <= SIDE:
        return []
    whose = "all arms together" if outcome.variance == "pooled" else "each arm by itself (Welch)"
    return [f"This rests on the spread of {whose}; by paired seeds alone it is open ({p_value(alone)})."]


def _rank_notes(verdict: Verdict) -> list[str]:
    """Sides that were trained and yet embed next to nothing."""
    found = []
    for name, embeddings in verdict.embeddings.items():
        text = f"{capital(name)}: its embeddings span about {embeddings.dimensions:.0f} dimensions"
        if embeddings.unmatched and embeddings.matching is not None:
            text += f" and match the views of an image hardly above chance ({percent(embeddings.matching)})"
        found.append(f"{text}.")
    return found


def _untrained_note(verdict: Verdict) -> list[str]:
    """Where an untrained encoder does as well as what is compared, the difference is not one of learning alone."""
    arm, against, untrained = verdict.accuracy("arm"), verdict.accuracy("against"), verdict.untrained
    if arm is None or against is None or untrained is None or verdict.claim.along is not None:
        return []
    if verdict.word == "not learned":  # says so itself
        return []
    start = f"An untrained encoder has {percent(untrained)} in the same probe"
    if untrained >= arm.mean:
        return [f"{start}, {'more than' if untrained > arm.mean else 'as much as'} this arm."]
    if verdict.claim.test == "above" and untrained > against.mean:
        return [f"{start}, also above {percent(against.mean)}: not all of the difference was learned."]
    return []
