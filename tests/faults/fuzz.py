"""Files from outside, by the ten thousand, through the readers that meet them: no traceback, no hang, no great memory.

    python tests/faults/fuzz.py
    python tests/faults/fuzz.py --inputs 500 --only images toml --out fuzz.json

Cases are drawn by hypothesis (see `strategies.py`), images and experiment files also grown by atheris from what they
make the code do, where that is installed. Every reader runs in a process of its own, many cases a process: one that
takes over 5 seconds of its own time or dies costs that case alone, and the run goes on. A case is fine where it is read
or refused with a BarlowError. Whatever else comes of it, or more than 1 GB of memory for it, is a finding: the case is
kept in --findings, and the exit code is 1.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path

from barlowcli.machine.provenance import provenance

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # for `tests`, where this file is run by its path

CPU_SECONDS = 5.0
WALL_SECONDS = 30.0
"""For a case that waits; by the wall alone, a busy machine would make every case a slow one."""
MEMORY = 2**30
ADDRESSES = 4 * 2**30
"""Over what a process has mapped when it starts: what asks for more gets a MemoryError before the machine suffers."""
COVERED = ("images", "toml")
READERS = ("images", "toml", "parquet", "records", "names")
COLUMNS = ("inputs", "read", "refused", "tracebacks", "crashes", "hangs", "over memory")
FINDINGS = COLUMNS[3:]


@dataclass
class Tally:
    """What became of a reader's cases. findings: the folder of each and what happened."""

    reader: str
    how: str
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))
    findings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    slowest: float = 0.0
    memory: int = 0

    def note(self, what: str) -> None:
        """Count a case."""
        self.counts["inputs"] += 1
        self.counts[what] += 1


def main() -> int:
    """Run, print a line a reader, write JSON where asked to; 1 where there is a finding."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000, help="cases in all, in equal parts")
    parser.add_argument("--only", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=Path(tempfile.gettempdir()) / "barlow-fuzz")
    parser.add_argument("--out", type=Path, help="write the table here as JSON")
    arguments = parser.parse_args()
    covered = find_spec("atheris") is not None
    if not covered:
        print("atheris is not installed: images and experiment files are drawn by hypothesis alone", flush=True)
    tallies = []
    print(f"{'reader':18}" + "".join(f"{name:>12}" for name in COLUMNS), flush=True)
    for reader in arguments.only:
        share = -(-arguments.inputs // len(arguments.only))
        grown = share // 2 if covered and reader in COVERED else 0
        tallies.append(drawn(reader, share - grown, arguments.seed, arguments.findings))
        print_tally(tallies[-1])
        if grown:
            tallies.append(by_coverage(reader, grown, arguments.seed, arguments.findings))
            print_tally(tallies[-1])
    found = sum(tally.counts[name] for tally in tallies for name in FINDINGS)
    total = sum(tally.counts["inputs"] for tally in tallies)
    print(f"{total:,} inputs, {found} findings" + (f", kept in {arguments.findings}" if found else ""))
    if arguments.out is not None:
        rows = [asdict(one) for one in tallies]
        value = {"inputs": total, "findings": found, "seed": arguments.seed, "rows": rows}
        value["provenance"] = provenance("cpu", sys.argv)
        arguments.out.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return 1 if found else 0


def print_tally(tally: Tally) -> None:
    """A line of the table, and a line for each kind of finding."""
    numbers = "".join(f"{tally.counts[name]:>12,}" for name in COLUMNS)
    extra = f"  {tally.seconds:.0f} s, slowest {tally.slowest:.1f} s, most memory {tally.memory / 2**20:.0f} MB"
    print(f"{tally.reader + ', ' + tally.how:18}{numbers}{extra}", flush=True)
    for line in dict.fromkeys(finding.partition(": ")[2] for finding in tally.findings):
        print(f"    {line}", flush=True)


def drawn(reader: str, inputs: int, seed: int, findings: Path) -> Tally:
    """The reader's bombs, then cases that hypothesis draws, `inputs` in all."""
    tally = Tally(reader, "hypothesis")
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="barlow-fuzz-") as folder:
        first = 0  # of the bombs
        while (left := inputs - tally.counts["inputs"]) > 0:
            first = watch(reader, first, left, seed + tally.counts["inputs"], Path(folder), findings, tally)
    tally.seconds = time.monotonic() - start
    return tally


