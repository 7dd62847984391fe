"""What a plan ran on, in words: data, encoder, seeds, versions. Nothing here names a folder of some machine."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from barlowcli.analysis.results import Records, Results
from barlowcli.analysis.statistics import MIN_SEEDS, t_interval
from barlowcli.analysis.wording import capital, data_name, listing, method_name, percent
from barlowcli.plan.plan import Plan
from barlowcli.plan.screening import screening
from barlowcli.records.metrics import INTACT
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.tables import flatten, look_up
from barlowcli.verdicts import Verdict

SEEDS_FOR_A_VERDICT = 5
"""Fewer only screen: three seeds already give an interval, but a wide and shaky one."""

HARDLY = 0.10
"""A gain that is not clearly more than this share of what the full model has over chance is hardly one."""


def setting(results: Results) -> str:
    """One phrase: "colour-digits, 16 x 16 pixels, 3,600 training images, encoder small, 8 epochs, 3 seeds"."""
    plan = results.plan
    configs = [cell.config for cell in plan.cells if not cell.control] or [cell.config for cell in plan.cells]
    counts = [record.counts for record in results.records.values()]
    parts = [
        _distinct(data_name(config.data.name) for config in configs),
        _distinct(_size(config) for config in configs),
        _distinct(f"{count['train']:,} training images" for count in counts if "train" in count),
        _distinct(f"encoder {config.encoder.name}" for config in configs if config.encoder),
        _distinct(f"{config.training.epochs} epochs" for config in configs if config.training),
        _seeds(plan),
        "recipes" if plan.experiment.presets[plan.preset].recipe else "",
    ]
    return ", ".join(part for part in parts if part)


def mode(plan: Plan) -> str:
    """Whether everything is equal but the axes, or each method has its recipe, in a sentence."""
    preset = plan.experiment.presets[plan.preset]
    if preset.recipe:
        return (
            f"Recipe mode: each method has its own published settings ({preset.recipe}), so methods differ in learning "
            f"rate, projector and augmentations too.{_fixed(plan)}"
        )
    own = [f"{method_name(name)}: {_assigned(settings)}" for name, settings in preset.methods.items()]
    own += [f"{method_name(name)}: {_assigned(settings)}" for name, settings in plan.experiment.methods.items()]
    but = f", but for what a method has of its own: {'; '.join(dict.fromkeys(own))}" if own else ""
    return f"Controlled mode: everything is equal but the axes{but}."


def _fixed(plan: Plan) -> str:
    """What the experiment keeps of its own under a recipe."""
    experiment = plan.experiment
    parts = [_assigned(experiment.fixed)] if experiment.fixed else []
    parts += [f"{method_name(name)}: {_assigned(settings)}" for name, settings in experiment.methods.items()]
    return f" This experiment keeps of its own: {'; '.join(parts)}." if parts else ""


def _assigned(settings: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {look_up(settings, key)}" for key in flatten(settings))


def screened(results: Results) -> str:
    """What the first stage of a screened experiment found, in a sentence; "" where there is none."""
    plan, screen = results.plan, results.plan.experiment.screen
    if screen is None:
        return ""
    means = sorted(screening(plan, results.records).items(), key=lambda item: -item[1])
    found = ", ".join(f"{results.value_name(screen.axis, name)} {percent(mean)}" for name, mean in means)
    if not plan.winner:
        return f"The screening is not finished{f'; so far: {found}' if found else ''}."
    return (
        f"Screened on {screen.seeds} seeds, validation accuracy, mean over all conditions: {found}. The winner, "
        f"{results.value_name(screen.axis, plan.winner)}, is judged on fresh seeds alone."
    )


def caveats(results: Results, verdicts: Sequence[Verdict]) -> list[str]:
    """How far what was found may be trusted, in sentences."""
    plan, records = results.plan, results.records
    seeds, found = len({cell.seed for cell in plan.cells}), []
    if seeds < SEEDS_FOR_A_VERDICT:
        can = "can screen" if seeds >= MIN_SEEDS else "can decide nothing"
        found.append(
            f"{_seeds(plan)} {can}; for a verdict to build on take {SEEDS_FOR_A_VERDICT} or more "
            f"(--seeds {SEEDS_FOR_A_VERDICT})."
        )
    configs = [cell.config for cell in plan.cells]
    data, size = _distinct(data_name(config.data.name) for config in configs), _distinct(map(_size, configs))
    encoder = _distinct(config.encoder.name for config in configs if config.encoder)
    measured = ", ".join(part for part in (data, size, f"encoder {encoder}" if encoder else "") if part)
    skipped = max((record.counts.get("skipped", 0) for record in records.values()), default=0)
    if skipped:
        found.append(f"Images that could not be used and were left out: {skipped:,}.")
    found += _weak_models(results, verdicts)
    return [*found, f"All this was measured on {measured}; other data and larger networks may differ."]


def diverged(results: Results) -> str:
    """The cells without numbers that diverged, in words; "" where none did."""
    records = results.records
    found = (cell for cell in results.lacking if cell.id in records and records[cell.id].status == "diverged")
    return listing(map(results.cell_name, found), separator="; ")


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
        histogram = _best_histogram(results, metric.label)
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


def _best_histogram(results: Results, label: str) -> tuple[float, float] | None:
    """Mean accuracy of the best histogram probe on intact images, and chance; None where there is none."""
    arms = [arm for arm in results.arms if not arm.method.encodes]
    values = [arm.accuracies(INTACT, label, probe) for arm in arms for probe in arm.probes]
    means = [t_interval(list(found.values())).mean for found in values if found]
    chance = max((record.chance.get(label, 0.0) for record in results.records.values()), default=0.0)
    return (max(means), chance) if means else None


def _seeds(plan: Plan) -> str:
    seeds = len({cell.seed for cell in plan.cells})
    return f"{seeds} seed{'s' * (seeds != 1)}"


def _size(config: CellConfig) -> str:
    side = config.data.image_size
    return f"{side} x {side} pixels" if side else ""


def provenance(records: Records) -> list[tuple[str, str]]:
    """Label and value of what the records say of device, code and versions; several values where they differ."""
    rows = [record.provenance for record in records.values()]
    found = [
        ("device", _distinct(_joined(row, "device", "device_name") for row in rows)),
        ("barlow", _distinct(str(row["barlow"]) for row in rows if row.get("barlow"))),
        ("commit", _distinct(str(row["commit"]) for row in rows if row.get("commit"))),
        ("Python", _distinct(_joined(row, "python", "platform") for row in rows)),
    ]
    packages = dict.fromkeys(name for row in rows for name in row.get("versions", {}))
    found += [(name, _distinct(str(row.get("versions", {}).get(name, "")) for row in rows)) for name in packages]
    return [(label, value) for label, value in found if value]


def without_folders(text: str) -> str:
    """`text` with the folders of absolute paths cut away: "/home/me/cats/1.png" -> "…/1.png"."""
    return re.sub(r"(?<![\w./])/(?:[^\s/:'\"`]+/)+", "…/", text)


def _joined(row: dict[str, Any], first: str, second: str) -> str:
    values = [str(row[name]) for name in (first, second) if row.get(name)]
    return f"{values[0]} ({values[1]})" if len(values) > 1 else "".join(values)


def _distinct(values: Iterable[str]) -> str:
    return listing((value for value in dict.fromkeys(values) if value), limit=6)
