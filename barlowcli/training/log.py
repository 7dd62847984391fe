"""What training says of itself: loss and terms by step, means by epoch, and whether it collapsed or diverged."""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from barlowcli.records.files import append_line, write_bytes
from barlowcli.records.logs import LOG_SCHEMA
from barlowcli.training.step import Row

COLLAPSE_CORRELATION = 0.1
"""Views whose embeddings correlate less than this have nothing in common: trained ones have .5 and more, the
redundancy term alone leaves .02."""


@dataclass
class TrainingLog:
    """Loss, terms, spread and agreement of the views at every step of an epoch; one line of metrics.jsonl an epoch.

    Two ways to collapse: the embeddings of all images are one (a spread below `collapse_std`), or those of the two
    views of an image have nothing in common (a correlation below `COLLAPSE_CORRELATION` in the mean of an epoch), as
    without an invariance term.

    Values stay on the device until `drain`, which is the only synchronisation.
    """

    path: Path
    collapse_std: float
    rows: list[dict[str, float]] = field(default_factory=list)
    pending: list[tuple[int, Row]] = field(default_factory=list)
    collapsed_since: int | None = None
    unrelated_since: int | None = None
    diverged_at: int | None = None

    def add(self, step: int, row: Row) -> None:
        """Note what one step said of itself."""
        self.pending.append((step, row))

    def drain(self) -> None:
        """Read what is pending from the device; note the first step that diverged and since when it is collapsed."""
        if not self.pending:
            return
        table = torch.stack([row.values for _, row in self.pending]).tolist()
        for (step, (names, _)), values in zip(self.pending, table, strict=True):
            row = dict(zip(names, values, strict=True))
            if not math.isfinite(row["loss"]) and self.diverged_at is None:
                self.diverged_at = step
            if row["std"] >= self.collapse_std:
                self.collapsed_since = None
            elif self.collapsed_since is None:
                self.collapsed_since = step
            self.rows.append(row)
        self.pending.clear()

    @property
    def collapse(self) -> tuple[int, str] | None:
        """Since which step, and how; None where it is not collapsed."""
        if self.collapsed_since is not None:
            return self.collapsed_since, "the embeddings of all images have been nearly one"
        if self.unrelated_since is not None:
            return self.unrelated_since, "the two views of an image have had nothing in common"
        return None

    def end_epoch(self, step: int, epoch: int, lr: float) -> None:
        """Append the epoch's means to metrics.jsonl."""
        self.drain()
        finite = [row for row in self.rows if math.isfinite(row["loss"])]
        means = {name: sum(row[name] for row in finite) / len(finite) for name in finite[0]} if finite else {}
        if means.get("correlation", 1.0) >= COLLAPSE_CORRELATION:
            self.unrelated_since = None
        elif self.unrelated_since is None:
            self.unrelated_since = step - len(self.rows) + 1
        line = {"schema_version": LOG_SCHEMA, "step": step, "epoch": epoch, "lr": lr}
        line |= {name: round(value, 8) for name, value in means.items()}
        append_line(self.path, json.dumps(line))
        self.rows.clear()

    def state(self) -> dict[str, Any]:
        """What a checkpoint must keep."""
        self.drain()
        since = {"collapsed_since": self.collapsed_since, "unrelated_since": self.unrelated_since}
        return {"rows": self.rows, **since}

    def resume(self, state: dict[str, Any], step: int) -> None:
        """Take the state back, and cut lines that a run wrote after its last checkpoint."""
        self.rows = list(state["rows"])
        self.collapsed_since, self.unrelated_since = state["collapsed_since"], state.get("unrelated_since")
        lines = self.path.read_bytes().splitlines() if self.path.exists() else []
        write_bytes(self.path, b"".join(line + b"\n" for line in lines if _step_of(line) <= step))


def _step_of(line: bytes) -> float:
    """The step of a line of the log; beyond every step where a run that was killed left half of one."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return math.inf
