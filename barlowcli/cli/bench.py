"""`barlow bench`: what this machine does a second, and what a cell takes here."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from barlowcli.cli import flags, output, readers
from barlowcli.cli.parsing import absolute, all_settings, axis_values
from barlowcli.data.paths import DATA_ROOT
from barlowcli.experiment.files import load_experiment
from barlowcli.machine.devices import Way
from barlowcli.plan.grid import Overrides
from barlowcli.running.bench import Bench
from barlowcli.running.bench import bench as measure
from barlowcli.running.request import Request

if TYPE_CHECKING:  # it imports torch
    from barlowcli.measuring.throughput import Throughput


def bench(
    experiment: Annotated[str, typer.Argument(help="The experiment one cell of which is measured.")] = "shuffle-test",
    preset: flags.Preset = "auto",
    method: Annotated[str, typer.Option(help="The method of the cell.")] = "barlow",
    dataset: Annotated[str | None, typer.Option(help="A name, folder:PATH or parquet:PATH.")] = None,
    data_root: flags.DataRoot = DATA_ROOT,
    limit: flags.Limit = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            parser=readers.whole("--epochs"),
            metavar=readers.INT,
            help="Epochs of the whole cell; default 2 on a GPU, else the preset's.",
        ),
    ] = None,
    settings: flags.Set = None,
    way: Annotated[
        Way | None, typer.Option("--step", help="Only this way to take a step; default: all on a GPU, else eager.")
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(
            parser=readers.real("--seconds", 0.01),
            metavar=readers.FLOAT,
            help="Length of each of five blocks.",
        ),
    ] = 1.0,
    device: flags.Device = "auto",
    as_json: flags.JsonAlone = False,
    quiet: flags.Quiet = False,
) -> None:
    """Measure views, steps and one whole cell of an experiment on this machine."""
    data = {"data.name": absolute(dataset), "data.limit": limit}
    request = Request(
        load_experiment(experiment),
        preset=preset,
        device=device,
        overrides=Overrides(axis_values(method), all_settings(data, settings), seeds=1),
        data_root=data_root,
        command=flags.as_typed(),
    )
    ways = [way] if way else []
    found = measure(request, output.Terminal(quiet=quiet), epochs=epochs, ways=ways, seconds=seconds)
    if as_json:
        output.print_json(found.as_value())
        return
    for line in output.columns(rows(found)):
        output.say(line)


def rows(bench: Bench) -> list[tuple[str, str]]:
    """Name and text of what was found, one a line; ranges are those of five blocks."""
    found, made = bench.measured, bench.provenance
    return [
        ("device", f"{made['device_name']}, torch {made['versions']['torch']}"),
        *rates(found),
        *steps(found),
        *whole_cell(found, epochs=bench.epochs),
    ]


def rates(found: "Throughput") -> Iterator[tuple[str, str]]:
    """Matrix products and views a second."""
    for kind, rate in found.matrix_products.items():
        yield (
            f"matrix products, {kind}",
            f"{rate.median / 1e9:,.0f} GFLOP/s ({rate.low / 1e9:,.0f} … {rate.high / 1e9:,.0f})",
        )
    views = found.views
    yield "views", f"{views.median:,.0f} a second ({views.low:,.0f} … {views.high:,.0f}), {found.side} x {found.side}"


def steps(found: "Throughput") -> Iterator[tuple[str, str]]:
    """A training step, each way to take one."""
    for way, step in found.steps.items():
        ms = step.ms
        yield (
            f"step, {way}",
            f"{ms.median:.2f} ms ({ms.low:.2f} … {ms.high:.2f}) for {found.batch} images: {step.views:,.0f} views a "
            f"second, {100 * step.share:.0f} % of the matrix products' rate; set up in {step.set_up:.1f} s",
        )
        for note in step.notes:
            yield "", note
    if found.deterministic is not None:
        yield "deterministic", f"{found.deterministic:.2f} times the time of a step"


def whole_cell(found: "Throughput", *, epochs: int) -> Iterator[tuple[str, str]]:
    """The stages of a cell, and the memory that it took."""
    stages = found.stages
    parts = [f"{name} {stages[name]:.2f} s" for name in ("load", "train", "evaluate") if name in stages]
    yield "a whole cell", f"{', '.join(parts)} ({epochs} epochs), together {stages['total']:.2f} s"
    names = {"training_bytes": "training, counted", "peak_bytes": "at most allocated", "process_bytes": "the process"}
    yield "memory", ", ".join(f"{names[name]} {count / 2**20:,.0f} MiB" for name, count in found.bytes.items())
