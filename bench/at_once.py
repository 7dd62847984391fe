"""Several cells at once on one device: whole-grid time with 1, 2, 4 … worker processes.

    python bench/at_once.py --device cpu --workers 1 2 --out bench/results/at_once.json
    python bench/at_once.py --device cuda --preset cifar10-small --dataset parquet:PATH --workers 1 2 4

Each is `barlow run shuffle-test` into an empty folder, controls included; the ratio is to one
worker. Processes start and import torch within the time, as they do for a user.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from barlowcli.machine.provenance import provenance


def main() -> int:
    """Run the grid with each number of workers, print a table, write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--dataset", help="default: the preset's")
    parser.add_argument("--limit", type=int, default=1000, help="training images")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--out", type=Path, help="write the table here as JSON")
    arguments = parser.parse_args()
    words = ["shuffle-test", "--preset", arguments.preset, "--device", arguments.device, "--json", "-q"]
    for name in ("limit", "epochs", "seeds"):
        words += [f"--{name}", str(getattr(arguments, name))]
    if arguments.dataset:
        words += ["--dataset", arguments.dataset]
    rows = []
    for workers in arguments.workers:
        with tempfile.TemporaryDirectory() as folder:
            start = time.monotonic()
            command = [sys.executable, "-m", "barlowcli", "run", *words, "--workers", str(workers), "--results", folder]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            seconds = time.monotonic() - start
        if done.returncode == 2:
            print(done.stderr, file=sys.stderr)
            return 2
        cells = json.loads(done.stdout)["cells"]
        rows.append({"workers": workers, "seconds": round(seconds, 1), "cells": cells["done"]})
        print(
            f"{workers} at once: {seconds:7.1f} s for {cells['done']} cells, "
            f"{float(str(rows[0]['seconds'])) / seconds:.2f} times as fast as {rows[0]['workers']}",
            flush=True,
        )
    if arguments.out is not None:
        value = {"command": words, "rows": rows, "provenance": provenance(arguments.device, sys.argv)}
        arguments.out.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
