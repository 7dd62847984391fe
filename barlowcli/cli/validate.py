"""`barlow validate`: every mistake in an experiment file, under every preset, before anything is run."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from barlowcli.cli import flags, output
from barlowcli.errors import ConfigError
from barlowcli.experiment.files import load_experiment
from barlowcli.plan.plan import Plan
from barlowcli.running import validation


def validate(experiment: flags.Experiment, as_json: flags.JsonAlone = False) -> None:
    """Check an experiment under each of its presets and say how large they are; run nothing, write nothing."""
    try:
        spec = load_experiment(experiment)
    except ConfigError as error:
        if as_json:
            output.print_json(as_value(None, [], dict.fromkeys(error.problems, ())))
        raise
    found = validation.validate(spec)
    if as_json:
        output.print_json(as_value(found.experiment.name, found.plans, found.mistakes))
    found.check()
    if not as_json:
        for line in output.columns([(plan.preset, summary(plan)) for plan in found.plans]):
            output.say(line)


def summary(plan: Plan) -> str:
    """How large a plan is, in words; what a first stage will add to it is not known before it was run."""
    size = validation.size_of(plan)
    controls = f" ({size.controls} of them controls)" if size.controls else ""
    more = "".join(f", and what the {stage} chooses" for stage in plan.open)
    return f"{size.cells} cells, {size.arms} arms{controls}, {size.seeds} seeds{more}"


def as_value(
    experiment: str | None, plans: Collection[Plan], mistakes: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """What --json prints; a mistake without presets is one in the file itself."""
    return {
        "experiment": experiment,
        "presets": [{"preset": plan.preset, **asdict(validation.size_of(plan))} for plan in plans],
        "mistakes": [{"presets": list(presets), "problem": problem} for problem, presets in mistakes.items()],
    }
