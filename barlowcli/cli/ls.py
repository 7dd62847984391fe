"""`barlow ls`: what there is."""

import functools
from enum import StrEnum
from typing import Annotated, Any

import typer

from barlowcli.cli import flags, output
from barlowcli.entries import Registry
from barlowcli.experiment.files import experiment_names, experiments_folder, read_common_presets, read_experiment
from barlowcli.registry import DATASETS, ENCODERS, ENGINES, METHODS, OPTIMIZERS, SHUFFLES


class Kind(StrEnum):
    """What can be listed."""

    experiments = "experiments"
    presets = "presets"
    methods = "methods"
    shuffles = "shuffles"
    datasets = "datasets"
    encoders = "encoders"
    optimizers = "optimizers"
    engines = "engines"


REGISTRIES: dict[Kind, Registry] = {
    Kind.methods: METHODS,
    Kind.shuffles: SHUFFLES,
    Kind.datasets: DATASETS,
    Kind.encoders: ENCODERS,
    Kind.optimizers: OPTIMIZERS,
    Kind.engines: ENGINES,
}


def ls(
    kind: Annotated[Kind | None, typer.Argument(help="Only this kind.")] = None,
    as_json: flags.Json = False,
) -> None:
    """List experiments, presets, methods, shuffle arms, data sets, encoders, optimisers and engines."""
    listed = {one.value: listing(one) for one in ([kind] if kind else Kind)}
    if as_json:
        output.print_json(listed)
        return
    width = max(len(name) for items in listed.values() for name in items)
    for index, (title, items) in enumerate(listed.items()):
        if len(listed) > 1:
            output.say(("\n" if index else "") + title)
        for name, summary in items.items():  # two columns are no reason to import rich, which takes as long as the rest
            output.say(f"  {name.ljust(width)}  {summary}")


def listing(kind: Kind) -> dict[str, str]:
    """Name -> one line, for everything of a kind."""
    if kind in REGISTRIES:
        return REGISTRIES[kind].summaries()
    if kind is Kind.experiments:
        return {one["name"]: one["question"].strip() for one in experiments()}
    common = read_common_presets()
    own = {
        f"{one['name']} --preset {name}": preset
        for one in experiments()
        for name, preset in one["presets"].items()
        if preset != common.get(name)
    }
    shared = {f"any experiment --preset {name}": preset for name, preset in common.items()}
    return {name: preset_line(preset) for name, preset in (own | shared).items()}


@functools.cache
def experiments() -> list[dict[str, Any]]:
    """The tables of every experiment file that comes with barlow."""
    return [read_experiment(experiments_folder() / f"{name}.toml") for name in experiment_names()]


def preset_line(preset: dict[str, Any]) -> str:
    """What a preset is and takes, in one line."""
    return f"{preset['summary']} ({preset['seeds']} seeds; {preset['cost']})"
