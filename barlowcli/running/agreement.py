"""A record and that of the same cell run again: whether the numbers, the log and the weights are the same."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from barlowcli.errors import ResultsError
from barlowcli.records.folder import CellFolder
from barlowcli.records.logs import read_log
from barlowcli.records.record import Record


@dataclass(frozen=True)
class Difference:
    """A number that is not the same. None: there is none of that name."""

    name: str
    recorded: float | None
    now: float | None

    @property
    def size(self) -> float:
        """How far apart they are."""
        return float("inf") if self.recorded is None or self.now is None else abs(self.now - self.recorded)


@dataclass(frozen=True)
class Agreement:
    """A record and that of the same cell run again.

    differences: of numbers, to the bit, largest first; a number that only the later one has is none. log, weights,
    answers: whether the training log, the encoder's weights and the classes predicted for test images are the same to
    the bit; None where either has none.
    """

    before: Record
    after: Record
    differences: tuple[Difference, ...]
    tolerance: float | None = None
    log: bool | None = None
    weights: bool | None = None
    answers: bool | None = None

    @property
    def beyond(self) -> tuple[Difference, ...]:
        """The differences that count: above the tolerance, all where there is none."""
        return tuple(one for one in self.differences if not one.size <= (self.tolerance or 0.0))

    @property
    def same_end(self) -> bool:
        """Whether training ended alike: with a tolerance, a collapse may begin at another step."""
        same_step = self.tolerance is not None or self.before.event_step == self.after.event_step
        return self.before.status == self.after.status and same_step

    @property
    def agrees(self) -> bool:
        """Whether the rerun confirms the record."""
        return self.same_end and not self.beyond

    def as_value(self) -> dict[str, Any]:
        """For programs. differences: of all numbers that are not the same to the bit, whatever the tolerance."""
        before, after = self.before, self.after
        return {
            "cell": before.id,
            "experiment": before.experiment,
            "preset": before.preset,
            "axes": before.axes,
            "seed": before.seed,
            "agrees": self.agrees,
            "tolerance": self.tolerance,
            "numbers": len(before.metrics),
            "status": {"recorded": before.status, "now": after.status},
            "event_step": {"recorded": before.event_step, "now": after.event_step},
            "differences": [
                {
                    "name": one.name,
                    "recorded": one.recorded,
                    "now": one.now,
                    "difference": None if one.now is None else one.size,
                }
                for one in self.differences
            ],
            "log": self.log,
            "weights": self.weights,
            "answers": self.answers,
        }


def agreement(
    before: Record, after: Record, *, tolerance: float | None, folders: Sequence[CellFolder] = ()
) -> Agreement:
    """Compare two records of a cell, and the logs and weights in their `folders` (before, after)."""
    found = [Difference(name, value, after.metrics.get(name)) for name, value in before.metrics.items()]
    differing = sorted((one for one in found if one.recorded != one.now), key=lambda one: (-one.size, one.name))
    log = weights = answers = None
    if folders:
        log = same_logs(*(folder.log for folder in folders))
        weights = same_weights(*(folder.encoder for folder in folders))
        answers = same_weights(*(folder.answers for folder in folders))
    return Agreement(before, after, tuple(differing), tolerance, log, weights, answers)


def same_logs(before: Path, after: Path) -> bool | None:
    """Whether what both logs tell of an epoch is the same in every one; None where one is missing or cannot be read."""
    try:
        first, second = read_log(before), read_log(after)
    except ResultsError:
        return None
    return len(first) == len(second) and all(
        one[name] == other[name] for one, other in zip(first, second, strict=True) for name in one.keys() & other.keys()
    )


def same_weights(before: Path, after: Path) -> bool | None:
    """Whether two files of tensors have the same bits; None where one is missing, unreadable or of another version."""
    try:
        if weights_version(before) != weights_version(after):
            return None
        first, second = load_file(before), load_file(after)
    except (OSError, SafetensorError):
        return None
    return first.keys() == second.keys() and all(
        (first[name].shape, first[name].tobytes()) == (second[name].shape, second[name].tobytes()) for name in first
    )


def weights_version(path: Path) -> Any:
    """The schema version in the metadata of a file of tensors; 1 where there is none, from before it was written."""
    with safe_open(path, "numpy") as file:
        about = (file.metadata() or {}).get("barlow")
    try:
        return 1 if about is None else json.loads(about)["schema_version"]
    except (ValueError, KeyError, TypeError):
        return None
