"""Every experiment's quick preset, from command to report: time, cells, exit code.

    python bench/quick_presets.py --out bench/results/quick_presets.json
    python bench/quick_presets.py --experiments dims hybrid --results /tmp/quick

Each is one `barlow run EXPERIMENT --preset quick` of its own process, one after another, with as many cells at once as
there are cores. The bound is six minutes on two cores. Results stay in --results.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from barlowcli.experiment_files import experiment_names
from barlowcli.provenance import provenance

BOUND_SECONDS = 360.0


def main() -> int:
    """Run them, print a table, write JSON where asked to; exit 1 where one failed or took longer than the bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", nargs="+", default=experiment_names(), choices=experiment_names())
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, help="write the table here as JSON")
    arguments = parser.parse_args()
    rows = []
    for name in arguments.experiments:
        rows.append(run(name, arguments.results))
        row = rows[-1]
        print(f"{name:16} {row['cells']:4} cells {row['seconds']:7.1f} s  exit {row['exit_code']}", flush=True)
    if arguments.out is not None:
        value = {"bound_seconds": BOUND_SECONDS, "rows": rows, "provenance": provenance("cpu", sys.argv)}
        arguments.out.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return int(any(row["exit_code"] or float(str(row["seconds"])) > BOUND_SECONDS for row in rows))


def run(name: str, results: Path) -> dict[str, object]:
    """One experiment: name, cells, wall-clock seconds, exit code, cells that collapsed."""
    command = [sys.executable, "-m", "barlowcli", "run", name, "--preset", "quick", "--device", "cpu", "--json", "-q"]
    start = time.monotonic()
    done = subprocess.run([*command, "--results", str(results)], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    cells = json.loads(done.stdout)["cells"] if done.stdout else {}
    return {
        "experiment": name,
        "cells": cells.get("planned", 0),
        "collapsed": cells.get("collapsed", 0),
        "seconds": round(seconds, 1),
        "exit_code": done.returncode,
    }


if __name__ == "__main__":
    sys.exit(main())