def watch(reader: str, first: int, inputs: int, seed: int, folder: Path, findings: Path, tally: Tally) -> int:
    """Run cases in a process until all are done, or one has killed it; where the bombs go on."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs, reader, first, inputs, seed, folder), daemon=True)
    process.start()
    theirs.close()
    at, begun, cpu = "", 0.0, 0.0
    try:
        while True:
            if not ours.poll(0.2):
                used, waited = seconds_of(process.pid) - cpu, time.monotonic() - begun
                if at and (used > CPU_SECONDS or waited > WALL_SECONDS):
                    keep(tally, "hangs", at, f"over {CPU_SECONDS:.0f} s", folder, findings)
                    return first
                continue
            message = ours.recv()
            if message[0] == "begin":
                at, begun, cpu = message[1], time.monotonic(), seconds_of(process.pid)
                first += at.startswith("bomb")
            elif message[0] == "end":
                settle(tally, at, *message[1:], folder=folder, findings=findings)
                at = ""
            else:
                return first
    except EOFError:
        process.join()
        if not at:
            raise RuntimeError(f"{reader}: the process ended with {process.exitcode} between two cases") from None
        keep(tally, "crashes", at, f"the process ended with {process.exitcode}", folder, findings)
        return first
    finally:
        process.kill()
        process.join()


def settle(
    tally: Tally, at: str, what: str, words: str, seconds: float, memory: int, *, folder: Path, findings: Path
) -> None:
    """Count a case that came to an end, and keep it where it is a finding."""
    tally.slowest, tally.memory = max(tally.slowest, seconds), max(tally.memory, memory)
    if what in ("read", "refused") and seconds > CPU_SECONDS:
        what, words = "hangs", f"{seconds:.1f} s"
    if what in ("read", "refused") and memory > MEMORY:
        what, words = "over memory", f"{memory / 2**20:.0f} MB"
    if what in FINDINGS:
        keep(tally, what, at, words, folder, findings)
    else:
        tally.note(what)


def keep(tally: Tally, what: str, at: str, words: str, folder: Path, findings: Path) -> None:
    """Count a finding and copy its case."""
    tally.note(what)
    place = findings / f"{tally.reader}-{at}"
    with contextlib.suppress(OSError):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder / "case", place, symlinks=True)
        (place / "FINDING.txt").write_text(f"{what}: {words}\n", encoding="utf-8", errors="backslashreplace")
    tally.findings.append(f"{place}: {what}: {in_short(words)}")


def in_short(words: str) -> str:
    """The last line of a traceback, and the line of the package that it comes from."""
    lines = words.strip().splitlines()
    places = [line.strip() for line in lines if "barlowcli/" in line and line.strip().startswith("File ")]
    where = f" ({places[-1].partition('barlowcli/')[2]})" if places else ""
    return lines[-1][:100] + where


def seconds_of(pid: int | None) -> float:
    """CPU seconds of a process, all its threads; 0 where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def work(pipe: Connection, reader: str, first: int, inputs: int, seed: int, folder: Path) -> None:
    """The life of a process: bombs from `first` on, then drawn cases; what becomes of each goes through the pipe."""
    import hypothesis
    import torch
    from hypothesis import HealthCheck, Phase, given

    from tests.faults import fuzz_readers
    from tests.faults.strategies import Case

    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    bombs = fuzz_readers.bombs(reader)[first : first + inputs]
    with contextlib.suppress(OSError):  # where the system does not say what is mapped, nothing is limited
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + ADDRESSES, resource.RLIM_INFINITY))

    def one(name: str, case: Case) -> None:
        here = folder / "case"
        shutil.rmtree(here, ignore_errors=True)
        here.mkdir()
        if case.arguments:
            (here / "ARGUMENTS.txt").write_text(ascii(case.arguments), encoding="utf-8")
        pipe.send(("begin", name))
        before, start = resident(reset=True), time.process_time()
        try:
            result: tuple[str, str] = (fuzz_readers.outcome(reader, case, here), "")
        except Exception:
            result = ("tracebacks", f"{case.arguments or case.settings}\n{traceback.format_exc()}")
        pipe.send(("end", *result, time.process_time() - start, resident() - before))

    for number, bomb in enumerate(bombs, start=first):
        one(f"bomb-{number}", bomb())
    left, count = inputs - len(bombs), 0

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=max(1, left),
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(fuzz_readers.STRATEGIES[reader]())
    def every(case: Case) -> None:
        nonlocal count
        count += 1
        one(f"{seed}-{count}", case)

    if left > 0:
        every()
    pipe.send(("done",))


def resident(*, reset: bool = False) -> int:
    """Most bytes of memory since the last reset, or those of now with one; 0 where the system does not say."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    name = "VmRSS:" if reset else "VmHWM:"
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def by_coverage(reader: str, inputs: int, seed: int, findings: Path) -> Tally:
    """Cases that atheris grows; where one kills its process, another goes on with the rest."""
    tally = Tally(reader, "atheris")
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="barlow-fuzz-") as name:
        folder = Path(name)
        while (left := inputs - tally.counts["inputs"]) > 0:
            command = [sys.executable, str(ROOT / "tests/faults/fuzz_coverage.py"), reader, str(folder), str(findings)]
            command += [str(left), str(seed + tally.counts["inputs"])]
            done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
            value = json.loads((folder / "counts.json").read_text())
            for what, count in value["counts"].items():
                tally.counts[what] += count
            tally.findings += value["findings"]
            tally.memory, tally.slowest = max(tally.memory, value["memory"]), max(tally.slowest, value["slowest"])
            left -= value["counts"]["inputs"]
            for path in folder.glob("artifact-*"):
                (folder / "case").mkdir(exist_ok=True)
                path.rename(folder / "case" / path.name)
                hung = "timeout" in path.name
                keep(tally, "hangs" if hung else "crashes", path.name, f"exit {done.returncode}", folder, findings)
                left -= 1
            if done.returncode == 0 or left <= 0:
                break
            if value["counts"]["inputs"] == 0:
                raise RuntimeError(f"atheris does not run: {done.stderr[-2000:]}")
    tally.seconds = time.monotonic() - start
    return tally


if __name__ == "__main__":
    sys.exit(main())
