"""One process of atheris for `fuzz.py`: grow images or experiment files from what they make the code do.

    python tests/faults/fuzz_coverage.py READER FOLDER FINDINGS INPUTS SEED

FOLDER keeps what it grew and, in counts.json, what became of the inputs.
"""

import importlib
import json
import resource
import sys
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import torch  # before atheris rewrites what is imported: too large for that

atheris: Any = importlib.import_module("atheris")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

with atheris.instrument_imports(include=["PIL", "tomllib", "barlowcli"]):
    from barlowcli.data.images import decode, resize_square
    from barlowcli.errors import BarlowError
    from barlowcli.experiment.files import parse_experiment
    from tests.faults.fuzz import COLUMNS, CPU_SECONDS, MEMORY, in_short
    from tests.faults.strategies_images import image_files
    from tests.faults.strategies_toml import experiment_files


def main(reader: str, folder: Path, findings: Path, inputs: int, seed: int) -> None:
    """Give atheris the seeds and the reader; it ends the process."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    seeds = image_files() if reader == "images" else tuple(text.encode() for text in experiment_files())
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(data)
    target = Target(reader, folder, findings)
    flags = [f"-runs={inputs}", f"-seed={seed + 1}", "-timeout=30", "-rss_limit_mb=0", "-max_len=16384", "-verbosity=0"]
    atheris.Setup([sys.argv[0], *flags, f"-artifact_prefix={folder}/artifact-", str(corpus)], target)
    atheris.Fuzz()


class Target:
    """The reader as atheris calls it: with bytes, over and over."""

    def __init__(self, reader: str, folder: Path, findings: Path) -> None:
        self.reader, self.folder, self.findings = reader, folder, findings
        self.path = folder / "my.toml"
        self.counts = dict.fromkeys(COLUMNS, 0)
        self.found: list[str] = []
        self.slowest, self.memory, self.base = 0.0, 0, peak()
        self.write()

    def __call__(self, data: bytes) -> None:
        """Read one input."""
        before, start, what, words = peak(), time.process_time(), "read", ""
        try:
            self.read(data)
        except BarlowError:
            what = "refused"
        except Exception:
            what, words = "tracebacks", traceback.format_exc()
        seconds = time.process_time() - start
        self.slowest = max(self.slowest, seconds)
        if seconds > CPU_SECONDS:
            what, words = "hangs", f"{seconds:.1f} s"
        self.memory = max(self.memory, peak() - self.base)
        if peak() - self.base > MEMORY and peak() > before:
            what, words = "over memory", f"{(peak() - self.base) / 2**20:.0f} MB"
        self.counts["inputs"] += 1
        self.counts[what] += 1
        if words:
            self.keep(data, what, words)
        self.write()

    def read(self, data: bytes) -> None:
        """One image, or one experiment file."""
        if self.reader == "images":
            resize_square(decode(data, "x"), 16)
        else:
            self.path.write_bytes(data)
            parse_experiment(self.path)

    def keep(self, data: bytes, what: str, words: str) -> None:
        """Write the input of a finding, and what happened."""
        place = self.findings / f"{self.reader}-atheris-{self.counts['inputs']}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "input").write_bytes(data)
        (place / "FINDING.txt").write_text(f"{what}: {words}\n", encoding="utf-8", errors="backslashreplace")
        self.found.append(f"{place}: {what}: {in_short(words)}")

    def write(self) -> None:
        """Keep the counts where `fuzz.py` finds them whatever ends the process."""
        value: dict[str, Any] = {"counts": self.counts, "findings": self.found}
        value |= {"slowest": self.slowest, "memory": self.memory}
        (self.folder / "counts.json").write_text(json.dumps(value))


def peak() -> int:
    """Most bytes of memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
