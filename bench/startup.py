"""How long `barlow --help` and `barlow ls` take, and that neither imports torch.

    python bench/startup.py --out bench/results/startup.json

Each is a process of its own, ten times in turn after a first that does not count; the bound is .4 s in the median.
Bytecode is written, as Python does by default: without it every start compiles all it imports once more.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from barlowcli.machine.provenance import provenance

BOUND_SECONDS = 0.4
TIMES = 10
COMMANDS = {"barlow --help": ["--help"], "barlow ls": ["ls"]}
BYTECODE = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
HEAVY = ("torch", "torchvision", "scipy", "pandas", "matplotlib")


def main() -> int:
    """Measure, print a table, write JSON where asked to; exit 1 where a bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write the table here as JSON")
    arguments = parser.parse_args()
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(TIMES + 1):
        for name, words in COMMANDS.items():
            start = time.monotonic()
            subprocess.run([sys.executable, "-m", "barlowcli", *words], env=BYTECODE, capture_output=True, check=True)
            if turn:
                seconds[name].append(time.monotonic() - start)
    rows = [
        {
            "command": name,
            "median": round(statistics.median(found), 3),
            "low": round(min(found), 3),
            "high": round(max(found), 3),
            "imports": heavy_imports(COMMANDS[name]),
        }
        for name, found in seconds.items()
    ]
    for row in rows:
        spread = f"({row['low']:.3f} … {row['high']:.3f})"
        print(f"{row['command']:14} {row['median']:.3f} s {spread}, heavy imports: {row['imports']}")
    if arguments.out is not None:
        value = {"bound_seconds": BOUND_SECONDS, "rows": rows, "provenance": provenance("cpu", sys.argv)}
        arguments.out.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return int(any(row["imports"] or float(str(row["median"])) > BOUND_SECONDS for row in rows))


def heavy_imports(words: list[str]) -> list[str]:
    """Those of the heavy packages that the command imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "barlowcli", *words], capture_output=True, text=True, check=True
    )
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    return [name for name in HEAVY if name in modules]


if __name__ == "__main__":
    sys.exit(main())
