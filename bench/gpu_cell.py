"""One cell of the shuffle test on a GPU, from its first step to its record, in one process that compiles once.

    python bench/gpu_cell.py --dataset parquet:PATH --method barlow --out cell.json
    python bench/gpu_cell.py --dataset parquet:PATH --method byol --parts first,step,whole --out cell.json

first: whether a step is taken as one CUDA graph at all, with three of them. step: its time. whole: a cell of two
epochs, stage by stage. products, views: what they take alone. stem: the first convolution with 3 channels and with 8,
forward and backward. profile: the kernels of one step. Each is written as soon as it is known.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from barlowcli.cell.build import build_step, make_views
from barlowcli.cell.run import dataset_on
from barlowcli.cli.parsing import absolute, all_settings, axis_values
from barlowcli.experiment.files import load_experiment
from barlowcli.machine.devices import Way, set_up
from barlowcli.machine.provenance import provenance
from barlowcli.measuring.throughput import flops_of_step, in_turn, matrix_products, shortened, whole_cell
from barlowcli.plan.grid import Overrides
from barlowcli.running.bench import first_trained
from barlowcli.running.request import Request
from barlowcli.settings.stages import trained_config
from barlowcli.settings.training import TrainingSettings
from barlowcli.training.meter import Meter, synchronise
from barlowcli.training.step import Step, prepare
from bench.kept import Kept

FEW = 3
"""Steps that are looked at one by one."""
STEM_CHANNELS = (3, 8)
STEM_FILTERS = 64
KERNELS = 40
"""The slowest of a step, by name; the others as one line."""


class Bench:
    """The cell, its data and its step, which is prepared once for all parts."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.counters = not arguments.no_counters
        self.device, self.seconds, self.root = arguments.device, arguments.seconds, Path("~/.cache/barlow").expanduser()
        data = {"data.name": absolute(arguments.dataset), "data.limit": arguments.limit}
        overrides = Overrides(axis_values(arguments.method), all_settings(data, arguments.set), 1)
        experiment = load_experiment("shuffle-test")
        request = Request(experiment, preset=arguments.preset, device=self.device, overrides=overrides)
        self.cell = shortened(first_trained(request.plan()), arguments.epochs)
        self.config = trained_config(self.cell.config)
        torch.set_num_threads(self.config.training.threads)
        set_up(self.device, deterministic=False)
        self.data = dataset_on(self.config.data, self.root, self.device)
        self.on = self.data.pretrain.device
        self.index = torch.arange(self.training.batch_size, device=self.on) % len(self.data.pretrain)
        self.taken: Step | None = None
        self.step_seconds = math.nan

    @property
    def training(self) -> TrainingSettings:
        """Of the cell."""
        return self.config.training

    def take(self) -> object:
        """One step, at a learning rate of 0: nothing diverges."""
        if self.taken is None:
            raise RuntimeError("part `first` prepares the step")
        return self.taken(self.index, epoch=0, lr=0.0, progress=0.0)

    def first(self) -> dict[str, Any]:
        """The way that steps are taken, why none faster, what preparing took, and milliseconds of three steps."""
        labels = self.data.pretrain.new_zeros(len(self.data.pretrain), dtype=torch.long)
        eager, notes = build_step(self.device, self.config, self.data, self.data.pretrain, labels), list[str]()
        start = time.perf_counter()
        way = Way.captured if self.device == "cuda" else Way.eager
        meter = Meter(eager.method, eager.optimizer, self.on)
        self.taken, taken = prepare(eager, way, meter, notes.append)
        synchronise(self.on)
        prepared = time.perf_counter() - start
        ms = [1e3 * seconds_of(self.take, self.on) for _ in range(FEW)]
        row = self.taken(self.index, epoch=0, lr=0.0, progress=0.0)
        values = dict(zip(row.names, row.values.tolist(), strict=True))
        about = {"batch": self.training.batch_size, "precision": self.training.precision, "set_up_seconds": prepared}
        return {"way": str(taken), "notes": notes, **about, "ms": ms, "row": values}

    def step(self) -> dict[str, Any]:
        """Milliseconds of a step in blocks, views a second, and its operations."""
        spans = in_turn({"step": self.take}, self.on, self.seconds)["step"]
        self.step_seconds = statistics.median(spans)
        steps = len(self.data.pretrain) // self.training.batch_size
        return {
            **spread([1e3 * span for span in spans]),
            "views_per_second": 2 * len(self.index) / self.step_seconds,
            "steps_an_epoch": steps,
            "epoch_seconds": steps * self.step_seconds,
        }

    def whole(self) -> dict[str, Any]:
        """Seconds of each stage of a cell, and bytes."""
        stages, memory = whole_cell(self.cell, self.device, self.root)
        return {"epochs": self.training.epochs, "seconds": stages, "bytes": memory}

    def profile(self) -> dict[str, Any]:
        """The kernels of one step: how many, and microseconds of those that take most."""
        activities = [torch.profiler.ProfilerActivity.CPU]
        if self.device == "cuda" and self.counters:
            activities.append(torch.profiler.ProfilerActivity.CUDA)
        with torch.profiler.profile(activities=activities) as found:
            self.take()
            synchronise(self.on)
        rows = [(one.key, one.count, one.self_device_time_total) for one in found.key_averages()]
        rows = sorted((row for row in rows if row[2]), key=lambda row: -row[2])
        kernels = [{"kernel": key[:160], "count": count, "microseconds": us} for key, count, us in rows]
        rest = {"count": sum(row[1] for row in rows[KERNELS:]), "microseconds": sum(row[2] for row in rows[KERNELS:])}
        total = {"count": sum(row[1] for row in rows), "microseconds": sum(row[2] for row in rows)}
        return {"all": total, "kernels": kernels[:KERNELS], "others": rest}

    def products(self) -> dict[str, Any]:
        """FLOP/s of a large product in the step's type, and the share of it that the step reaches."""
        dtype = torch.bfloat16 if self.training.precision == "bf16" else torch.float32
        rate = matrix_products(self.device, dtype, self.seconds)
        flops = flops_of_step(self.config, self.data, self.device)
        share = flops / self.step_seconds / rate.median
        return {"type": str(dtype), "flops_per_second": asdict(rate), "step_flops": flops, "share": share}

    def views(self) -> dict[str, Any]:
        """Views a second, uncompiled."""
        views = make_views(self.config, self.data)
        call = {"views": lambda: views.both(self.data.pretrain, self.index, epoch=0)}
        spans = in_turn(call, self.on, self.seconds)["views"]
        return {"per_second": spread([2 * len(self.index) / span for span in spans])}

    def stem(self) -> dict[str, Any]:
        """Milliseconds of the first convolution on both views, forward and backward, by its channels."""
        side = self.data.pretrain.shape[-1]
        calls = {}
        for channels in STEM_CHANNELS:
            dtype = torch.bfloat16 if self.device == "cuda" else torch.float32
            weight = torch.rand(STEM_FILTERS, channels, 3, 3, device=self.on, dtype=dtype)
            images = torch.rand(2 * len(self.index), channels, side, side, device=self.on, dtype=dtype)
            last = {"memory_format": torch.channels_last}
            calls[str(channels)] = there_and_back(images.contiguous(**last), weight.contiguous(**last))
        found = in_turn(calls, self.on, self.seconds)
        return {name: spread([1e3 * span for span in spans]) for name, spans in found.items()}


