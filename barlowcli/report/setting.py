"""What a plan ran on, in words: data, encoder, epochs, seeds, and what was held equal."""

from collections.abc import Iterable
from typing import Any

from barlowcli.analysis.results import Results
from barlowcli.analysis.wording import data_name, listing, method_name
from barlowcli.plan.plan import Plan
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.tables import flatten, look_up


def setting(results: Results) -> str:
    """One phrase: "colour-digits, 16 x 16 pixels, 3,600 training images, encoder small, 8 epochs, 3 seeds"."""
    plan = results.plan
    configs = [cell.config for cell in plan.cells if not cell.control] or [cell.config for cell in plan.cells]
    counts = [record.counts for record in results.records.values()]
    parts = [
        distinct(data_name(config.data.name) for config in configs),
        distinct(size_text(config) for config in configs),
        distinct(f"{count['train']:,} training images" for count in counts if "train" in count),
        distinct(f"encoder {config.encoder.name}" for config in configs if config.encoder),
        distinct(f"{config.training.epochs} epochs" for config in configs if config.training),
        seeds_text(plan),
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


def seeds_text(plan: Plan) -> str:
    """ "3 seeds"."""
    seeds = len({cell.seed for cell in plan.cells})
    return f"{seeds} seed{'s' * (seeds != 1)}"


def size_text(config: CellConfig) -> str:
    """ "16 x 16 pixels"; "" where images are as large as they come."""
    side = config.data.image_size
    return f"{side} x {side} pixels" if side else ""


def distinct(values: Iterable[str]) -> str:
    """Each of the values once, less the empty ones: "a, b"."""
    return listing((value for value in dict.fromkeys(values) if value), limit=6)
