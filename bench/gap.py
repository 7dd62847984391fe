"""The gap between two cells of one architecture: from a cell's start to its first step done, in one process.

    python bench/gap.py --out bench/results/gap.json
    python bench/gap.py --preset cifar10 --dataset parquet:PATH --device cuda

The first cell of an architecture is a cold start (on a GPU it compiles); those after it, other seeds and other methods,
are the gap. Training is cut to one epoch, and evaluation happens before the next cell starts. The bound is 1 s.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

from barlowcli.cell.options import RunOptions
from barlowcli.cell.run import run_cell
from barlowcli.cli.parsing import absolute
from barlowcli.experiment.files import load_experiment
from barlowcli.machine.devices import choose_device
from barlowcli.machine.provenance import provenance
from barlowcli.measuring.throughput import shortened
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.training.loop import Hooks
from bench.kept import Kept

BOUND_SECONDS = 1.0


def main() -> int:
    """Run the cells, print a table, write JSON where asked to; exit 1 where a gap is above the bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--dataset", help="default: the preset's")
    parser.add_argument("--limit", type=int, help="training images; default: the preset's")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--unjudged", action="store_true", help="the bound is not applied")
    parser.add_argument("--out", type=Path, help="write the table here as JSON")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    settings = {"data.name": absolute(arguments.dataset), "data.limit": arguments.limit}
    given = {key: value for key, value in settings.items() if value is not None}
    axes = {"method": ["barlow", "byol"], "shuffle": ["none"], "jitter": ["on"]}
    plan = build_plan(
        load_experiment("shuffle-test"), arguments.preset, Overrides(axes, given, 3), on_cuda=device == "cuda"
    )
    cells = [shortened(cell, 1) for cell in plan.cells if not cell.control]
    kept = Kept(arguments.out, bound_seconds=BOUND_SECONDS, rows=[])
    with tempfile.TemporaryDirectory() as folder:
        options = RunOptions("gap", arguments.preset, Path(folder), Path("~/.cache/barlow").expanduser(), device, ())
        for cell in cells:
            first: list[float] = []

            def progress(step: int, total: int, first: list[float] = first) -> None:
                if not first:
                    if device == "cuda":
                        torch.cuda.synchronize()
                    first.append(time.monotonic())

            start = time.monotonic()
            record = run_cell(cell, options, Hooks(progress=progress))
            gap = round(first[0] - start, 3)
            kept.row({"method": cell.axes["method"], "seed": cell.seed, "gap": gap, "record": record.seconds})
            print(f"{cell.axes['method']:7} seed {cell.seed}  {gap:7.3f} s to the first step", flush=True)
    # the first cell of each method compiles what it alone has
    rows = kept.values["rows"]
    gaps = [float(str(row["gap"])) for row in rows if row["seed"]]
    print(f"cold start {rows[0]['gap']} s; gap {max(gaps):.3f} s at most (bound {BOUND_SECONDS:g} s)")
    kept.note(provenance=provenance(device, sys.argv))
    return int(max(gaps) > BOUND_SECONDS and not arguments.unjudged)


if __name__ == "__main__":
    sys.exit(main())
