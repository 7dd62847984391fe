"""Verdicts in plain words, and drawn together by claim."""

from collections.abc import Sequence
from dataclasses import dataclass

from barlowcli.analysis.statistics import MIN_SEEDS, paired_differences
from barlowcli.analysis.wording import capital, domain_name, listing, p_value, percent, points, span, with_article
from barlowcli.experiment.claims import Claim
from barlowcli.plan.plan import Plan
from barlowcli.records.metrics import INTACT
from barlowcli.registry import METHODS
from barlowcli.settings.any_method import settings_of
from barlowcli.verdicts.contrasts_of_today import Outcome, clearly_positive
from barlowcli.verdicts.judgement import Accuracy, Verdict

DECIDED = ("supported", "refuted", "inconclusive")


@dataclass(frozen=True)
class Finding:
    """A claim with its verdicts. word: the verdict on which all cases agree in the claim's first domain; where they
    do not, "incomplete" as long as one is, else "mixed"; "untested" where there is no case."""

    claim: Claim
    verdicts: tuple[Verdict, ...]

    @property
    def primary(self) -> list[Verdict]:
        """The verdicts in the claim's first domain."""
        return [verdict for verdict in self.verdicts if self.claim.domains[0] in verdict.domains]

    @property
    def word(self) -> str:
        """One word for the claim."""
        words = {verdict.word for verdict in self.primary}
        if len(words) > 1:
            return "incomplete" if "incomplete" in words else "mixed"
        return next(iter(words), "untested")

    @property
    def meaning(self) -> str:
        """What that verdict means, case by case where that differs; empty where it is none of the three."""
        if self.word not in DECIDED:
            return ""
        means = {verdict.name: meaning(verdict) for verdict in self.primary}
        if len(set(means.values())) == 1:
            return next(iter(means.values()))
        return "; ".join(f"{name}: {text}" for name, text in means.items())

    @property
    def disagreement(self) -> str:
        """Which cases are judged differently in the arms' own domains and on intact images, in a sentence."""
        first = {verdict.name: verdict for verdict in self.primary}
        differ = [
            f"{other.name} is {first[other.name].word} {place(first[other.name])} and {other.word} {place(other)}"
            for other in self.verdicts
            if other not in self.primary and other.name in first and other.word != first[other.name].word
        ]
        return f"The domains disagree: {'; '.join(differ)}." if differ else ""


def draw_together(plan: Plan, verdicts: Sequence[Verdict]) -> list[Finding]:
    """One finding a claim, in the plan's order."""
    return [
        Finding(claim, tuple(verdict for verdict in verdicts if verdict.claim.id == claim.id))
        for claim in plan.experiment.claims
    ]


def meaning(verdict: Verdict) -> str:
    """What a verdict means: the claim's own words, unless the numbers are such that these would mislead."""
    if verdict.word not in DECIDED:
        return ""
    arm, against = verdict.accuracy("arm"), verdict.accuracy("against")
    if arm is not None and against is not None:
        if verdict.better:
            return f'"{arm.name}" is not equal but better than "{against.name}"'
        unlearned = verdict.claim.test == "above" and verdict.word == "supported" and verdict.unlearned
        if unlearned and verdict.untrained is not None:
            return _unlearned(verdict.claim, arm, against, verdict.untrained)
    return str(getattr(verdict.claim, verdict.word))


def _unlearned(claim: Claim, arm: Accuracy, against: Accuracy, untrained: float) -> str:
    """Supported, but an untrained encoder has as much: initialisation and probe alone can have done it."""
    named = (side["method"] for side in claim.against if "method" in side)
    histograms = any(method in METHODS and not settings_of(method).encodes for method in named)
    reference = "every histogram control" if histograms else against.name
    encoder = f"an untrained encoder ({percent(untrained)})"
    also = f"so does {encoder}" if untrained >= arm.mean else f"is not clearly above {encoder}"
    return f"it stands above {reference}, but {also}: nothing here shows that it was learned"


def place(verdict: Verdict) -> str:
    """Where the arm was probed: "on shuffled images"."""
    if not verdict.accuracies:
        return "on intact images" if verdict.domains[0] == INTACT else "in its own domain"
    return f"on {domain_name(verdict.accuracies[0].metric.domain)}"


def reason(verdict: Verdict) -> str:
    """The numbers behind a verdict in one sentence, without the case's name."""
    arm, outcome = verdict.accuracy("arm"), verdict.outcome
    if arm is None or outcome is None:
        return f"{verdict.missing[:1].upper()}{verdict.missing[1:]}."
    against, full, floor = (verdict.accuracy(role) for role in ("against", "full", "floor"))
    where = f" {place(verdict)}" if len(verdict.domains) == 1 else ""
    parts = [f"{percent(arm.mean)}{where}"]
    if against is not None and full is not None and floor is not None and verdict.claim.compares_gains:
        parts = [f"{_gain(arm, against)}{where} beside {_gain(full, floor)}"]
    elif against is not None:
        parts[0] += f" against {percent(against.mean)} ({against.name})"
    elif full is not None and floor is not None:
        parts[0] += f", on a scale from {percent(floor.mean)} ({floor.name}) to {percent(full.mean)} ({full.name})"
    parts += [_effect(verdict), f"n = {outcome.n}", p_text(verdict)]
    return (
        ", ".join(part for part in parts if part)
        + f"{_bound(verdict, outcome, full, floor)}.{_why_open(verdict, outcome)}"
    )


