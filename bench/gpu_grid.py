"""As much of the shuffle test on CIFAR-10 as fits in some seconds of a GPU, and its records in one file.

    python bench/gpu_grid.py --measured part-1.json --seconds 200 --dataset parquet:PATH --out grid.json

Every arm has the same epochs, as many as fit; three seeds come before more epochs, and where these are few, fewer arms
do. What cells cost is read from what bench/gpu.py measured in its first part. The rate of learning is not tuned. The
records lie in records.tar.gz beside the JSON: unpacked below results/, `barlow report` reads them.
"""

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barlowcli.experiment.files import load_experiment
from barlowcli.plan.grid import Overrides, build_plan
from bench.kept import Kept

SEEDS = 3
LEFT_OUT = ("checkpoint.pt", "encoder.safetensors")
GRIDS: tuple[dict[str, list[str]], ...] = (
    {},
    {"shuffle": ["none", "pixels"]},
    {"shuffle": ["none", "pixels"], "method": ["barlow"]},
)
"""Axes that are cut down, the whole grid first."""
LEAST_EPOCHS, MOST_EPOCHS = 5, 200
"""Fewer teach little; the preset has no more."""
MARGIN = 0.85
"""Share of the time that is planned with."""
CLOSING_SECONDS = 15.0
"""For the cells in hand to stop."""


@dataclass(frozen=True)
class Costs:
    """Seconds. start: until the first step of a run; epoch: of one; cell: of all else in it, above all evaluation."""

    start: float
    epoch: float
    cell: float

    @classmethod
    def of(cls, measured: Mapping[str, Any]) -> "Costs":
        """By part 1's document. Raises KeyError where it has not come so far."""
        found = measured["pieces"]["barlow"]["found"]
        stages = found["whole"]["seconds"]
        start = stages["load"] + found["first"]["set_up_seconds"] + 10  # processes start and import torch
        return cls(start, found["step"]["epoch_seconds"], stages["evaluate"] + 1)


@dataclass(frozen=True)
class Chosen:
    """What is run. axes: cut down to these values; trained, untrained: cells."""

    axes: Mapping[str, Sequence[str]]
    epochs: int
    trained: int
    untrained: int


def fitting(costs: Costs, seconds: float, count: Mapping[int, tuple[int, int]], most: int = MOST_EPOCHS) -> Chosen:
    """The widest grid that gets LEAST_EPOCHS in so many seconds, or the narrowest with what it gets, one at least.

    count: trained and untrained cells of each of GRIDS; most: epochs.
    """
    chosen = Chosen({}, 0, 0, 0)
    for number, (trained, untrained) in count.items():
        left = MARGIN * seconds - costs.start - (trained + untrained) * costs.cell
        epochs = int(left / (trained * costs.epoch))
        chosen = Chosen(GRIDS[number], max(1, min(most, epochs)), trained, untrained)
        if epochs >= LEAST_EPOCHS:
            break
    return chosen


def counted(preset: str, seeds: int) -> dict[int, tuple[int, int]]:
    """Trained and untrained cells of each of GRIDS."""
    found = {}
    for number, axes in enumerate(GRIDS):
        overrides = Overrides(axes, {"training.lr": 0.3}, seeds)
        cells = build_plan(load_experiment("shuffle-test"), preset, overrides, on_cuda=True).all_cells
        trained = sum(cell.config.training is not None for cell in cells)
        found[number] = trained, len(cells) - trained
    return found


def run(command: Sequence[str], seconds: float) -> int:
    """Exit code of a run that is stopped, as a person would, where it takes longer."""
    process = subprocess.Popen(command)
    for wait, then in ((seconds, process.terminate), (CLOSING_SECONDS, process.kill)):
        try:
            return process.wait(wait)
        except subprocess.TimeoutExpired:
            then()
    return process.wait()


def pack(results: Path, archive: Path) -> int:
    """All records and what explains them, without weights; how many."""
    with tarfile.open(archive, "w:gz") as packed:
        for path in sorted(results.rglob("*")):
            if path.is_file() and path.name not in LEFT_OUT and "plots" not in path.parts:
                packed.add(path, path.relative_to(results))
    return len([*results.rglob("cells/*/record.json")])


def main() -> int:
    """Choose, run, pack; exit 1 where there is no record, or the run failed before its time was over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measured", type=Path, required=True, help="part-1.json of bench/gpu.py")
    parser.add_argument("--seconds", type=float, default=200.0)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--preset", default="cifar10")
    parser.add_argument("--limit", type=int, help="training images; default: the preset's")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--most-epochs", type=int, default=MOST_EPOCHS)
    parser.add_argument("--workers", type=int, default=1, help="cells at once")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    start = time.monotonic()
    costs = Costs.of(json.loads(arguments.measured.read_text(encoding="utf-8")))
    chosen = fitting(costs, arguments.seconds, counted(arguments.preset, arguments.seeds), arguments.most_epochs)
    kept = Kept(arguments.out, seconds=arguments.seconds, costs=vars(costs), chosen=vars(chosen))
    print(f"{chosen.trained} cells of {chosen.epochs} epochs and {chosen.untrained} without training", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        words = ["shuffle-test", "--preset", arguments.preset, "--device", arguments.device, "--results", folder]
        words += ["--dataset", arguments.dataset, "--seeds", str(arguments.seeds), "--epochs", str(chosen.epochs)]
        words += ["--set", "training.lr=0.3", "--workers", str(arguments.workers)]
        words += ["--limit", str(arguments.limit)] if arguments.limit else []
        words += [word for name, values in chosen.axes.items() for word in (f"--{name}", ",".join(values))]
        kept.note(command=["barlow", "run", *words[:6], *words[8:]])
        left = arguments.seconds - CLOSING_SECONDS - (time.monotonic() - start)
        code = run([sys.executable, "-m", "barlowcli", "run", *words], left)
        records = pack(Path(folder), arguments.out.with_name("records.tar.gz"))
    kept.note(exit_code=code, records=records, taken=time.monotonic() - start)
    print(f"exit code {code}, {records} records", flush=True)
    return int(not records or code not in (0, 1, 143))


if __name__ == "__main__":
    sys.exit(main())
