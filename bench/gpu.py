"""All checks and measurements of a GPU in one go, in under nine minutes; each writes JSON of its own.

    python bench/gpu.py --dataset parquet:PATH --out bench/results/h200
    python bench/gpu.py --only checks,bench-barlow --dataset parquet:PATH --out OUT
    python bench/gpu.py --tiny --out OUT          on a CPU, to see that every piece runs

PATH: CIFAR-10 as Parquet files. Each piece is a process with a time limit of its own, so that one that hangs takes no
other's time. A table at the end says what each came to.
"""

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIMIT_SECONDS = 530.0


@dataclass(frozen=True)
class Piece:
    """A command. seconds: what it may take on a GPU; tiny: what is added to it on a CPU, instead of `full`."""

    name: str
    command: tuple[str, ...]
    seconds: float
    full: tuple[str, ...] = ()
    tiny: tuple[str, ...] = ()
    prints_json: bool = False


def pieces(dataset: str) -> list[Piece]:
    """What is run, the most important first."""
    barlow = (sys.executable, "-m", "barlowcli", "bench", "--json", "--dataset", dataset)
    small = ("--preset", "quick", "--limit", "200", "--epochs", "1", "--seconds", "0.05", "--device", "cpu")
    cifar = ("--preset", "cifar10", "--device", "cuda")

    def script(name: str) -> tuple[str, ...]:
        return (sys.executable, str(HERE / f"{name}.py"))

    return [
        Piece(
            "checks",
            script("gpu_checks"),
            100,
            tiny=("--device", "cpu", "--images", "64", "--side", "16", "--steps", "3"),
        ),
        Piece("bench-barlow", barlow, 110, cifar, (*small, "--step", "eager"), prints_json=True),
        Piece("bench-byol", (*barlow, "--method", "byol"), 80, cifar, small, prints_json=True),
        Piece("gap", (*script("gap"), "--dataset", dataset), 60, ("--preset", "cifar10"), ("--limit", "200")),
        Piece("views", (*script("views"), "--dataset", dataset), 60, ("--device", "cuda"), VIEWS_TINY),
        Piece("epoch", (*script("lightly_epoch"), "--dataset", dataset), 90, ("--device", "cuda"), EPOCH_TINY),
        Piece(
            "at-once",
            (*script("at_once"), "--dataset", dataset),
            90,
            ("--device", "cuda", "--preset", "cifar10-small", "--limit", "5000", "--workers", "1", "4"),
            ("--limit", "100", "--epochs", "1", "--seeds", "1", "--workers", "2"),
        ),
        Piece("redundancy", script("redundancy_memory"), 20, (), ("--dim", "512", "--batch", "32", "--device", "cpu")),
    ]


VIEWS_TINY = ("--device", "cpu", "--images", "200", "--batch", "64", "--seconds-per-block", "0.1")
EPOCH_TINY = ("--device", "cpu", "--images", "256", "--batch", "64", "--blocks", "1")


def main() -> int:
    """Run the pieces, print what each came to; exit 1 where one did not end well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="colour-digits")
    parser.add_argument("--only", help="pieces, comma-separated")
    parser.add_argument("--tiny", action="store_true", help="on a CPU, at a size that measures nothing")
    parser.add_argument("--out", type=Path, required=True, help="folder for the JSON and the logs")
    arguments = parser.parse_args()
    chosen = pieces(arguments.dataset)
    if arguments.only:
        names = arguments.only.split(",")
        if unknown := set(names) - {piece.name for piece in chosen}:
            parser.error(f"no piece {', '.join(sorted(unknown))}; there are {', '.join(one.name for one in chosen)}")
        chosen = [piece for piece in chosen if piece.name in names]
    arguments.out.mkdir(parents=True, exist_ok=True)
    start, bad = time.monotonic(), []
    for piece in chosen:
        left = LIMIT_SECONDS - (time.monotonic() - start)
        code, seconds = run(piece, arguments.out, tiny=arguments.tiny, limit=max(1.0, left))
        said = {0: "done", None: "out of time"}.get(code, f"exit {code}")
        print(f"{piece.name:14} {seconds:6.1f} s  {said}", flush=True)
        if code != 0:
            bad.append(piece.name)
            print("".join(f"    {line}\n" for line in tail(arguments.out / f"{piece.name}.log")), end="", flush=True)
    print(f"{len(chosen)} pieces in {time.monotonic() - start:.0f} s" + (f"; look at {', '.join(bad)}" if bad else ""))
    return int(bool(bad))


def run(piece: Piece, out: Path, *, tiny: bool, limit: float) -> tuple[int | None, float]:
    """Exit code (None: it ran out of time) and seconds of one piece; its JSON and its log lie in `out`."""
    document, log = out / f"{piece.name}.json", out / f"{piece.name}.log"
    command = [*piece.command, *(piece.tiny if tiny else piece.full)]
    if not piece.prints_json:
        command += ["--out", str(document)]
    start = time.monotonic()
    with log.open("w", encoding="utf-8") as words, (document if piece.prints_json else log).open("a") as printed:
        if piece.prints_json:
            printed.truncate(0)
        try:
            done = subprocess.run(
                command, stdout=printed, stderr=words, timeout=None if tiny else min(limit, piece.seconds), check=False
            )
        except subprocess.TimeoutExpired:
            return None, time.monotonic() - start
    return done.returncode, time.monotonic() - start


def tail(log: Path) -> list[str]:
    """The last lines of a log."""
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]


if __name__ == "__main__":
    sys.exit(main())
