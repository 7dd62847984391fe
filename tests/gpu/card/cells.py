"""Whole cells on the fake card, one after another in one process; prints what came of each, and the memory it left.

Told FAKE_CUDA_ANSWERS: losses are finite, and training goes on.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from barlowcli.cell.options import RunOptions
from barlowcli.cell.run import dataset_on, run_cell
from barlowcli.errors import BarlowError
from barlowcli.machine.devices import Way, release
from barlowcli.plan.plan import PlannedCell
from barlowcli.training.loop import Hooks
from tests.gpu.card.report import library, seen
from tests.grids import options_for, tiny_plan

SIZE = {"data.limit": 100, "data.test_limit": 60, "data.image_size": 16, "training.batch_size": 32}
SETTINGS = SIZE | {"projector.hidden": 32, "projector.dim": 32, "evaluation.domains": ["none"]}


def left() -> dict[str, int]:
    """Bytes of tensors, and of the card, when the process has let go of what it keeps for the next cell."""
    dataset_on.cache_clear()
    torch._C._cuda_clearCublasWorkspaces()
    release("cuda")
    return {"tensors": torch.cuda.memory_allocated(), "card": seen().used}


def outcome(cell: PlannedCell, options: RunOptions, hooks: Hooks | None = None) -> dict[str, Any]:
    """What a cell came to."""
    notes: list[str] = []
    chosen = replace(hooks or Hooks(), note=notes.append)
    try:
        record = run_cell(cell, options, chosen)
        said = {"status": record.status, "steps": record.counts.get("steps"), "way": record.provenance["step"]}
    except (RuntimeError, BarlowError) as error:
        said = {"status": type(error).__name__, "message": str(error).splitlines()[0]}
    return {**said, "notes": notes}


class Watch:
    """What a cell does step by step. stop: the step after which it is to stop. allocations: of the card, until the end
    of its first step, in which memory is counted too."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop, self.step = stop, 0
        self.before = seen().calls["malloc"]
        self.allocations = 0

    def hooks(self) -> Hooks:
        """The hooks by which it is told."""
        return Hooks(progress=self._progress, stop=lambda: self.step == self.stop)

    def _progress(self, step: int, total: int) -> None:
        self.step = step
        if step == 1:
            self.allocations = seen().calls["malloc"] - self.before


def main(folder: Path) -> None:
    """A cell, one that runs out of memory in training, one that is stopped and goes on."""
    cell = tiny_plan({"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]}, SETTINGS).cells[0]

    def options(name: str, way: Way = Way.eager) -> RunOptions:
        return replace(options_for(folder / name), device="cuda", way=way)

    found: dict[str, Any] = {}

    def do(name: str, *arguments: Any) -> None:
        found[name] = outcome(cell, *arguments) | {"left": left()}

    do("first", options("first"), (watch := Watch()).hooks())
    library().fake_card_refuse_at(watch.allocations)
    do("out of memory", options("out of memory"))
    do("after it", options("after it"))
    do("stopped", options("resumed"), Watch(stop=2).hooks())
    do("resumed", options("resumed"))
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