def _gain(first: Accuracy, second: Accuracy) -> str:
    """ "+3.0 points from "D = 16" (40.0 %) to "D = 1024" (43.0 %)"."""
    change = points(first.mean - second.mean)
    return f'{change} from "{second.name}" ({percent(second.mean)}) to "{first.name}" ({percent(first.mean)})'


def effect_text(verdict: Verdict) -> str:
    """ "+12.1 points", "7.0 % of the way up", "40.0 % of that gain"; "" where there is none."""
    outcome = verdict.outcome
    if outcome is None or outcome.effect is None:
        return ""
    if outcome.quantity == "difference":
        return points(outcome.effect)
    return f"{100 * outcome.effect:.1f} % of {'that gain' if verdict.claim.compares_gains else 'the way up'}"


def interval_text(verdict: Verdict) -> str:
    """ "90 % interval +10.3 to +13.9"; "" where there is none."""
    outcome = verdict.outcome
    if outcome is None or outcome.decision is None:
        return ""
    return span(outcome.decision, signed=outcome.quantity == "difference")


def _effect(verdict: Verdict) -> str:
    interval = interval_text(verdict)
    return f"{effect_text(verdict)} ({interval})" if interval else effect_text(verdict)


def p_text(verdict: Verdict) -> str:
    """The p value after Holm of the test that decided; both where none did; "" where there was no test."""
    if verdict.holm_supported is None or verdict.holm_refuted is None:
        return ""
    if verdict.word == "inconclusive":
        return f"{p_value(verdict.holm_supported)} for it and {p_value(verdict.holm_refuted)} against"
    return p_value(verdict.holm_supported if verdict.word == "supported" else verdict.holm_refuted)


def _bound(verdict: Verdict, outcome: Outcome, full: Accuracy | None, floor: Accuracy | None) -> str:
    """What would have counted, where that is not plain."""
    test = verdict.claim.test
    if test in ("above", "interaction") or not outcome.yardstick:
        return ""
    if test != "equivalence" or full is None or floor is None:
        return f"; the bound is {outcome.margin:.0%}".replace("%", " %")
    share = f"{100 * verdict.claim.margin:.0f} %"
    return (
        f"; as good means within {100 * outcome.margin:.1f} points, {share} of what the full model "
        f"({percent(full.mean)}) has over the floor ({percent(floor.mean)}, {floor.name})"
    )


def _why_open(verdict: Verdict, outcome: Outcome) -> str:
    """Why there was no test at all."""
    full = verdict.accuracy("full")
    if outcome.n < MIN_SEEDS:
        return f" A verdict needs {MIN_SEEDS} seeds."
    if not outcome.yardstick and full is not None:
        low = " and ".join(f"{with_article(side.name)} ({percent(side.mean)})" for side in _not_below(verdict, full))
        what = f'"{full.name}"' if verdict.claim.compares_gains else "the full model"
        return f" There is no yardstick: {what} ({percent(full.mean)}) is not clearly above {low}."
    return ""


def _not_below(verdict: Verdict, full: Accuracy) -> list[Accuracy]:
    """Floors that the full model is not clearly above."""
    floors = [side for side in verdict.accuracies if side.role in ("floor", "base")]
    return [
        side for side in floors if not clearly_positive(list(paired_differences(full.values, side.values).values()))
    ]


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
    return [*found, *_hardest_note(verdict), *_scale_note(verdict), *_rank_notes(verdict), *_untrained_note(verdict)]


def _hardest_note(verdict: Verdict) -> list[str]:
    """Of several references the p value for the claim is that of the one most in doubt."""
    against = [accuracy for accuracy in verdict.accuracies if accuracy.role == "against"]
    if verdict.outcome is None or not verdict.outcome.hardest:
        return []
    hardest = against[verdict.outcome.hardest]
    return [f"The p value for it is the one against {hardest.name} ({percent(hardest.mean)}), the least certain."]


def _scale_note(verdict: Verdict) -> list[str]:
    """Which way an equivalence fails, and where its scale, or that of a share, has its two ends in two domains."""
    found = ["It is better than that, not worse."] if verdict.better else []
    full, floor, base = (verdict.accuracy(role) for role in ("full", "floor", "base"))
    if verdict.outcome is None or not verdict.outcome.yardstick or full is None or floor is None or base is None:
        return found
    top, bottom = (domain_name(side.metric.domain) for side in (full, floor))
    return [*found, f"That scale spans two domains, {top} above and {bottom} below; {base.name}: {percent(base.mean)}."]


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
    if arm is None or against is None or untrained is None:
        return []
    start = f"An untrained encoder has {percent(untrained)} in the same probe"
    if untrained >= arm.mean:
        return [f"{start}, {'more than' if untrained > arm.mean else 'as much as'} this arm."]
    if verdict.claim.test == "above" and verdict.unlearned:
        return [f"{start}: this arm is not clearly above it."]
    if verdict.claim.test == "above" and untrained > against.mean:
        return [f"{start}, also above {percent(against.mean)}: not all of the difference was learned."]
    return []
