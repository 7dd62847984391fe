"""Kill a small grid at random moments, resume it each time, and compare what is left with an undisturbed run.

    python -m tests.faults.kill --kills 100 --out bench/results/kill.json
    python -m tests.faults.kill --kills 20 --processes 4

A checkpoint is written at every step, so most kills fall into a write. With several processes, all run the same command
on one folder, and one of them is killed at a time. Checked after every kill: a record that was there is there still, to
the byte; in the end: every cell has its record, and runs.csv, summary.csv and verdict.json are those of the undisturbed
run, to the byte. What a resumed run says must name no damaged file.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from barlowcli.machine.provenance import provenance

GRID = (
    *("run", "shuffle-test", "--preset", "quick", "--device", "cpu", "-q", "--workers", "1"),
    *("--method", "byol", "--shuffle", "none", "--jitter", "on", "--seeds", "1"),
    *("--limit", "200", "--set", "data.test_limit=100", "--set", "training.batch_size=32"),
    *("--set", "evaluation.mlp_epochs=2", "--checkpoint-seconds", "0"),
)
COMPARED = ("runs.csv", "summary.csv", "verdict.json")
BAD_WORDS = ("Traceback", "not valid JSON", "is not a record", "cannot be read", "is not a plan", "is not a checkpoint")
LONGEST_SECONDS = 300.0
EPOCHS = 32  # a cell trains for seconds, so that most kills fall into training


@dataclass
class Outcome:
    """What happened. kills: by signal and what was hit. problems: in words; there should be none."""

    kills: Counter[str] = field(default_factory=Counter)
    cells: int = 0
    resumed: int = 0
    problems: list[str] = field(default_factory=list)


def barlow(results: Path, log: Path, epochs: int) -> "subprocess.Popen[bytes]":
    """Start the grid in a session of its own, so that it can be killed whole."""
    with log.open("ab") as words:
        return subprocess.Popen(
            [sys.executable, "-m", "barlowcli", *GRID, "--epochs", str(epochs), "--results", str(results)],
            stdout=words,
            stderr=words,
            start_new_session=True,
        )


def folder_of(results: Path) -> Path:
    """Where the grid's results lie."""
    return results / "shuffle-test" / "quick"


def records(results: Path) -> dict[str, bytes]:
    """Cell -> its record as it stands."""
    return {path.parent.name: path.read_bytes() for path in folder_of(results).glob("cells/*/record.json")}


def hit(process: "subprocess.Popen[bytes]", chance: random.Random, kinds: tuple[str, ...]) -> str:
    """Kill a run in one of several ways; which."""
    kind = chance.choice(kinds)
    if kind == "SIGKILL to all":
        os.killpg(process.pid, signal.SIGKILL)
    elif kind == "SIGKILL to the parent":
        os.kill(process.pid, signal.SIGKILL)
    else:
        os.kill(process.pid, signal.SIGINT if kind == "SIGINT" else signal.SIGTERM)
    return kind


KINDS = ("SIGKILL to all", "SIGKILL to all", "SIGKILL to the parent", "SIGINT", "SIGTERM")
EXIT_CODES = {"SIGINT": 130, "SIGTERM": 143}


