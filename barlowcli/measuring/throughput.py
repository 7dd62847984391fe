"""What this machine does a second: views, steps in each way, matrix products; and what a whole cell takes."""

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from barlowcli.cell.build import build_step, make_views
from barlowcli.cell.options import RunOptions
from barlowcli.cell.run import dataset_on, run_cell
from barlowcli.data.imageset import Dataset
from barlowcli.machine.devices import Way, set_up
from barlowcli.machine.surroundings import give_temporary_folder
from barlowcli.plan.plan import PlannedCell
from barlowcli.settings.stages import TrainedConfig, trained_config
from barlowcli.training.loop import Hooks
from barlowcli.training.meter import Meter, synchronise
from barlowcli.training.step import EagerStep, Step, prepare

BLOCKS = 5
"""Times that each thing is measured, in turn with the others."""
SIZES = {"cuda": 8192, "cpu": 2048}
"""Side of the square matrices whose product is timed: large enough for the device's full rate."""


@dataclass(frozen=True)
class Rate:
    """Something a second: the median of some blocks, and the lowest and highest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, amount: float, seconds: Sequence[float]) -> "Rate":
        """`amount` in each of some spans of time."""
        rates = [amount / span for span in seconds]
        return cls(statistics.median(rates), min(rates), max(rates))


@dataclass(frozen=True)
class StepSpeed:
    """A training step in one way. ways that fall back are listed under what they fell back to.

    ms: milliseconds, median, low and high. share: of the device's matrix-product rate in the type that the network
    computes in, by the operations of convolutions and matrix products alone. set_up: seconds to compile and capture.
    """

    ms: Rate
    views: float
    share: float
    set_up: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Throughput:
    """What `measure` found. matrix_products: FLOP/s, by type. views: views/s. steps: by way. deterministic: how many
    times as long a step takes with --deterministic, where that makes a difference. stages: seconds of a whole cell.
    bytes: memory of training as counted, on CUDA as allocated at most, and the most that the process held."""

    batch: int
    side: int
    flops: int
    matrix_products: dict[str, Rate]
    views: Rate
    steps: dict[str, StepSpeed]
    deterministic: float | None
    stages: dict[str, float]
    bytes: dict[str, int]

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def measure(
    cell: PlannedCell,
    *,
    device: str,
    data_root: Path,
    seconds: float,
    ways: Sequence[Way],
    note: Callable[[str], None],
) -> Throughput:
    """Measure one cell's parts on `device`, each in blocks of about `seconds`, and then run the cell as it is.

    Raises what the data set or the cell raises.
    """
    config = trained_config(cell.config)
    torch.set_num_threads(config.training.threads)
    set_up(device, deterministic=False)
    data = dataset_on(config.data, data_root, device)
    note("matrix products")
    products = {name: matrix_products(device, dtype, seconds) for name, dtype in _types(config, device).items()}
    note("views")
    index = torch.arange(config.training.batch_size, device=data.pretrain.device) % len(data.pretrain)
    views = make_views(config, data)
    made = {"views": lambda: [views(data.pretrain, index, epoch=0, view=view) for view in (0, 1)]}
    rate = Rate.of(2 * len(index), in_turn(made, data.pretrain.device, seconds)["views"])
    flops = flops_of_step(config, data, device)
    note("steps: " + ", ".join(ways))
    peak = products["bf16" if config.training.precision == "bf16" else "fp32"].median
    steps = steps_in(ways, config, data, device, seconds, flops=flops, peak=peak)
    deterministic = _deterministic(next(iter(steps)), config, data, device, seconds) if device == "cuda" else None
    note("a whole cell")
    stages, memory = whole_cell(cell, device, data_root)
    side = data.train.images.shape[-1]
    return Throughput(len(index), side, flops, products, rate, steps, deterministic, stages, memory)


def in_turn(
    measures: Mapping[str, Callable[[], object]], device: torch.device, seconds: float, blocks: int = BLOCKS
) -> dict[str, list[float]]:
    """Name -> seconds a call in each of `blocks` blocks of about `seconds`; the measures take turns, forward and then
    backward (A B B A), after a call of each that does not count."""
    counts = {}
    for name, call in measures.items():
        call()
        counts[name] = max(1, round(seconds / max(1e-9, _timed(call, 1, device))))
    found: dict[str, list[float]] = {name: [] for name in measures}
    for block in range(blocks):
        for name in list(measures)[:: 1 if block % 2 == 0 else -1]:
            found[name].append(_timed(measures[name], counts[name], device))
    return found


def _timed(call: Callable[[], object], count: int, device: torch.device) -> float:
    """Seconds a call, over `count` calls."""
    synchronise(device)
    start = time.perf_counter()
    for _ in range(count):
        call()
    synchronise(device)
    return (time.perf_counter() - start) / count


def matrix_products(device: str, dtype: torch.dtype, seconds: float) -> Rate:
    """FLOP/s of a large square product."""
    n = SIZES.get(device, SIZES["cpu"])
    a, b = torch.rand(2, n, n, device=device).to(dtype)
    found = in_turn({"product": lambda: torch.mm(a, b)}, a.device, seconds)["product"]
    return Rate.of(2 * n**3, found)


def flops_of_step(config: TrainedConfig, data: Dataset, device: str) -> int:
    """Operations of convolutions and matrix products in one step, forward and backward, without those of the views."""
    step = _eager(config, data, device)
    index = torch.arange(step.settings.batch_size, device=step.images.device) % len(step.images)
    view_a, view_b = (step.views(step.images, index, epoch=0, view=view) for view in (0, 1))
    with FlopCounterMode(display=False) as counter:
        torch.autograd.backward(step.method(view_a, view_b, step.labels[index]).loss)
    return int(counter.get_total_flops())


def steps_in(
    ways: Sequence[Way], config: TrainedConfig, data: Dataset, device: str, seconds: float, *, flops: int, peak: float
) -> dict[str, StepSpeed]:
    """A step of the cell in each way, in turn; those that fell back to another are named by that one."""
    prepared: dict[str, tuple[Step, EagerStep, float, list[str]]] = {}
    for way in ways:
        eager, notes = _eager(config, data, device), list[str]()
        start = time.perf_counter()
        step, taken = prepare(eager, way, Meter(eager.method, eager.optimizer, eager.images.device), notes.append)
        synchronise(eager.images.device)
        prepared.setdefault(taken, (step, eager, time.perf_counter() - start, notes))
    index = torch.arange(eager.settings.batch_size, device=eager.images.device) % len(eager.images)
    calls = {name: _call(step, index) for name, (step, *_) in prepared.items()}
    found = in_turn(calls, eager.images.device, seconds)
    speeds = {}
    for name, (_, _, set_up_seconds, notes) in prepared.items():
        spans = found[name]
        ms = Rate(*(1e3 * value for value in (statistics.median(spans), min(spans), max(spans))))
        share = flops / (ms.median / 1e3) / peak
        speeds[name] = StepSpeed(ms, 2e3 * len(index) / ms.median, share, set_up_seconds, tuple(notes))
    return speeds


def _call(step: Step, index: Tensor) -> Callable[[], object]:
    return lambda: step(index, epoch=0, lr=0.0, progress=0.0)  # at a learning rate of 0 nothing diverges


def _deterministic(way: str, config: TrainedConfig, data: Dataset, device: str, seconds: float) -> float:
    """How many times as long a step takes in deterministic mode, both measured here one after the other."""
    spans = {}
    for deterministic in (False, True):
        set_up(device, deterministic=deterministic)
        found = steps_in([Way(way)], config, data, device, seconds, flops=1, peak=1.0)
        spans[deterministic] = next(iter(found.values())).ms.median
    set_up(device, deterministic=False)
    return spans[True] / spans[False]


def whole_cell(cell: PlannedCell, device: str, data_root: Path) -> tuple[dict[str, float], dict[str, int]]:
    """Seconds by stage of the cell, run for once into a folder that is then deleted; and bytes."""
    give_temporary_folder()
    with tempfile.TemporaryDirectory() as folder:
        options = RunOptions("bench", "bench", Path(folder), data_root, device, ("barlow", "bench"))
        record = run_cell(cell, options, Hooks())
    memory = {name: count for name, count in record.counts.items() if name.endswith("_bytes")}
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory["process_bytes"] = largest if sys.platform == "darwin" else largest * 1024  # Linux counts in KiB
    return record.seconds, memory


def shortened(cell: PlannedCell, epochs: int) -> PlannedCell:
    """The cell with as many epochs of training, warm-up cut to a quarter of them at most."""
    training = trained_config(cell.config).training
    training = training.model_copy(update={"epochs": epochs, "warmup_epochs": min(training.warmup_epochs, epochs / 4)})
    return cell.model_copy(update={"config": cell.config.model_copy(update={"training": training})})


def _eager(config: TrainedConfig, data: Dataset, device: str) -> EagerStep:
    labels = data.pretrain.new_zeros(len(data.pretrain), dtype=torch.long)
    return build_step(device, config, data, data.pretrain, labels)


def _types(config: TrainedConfig, device: str) -> dict[str, torch.dtype]:
    types = {"fp32": torch.float32}
    return types | {"bf16": torch.bfloat16} if device == "cuda" or config.training.precision == "bf16" else types
