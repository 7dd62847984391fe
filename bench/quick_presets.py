"""Every experiment's quick preset, from command to report: time, cells, exit code.

    python bench/quick_presets.py --out bench/results/quick_presets.json
    python bench/quick_presets.py --experiments dims hybrid --results /tmp/quick

Each is one `barlow run EXPERIMENT --preset quick` of its own process, one after another, with as many cells at once as
there are cores. The bound is six minutes on two cores. A cell that diverged is a result, and makes the command's own
exit code 1; one that failed or is missing is none. Results stay in --results.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from barlowcli.experiment.files import experiment_names
from barlowcli.machine.provenance import provenance

BOUND_SECONDS = 360.0
STATES = ("planned", "done", "failed", "collapsed", "diverged")


def main() -> int:
    """Run them, print a table, write JSON where asked to; exit 1 where one is incomplete or too slow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", nargs="+", default=experiment_names(), choices=experiment_names())
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--out", type=Path, help="write the table here as JSON")
    arguments = parser.parse_args()
    rows = []
    for name in arguments.experiments:
        rows.append(run(name, arguments.results))
        row = rows[-1]
        counts = "  ".join(f"{row[state]} {state}" for state in STATES)
        print(f"{name:16} {row['seconds']:7.1f} s  exit {row['exit_code']}  {counts}", flush=True)
        if arguments.out is not None:
            value = {"bound_seconds": BOUND_SECONDS, "rows": rows, "provenance": provenance("cpu", sys.argv)}
            arguments.out.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return int(not all(complete(row) and row["seconds"] <= BOUND_SECONDS for row in rows))


def complete(row: dict[str, Any]) -> bool:
    """Whether every planned cell has its record, none of a failure."""
    return bool(row["planned"]) and row["planned"] == row["done"] and not row["failed"]


def run(name: str, results: Path) -> dict[str, Any]:
    """One experiment: name, wall-clock seconds, exit code, cells by what became of them."""
    command = [sys.executable, "-m", "barlowcli", "run", name, "--preset", "quick", "--device", "cpu", "--json", "-q"]
    start = time.monotonic()
    done = subprocess.run([*command, "--results", str(results)], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    cells = json.loads(done.stdout)["cells"] if done.stdout else {}
    return {
        "experiment": name,
        "seconds": round(seconds, 1),
        "exit_code": done.returncode,
        **{state: cells.get(state, 0) for state in STATES},
    }


if __name__ == "__main__":
    sys.exit(main())
