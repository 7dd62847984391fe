"""`barlow bench`: what this machine does a second, and what a cell takes here."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from barlowcli.cli import output
from barlowcli.cli.parsing import absolute, axis_values, parse_settings
from barlowcli.errors import BarlowError
from barlowcli.experiment.files import load_experiment
from barlowcli.machine.devices import Way, resolve
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.running.request import choose_preset
from barlowcli.settings.stages import trained_config

EPOCHS_ON_GPU = 2
"""Epochs of the whole cell that is timed on a GPU, where all of them would take minutes."""


def bench(
    experiment: Annotated[str, typer.Argument(help="The experiment one cell of which is measured.")] = "shuffle-test",
    preset: Annotated[str, typer.Option(help="auto: cifar10 where there is a GPU, else quick.")] = "auto",
    method: Annotated[str, typer.Option(help="The method of the cell.")] = "barlow",
    dataset: Annotated[str | None, typer.Option(help="A name, folder:PATH or parquet:PATH.")] = None,
    data_root: Annotated[Path, typer.Option(help="Where data sets by name lie.")] = Path("~/.cache/barlow"),
    limit: Annotated[int | None, typer.Option(min=1, help="A class-balanced part of the training images.")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Epochs of the whole cell; default 2 on a GPU, else the preset's.")
    ] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="key=value, any setting; repeatable.")] = None,
    way: Annotated[
        Way | None, typer.Option("--step", help="Only this way to take a step; default: all on a GPU, else eager.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.01, help="Length of a block; each thing has five.")] = 1.0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, all else on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No progress.")] = False,
) -> None:
    """Measure views, steps and one whole cell of an experiment on this machine."""
    spec = load_experiment(experiment)
    device = resolve(device)
    chosen, why = choose_preset(spec, preset, device)
    flags: dict[str, Any] = {"data.name": absolute(dataset) if dataset else None, "data.limit": limit}
    overrides = Overrides(
        axes=axis_values(method, None, None, None, None, []),
        settings={key: value for key, value in flags.items() if value is not None} | parse_settings(settings or []),
        seeds=1,
    )
    plan = build_plan(spec, chosen, overrides, on_cuda=device == "cuda")
    from barlowcli.machine.provenance import provenance
    from barlowcli.measuring.throughput import Throughput, measure, shortened

    cell = first_trained(plan)
    count = epochs or (EPOCHS_ON_GPU if device == "cuda" else None)
    if count is not None:
        cell = shortened(cell, count)
    arm = ", ".join(f"{name} {value}" for name, value in cell.axes.items() if value != "-")
    output.log(f"{spec.name}, preset {chosen} ({why}), on {device}: {arm}", quiet=quiet)
    found: Throughput = measure(
        cell,
        device=device,
        data_root=data_root.expanduser(),
        seconds=seconds,
        ways=[way] if way else (list(Way) if device == "cuda" else [Way.eager]),
        note=lambda text: output.log(f"measuring {text}", quiet=quiet),
    )
    about = {"experiment": spec.name, "preset": chosen, "axes": cell.axes}
    made = provenance(device, ["barlow", *sys.argv[1:]])
    if as_json:
        output.print_json({**about, **found.document(), "provenance": made})
        return
    rows = lines(found, epochs=trained_config(cell.config).training.epochs)
    rows.insert(0, ("device", f"{made['device_name']}, torch {made['versions']['torch']}"))
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        output.say(f"{name.ljust(width)}  {text}")


def first_trained(plan: Plan) -> PlannedCell:
    """The first cell of the grid that trains; raises BarlowError where there is none."""
    for cell in plan.cells:
        if not cell.control and cell.config.training is not None:
            return cell
    raise BarlowError("no cell of this grid trains anything", hint="choose another --method")


def lines(found: Any, *, epochs: int) -> list[tuple[str, str]]:
    """Name and text of what was found, one a line; ranges are those of five blocks."""
    rows = [
        (
            f"matrix products, {kind}",
            f"{rate.median / 1e9:,.0f} GFLOP/s ({rate.low / 1e9:,.0f} … {rate.high / 1e9:,.0f})",
        )
        for kind, rate in found.matrix_products.items()
    ]
    views = found.views
    rows.append(
        ("views", f"{views.median:,.0f} a second ({views.low:,.0f} … {views.high:,.0f}), {found.side} x {found.side}")
    )
    for way, step in found.steps.items():
        ms = step.ms
        text = (
            f"{ms.median:.2f} ms ({ms.low:.2f} … {ms.high:.2f}) for {found.batch} images: {step.views:,.0f} views a "
            f"second, {100 * step.share:.0f} % of the matrix products' rate; set up in {step.set_up:.1f} s"
        )
        rows.append((f"step, {way}", text))
        rows += [("", note) for note in step.notes]
    if found.deterministic is not None:
        rows.append(("deterministic", f"{found.deterministic:.2f} times the time of a step"))
    stages = found.stages
    parts = [f"{name} {stages[name]:.2f} s" for name in ("load", "train", "evaluate") if name in stages]
    rows.append(("a whole cell", f"{', '.join(parts)} ({epochs} epochs), together {stages['total']:.2f} s"))
    names = {"training_bytes": "training, counted", "peak_bytes": "at most allocated", "process_bytes": "the process"}
    memory = [f"{names[name]} {count / 2**20:,.0f} MiB" for name, count in found.bytes.items()]
    rows.append(("memory", ", ".join(memory)))
    return rows
