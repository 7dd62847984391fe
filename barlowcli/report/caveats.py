"""How far what was found may be trusted, in sentences."""

from collections.abc import Sequence

from barlowcli.analysis.inventory import distinct_inventories, sentences
from barlowcli.analysis.results import Results
from barlowcli.analysis.statistics import MIN_SEEDS, t_interval
from barlowcli.analysis.wording import capital, data_name, method_name, percent
from barlowcli.records.metrics import INTACT, Metric
from barlowcli.report.provenance import in_parts
from barlowcli.report.setting import distinct, seeds_text, size_text
from barlowcli.report.steps import step_caveats
from barlowcli.verdicts import Verdict
from barlowcli.verdicts.errors import error_rate

SEEDS_FOR_A_VERDICT = 5
"""Fewer only screen: three seeds already give an interval, but a wide and shaky one."""

HARDLY = 0.10
"""A gain that is not clearly more than this share of what the full model has over chance is hardly one."""


def caveats(results: Results, verdicts: Sequence[Verdict]) -> list[str]:
    """How far what was found may be trusted, in sentences."""
    plan, records = results.plan, results.records
    seeds, found = len({cell.seed for cell in plan.cells}), []
    if seeds < SEEDS_FOR_A_VERDICT:
        can = "can screen" if seeds >= MIN_SEEDS else "can decide nothing"
        found.append(
            f"{seeds_text(plan)} {can}; for a verdict to build on take {SEEDS_FOR_A_VERDICT} or more "
            f"(--seeds {SEEDS_FOR_A_VERDICT})."
        )
    if any(verdict.images is not None for verdict in verdicts):
        found.append(
            "Intervals are over seeds, for one draw of training images and one test set; the standard error over the "
            "test images says what another test set of that size would change."
        )
    configs = [cell.config for cell in plan.cells]
    data, size = distinct(data_name(config.data.name) for config in configs), distinct(map(size_text, configs))
    encoder = distinct(config.encoder.name for config in configs if config.encoder)
    measured = ", ".join(part for part in (data, size, f"encoder {encoder}" if encoder else "") if part)
    skipped = max((record.counts.get("skipped", 0) for record in records.values()), default=0)
    if skipped:
        found.append(f"Images that could not be used and were left out: {skipped:,}.")
    found += dict.fromkeys(sentence for read in distinct_inventories(records.values()) for sentence in sentences(read))
    if parts := in_parts(records):
        found.append(f"{capital(parts)}; what each did stands in its record.json.")
    found += step_caveats(results)
    found += _weak_models(results, verdicts)
    found += [text] if (text := error_rate(verdicts)) else []
    return [*found, f"All this was measured on {measured}; other data and larger networks may differ."]


def _weak_models(results: Results, verdicts: Sequence[Verdict]) -> list[str]:
    """Full models that are hardly above the best histogram: they have learned too little to say much by."""
    full = {
        (method_name(str(verdict.case["method"]) if "method" in verdict.case else ""), side.metric, side.mean): side
        for verdict in verdicts
        for side in verdict.accuracies
        if side.role == "full" and not verdict.claim.compares_gains
    }
    several, found = len({name for name, _, _ in full}) > 1, []
    for (name, metric, _), side in full.items():
        histogram = _histogram(results, metric)
        if metric.domain != INTACT or histogram is None:
            continue
        level, chance = histogram
        bound = HARDLY * (side.mean - chance)
        interval = t_interval([value - level for value in side.values.values()])
        if (interval.mean if interval.low is None else interval.low) > bound:
            continue
        below = "hardly above" if side.mean > level else "not above"
        text = f"the full model itself, {percent(side.mean)}, is {below} a histogram, {percent(level)}"
        found.append(
            f"{f'{name}: {text}' if several and name else capital(text)}: at this size the experiment says little "
            "about larger networks."
        )
    return found


def _histogram(results: Results, metric: Metric) -> tuple[float, float] | None:
    """Mean accuracy of the same probe of raw histograms, its best space, and chance; None where there is none."""
    arms = [arm for arm in results.arms if not arm.method.encodes]
    values = [
        arm.accuracies(INTACT, metric.label, probe)
        for arm in arms
        for probe in arm.probes
        if probe.probe == metric.probe
    ]
    means = [t_interval(list(found.values())).mean for found in values if found]
    chance = max((record.chance.get(metric.label, 0.0) for record in results.records.values()), default=0.0)
    return (max(means), chance) if means else None