def there_and_back(images: Tensor, weight: Tensor) -> Callable[[], object]:
    """A convolution and the gradient of its weight; images want none."""
    weight.requires_grad_()
    output = F.conv2d(images, weight, padding=1)
    gradient = torch.ones_like(output)
    return lambda: torch.autograd.grad(F.conv2d(images, weight, padding=1), weight, gradient)


def seconds_of(call: Callable[[], object], device: torch.device) -> float:
    """Of one call."""
    synchronise(device)
    start = time.perf_counter()
    call()
    synchronise(device)
    return time.perf_counter() - start


def spread(values: list[float]) -> dict[str, float]:
    """Median, least and largest."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


PARTS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    name: getattr(Bench, name) for name in ("first", "step", "whole", "products", "views", "stem", "profile")
}


def chosen(text: str) -> list[str]:
    """Names of parts, comma-separated."""
    names = text.split(",")
    if unknown := sorted({*names} - {*PARTS}):
        raise argparse.ArgumentTypeError(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return names


def main() -> None:
    """Measure the parts in turn and print each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", help="default: the preset's")
    parser.add_argument("--method", default="barlow")
    parser.add_argument("--preset", default="cifar10")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--limit", type=int, help="training images; default: the preset's")
    parser.add_argument("--epochs", type=int, default=2, help="of the whole cell")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any setting; repeatable")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of each of five blocks")
    parser.add_argument("--no-counters", action="store_true", help="a profile of the host alone: a fake card has none")
    parser.add_argument("--parts", type=chosen, default=[*PARTS], help=f"of {','.join(PARTS)}")
    parser.add_argument("--out", type=Path, help="write what is found here as JSON, part by part")
    arguments = parser.parse_args()
    kept = Kept(arguments.out, method=arguments.method, preset=arguments.preset)
    bench = Bench(arguments)
    kept.note(provenance=provenance(arguments.device, ["python", "bench/gpu_cell.py"]))
    for name, found in measured(bench, arguments.parts):
        kept.note(**{name: found})
        print(f"{name}: {found}", flush=True)


def measured(bench: Bench, names: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Part -> what was found, one after the other."""
    for name in names:
        yield name, PARTS[name](bench)


if __name__ == "__main__":
    main()
