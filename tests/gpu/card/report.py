"""What the fake card has seen, read in the process that runs on it, or from the file that another left."""

import ctypes
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Report:
    """Since the process began, or the last reset.

    used, peak: bytes of all cards. calls: of functions that matter, by what they do. launches: kernels by name, those
    of graphs aside. graphs: of each that was recorded, its nodes by kernel. layouts: of tensors given to cuDNN, with
    their sizes. others: calls of functions that do nothing. host_sources: memory of the host that a graph reads at
    each replay, address and bytes. violations: what a capture forbids.
    """

    used: int
    peak: int
    calls: Counter[str]
    launches: Counter[str]
    graphs: list[Counter[str]]
    layouts: Counter[str]
    others: Counter[str]
    host_sources: list[tuple[int, int]]
    violations: list[str]

    @classmethod
    def of(cls, value: dict[str, Any]) -> "Report":
        """From what the library wrote."""
        counted = {name: Counter(value[name]) for name in ("calls", "launches", "layouts", "others")}
        graphs = [Counter(graph) for graph in value["graphs"]]
        sources = [tuple(map(int, source.split())) for source in value["host_sources"]]
        return cls(**{**value, **counted, "graphs": graphs, "host_sources": sources})


def library() -> ctypes.CDLL:
    """The card under this process. Raises AttributeError at the first call where there is none."""
    found = ctypes.CDLL(None)
    found.fake_card_report.restype = ctypes.c_char_p
    found.fake_card_break_at.argtypes = found.fake_card_refuse_at.argtypes = [ctypes.c_long]
    return found


def seen() -> Report:
    """What it has seen up to now."""
    return Report.of(json.loads(library().fake_card_report()))


def left_in(folder: Path) -> list[Report]:
    """What each process that ended left there, told by FAKE_CUDA_REPORTS."""
    return [Report.of(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))]


@contextmanager
def anew() -> Iterator[None]:
    """Forget what was seen, before and after."""
    library().fake_card_reset()
    yield
    library().fake_card_reset()