def disturb(
    folder: Path, *, kills: int, processes: int, seed: int, kinds: tuple[str, ...] = KINDS, epochs: int = EPOCHS
) -> Outcome:
    """Run the grid undisturbed and disturbed in `folder`, and say what came of it."""
    chance, outcome = random.Random(seed), Outcome()
    calm, torn, log = folder / "calm", folder / "torn", folder / "log.txt"
    start = time.monotonic()
    if barlow(calm, log, epochs).wait(LONGEST_SECONDS):
        outcome.problems.append(f"the undisturbed run failed: {log.read_text(errors='replace')[-500:]}")
        return outcome
    length = time.monotonic() - start
    seen: dict[str, bytes] = {}
    running = [barlow(torn, log, epochs) for _ in range(processes)]
    while sum(outcome.kills.values()) < kills:
        # in the course of a run, and now and then before it has begun
        time.sleep(chance.uniform(0.0, 1.0) * length if chance.random() < 0.9 else chance.uniform(0.0, 1.0))
        victim = chance.randrange(processes)
        if running[victim].poll() is None:
            kind = hit(running[victim], chance, kinds)
            outcome.kills[kind] += 1
            code = running[victim].wait(LONGEST_SECONDS)
            if code not in (EXIT_CODES.get(kind, -signal.SIGKILL), 0) and not (kind in EXIT_CODES and code < 0):
                outcome.problems.append(f"exit code {code} after {kind}")
        check(torn, seen, outcome)
        if len(seen) == len(records(calm)) and all(process.poll() is not None for process in running):
            forget(torn, seen, chance)  # the grid is done before the kills are: some of it once more
        running[victim] = barlow(torn, log, epochs)
    for process in running:
        if process.wait(LONGEST_SECONDS):
            outcome.problems.append(f"a last run ended with {process.returncode}")
    check(torn, seen, outcome)
    compare(calm, torn, outcome)
    said = log.read_text(encoding="utf-8", errors="replace")
    logs = "".join(path.read_text(errors="replace") for path in folder_of(torn).glob("cells/*/log.txt"))
    outcome.problems += [f"a run said: {excerpt(said + logs, words)}" for words in BAD_WORDS if words in said + logs]
    outcome.cells, outcome.resumed = len(seen), logs.count("resumed at step")
    return outcome


def excerpt(text: str, words: str) -> str:
    """What a run said around some words, so that it can be looked into after its folder is gone."""
    place = text.index(words)
    return text[max(0, place - 300) : place + 3000]


def forget(results: Path, seen: dict[str, bytes], chance: random.Random) -> None:
    """Delete some finished cells and their reports, as if they had not been run."""
    for cell in chance.sample(sorted(seen), k=max(1, len(seen) // 2)):
        for path in (folder_of(results) / "cells" / cell).iterdir():
            if path.name != "log.txt":
                path.unlink()
        del seen[cell]


def check(results: Path, seen: dict[str, bytes], outcome: Outcome) -> None:
    """What was once recorded stays, to the byte; what is there can be read."""
    now = records(results)
    for cell, content in seen.items():
        if now.get(cell) != content:
            outcome.problems.append(f"the record of {cell} is {'lost' if cell not in now else 'another one'}")
    for cell, content in now.items():
        try:
            status = json.loads(content)["status"]
        except ValueError:
            outcome.problems.append(f"the record of {cell} is half written")
            continue
        if status == "failed":
            outcome.problems.append(f"cell {cell} is {status}")
        seen[cell] = content


def compare(calm: Path, torn: Path, outcome: Outcome) -> None:
    """The disturbed run must have the files of the undisturbed one."""
    if records(calm).keys() != records(torn).keys():
        outcome.problems.append("not the same cells")
    for name in COMPARED:
        one, other = (folder_of(results) / name for results in (calm, torn))
        if not other.exists() or one.read_bytes() != other.read_bytes():
            outcome.problems.append(f"{name} differs")
    half = [path.name for path in folder_of(torn).glob("cells/*/.*.tmp")]
    if half:
        outcome.problems.append(f"left half written: {', '.join(half)}")


def main() -> int:
    """Run it, print a table, write JSON where asked to; exit 1 where anything was lost."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a script, and by its runs
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--epochs", type=int, default=EPOCHS, help="of a cell; fewer, and fewer kills fall into training"
    )
    parser.add_argument("--out", type=Path, help="write the table here as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = disturb(
            Path(folder),
            kills=arguments.kills,
            processes=arguments.processes,
            seed=arguments.seed,
            epochs=arguments.epochs,
        )
    for kind, count in outcome.kills.items():
        print(f"{kind:24} {count}")
    print(f"{outcome.cells} cells done, resumed from a checkpoint {outcome.resumed} times")
    print("lost or wrong: " + ("0" if not outcome.problems else "\n  " + "\n  ".join(outcome.problems)))
    if arguments.out is not None:
        value = {
            "kills": dict(outcome.kills),
            "processes": arguments.processes,
            "cells": outcome.cells,
            "resumed": outcome.resumed,
            "problems": outcome.problems,
            "provenance": provenance("cpu", sys.argv),
        }
        arguments.out.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return int(bool(outcome.problems))


if __name__ == "__main__":
    sys.exit(main())
