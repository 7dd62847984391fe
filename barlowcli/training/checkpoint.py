"""Weights, buffers, optimiser and log at a step, in one file written whole or not at all."""

import copy
import io
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from barlowcli.errors import CellError
from barlowcli.records.files import write_bytes
from barlowcli.training.log import TrainingLog

CHECKPOINT_SCHEMA = 1
"""Version of checkpoint.pt; rises when an older one would be misread. One without is of version 1, from before it was
written."""


@dataclass
class Checkpoint:
    """Weights, buffers, optimiser and log at a step, in one file written whole or not at all.

    origin: what makes the numbers from here on: code, versions, device. earlier: the same of those who trained before,
    each with the step until which it did, where they were not like this one.
    """

    path: Path
    method: nn.Module
    optimizer: torch.optim.Optimizer
    log: TrainingLog
    origin: Mapping[str, Any] = field(default_factory=dict)
    earlier: list[dict[str, Any]] = field(default_factory=list)
    writing: "Writing | None" = None

    def save(self, step: int) -> None:
        """Write the state after `step` steps. Of a GPU it is copied aside, and written while training goes on: `wait`
        sees to it that it is there. Raises what the write before this one raised."""
        self.wait()
        state: dict[str, Any] = {
            "schema_version": CHECKPOINT_SCHEMA,
            "step": step,
            "method": self.method.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "log": copy.deepcopy(self.log.state()),
            "made": [*self.earlier, {**self.origin, "until_step": step}],
        }
        if any(value.is_cuda for value in state["method"].values()):
            state = aside(state)
            copied = torch.cuda.Event()
            copied.record()
            self.writing = Writing(lambda: self._write(state, copied))
        else:
            self._write(state)

    def wait(self) -> None:
        """Until what was saved is written. Raises what that raised."""
        writing, self.writing = self.writing, None
        if writing is not None:
            writing.end()

    def _write(self, state: dict[str, Any], copied: torch.cuda.Event | None = None) -> None:
        if copied is not None:
            copied.synchronize()
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_bytes(self.path, buffer.getvalue())

    def load(self, note: Callable[[str], None]) -> int:
        """Take the state back and return its step; 0 where there is no checkpoint, or none that can be used.

        Nothing in the file is executed. Raises CellError where it is the checkpoint of something else.
        """
        state = self._read(note)
        if state is None:
            self.log.resume({"rows": [], "collapsed_since": None, "unrelated_since": None}, 0)
            return 0
        try:
            if not isinstance(state["step"], int) or state["step"] < 0:
                raise ValueError("its step is no count")
            self.method.load_state_dict(state["method"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.log.resume(state["log"], state["step"])
        except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise CellError(
                f"{self.path} is not a checkpoint of this cell: {error}", hint="delete it; the cell starts anew"
            ) from error
        note(f"resumed at step {state['step']}")
        self.earlier = earlier_parts(state.get("made"), self.origin, int(state["step"]))
        return int(state["step"])

    def _read(self, note: Callable[[str], None]) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises a dozen kinds, by how the file is damaged
            note(f"{self.path.name} cannot be read ({type(error).__name__}); the cell starts anew")
            return None
        version = state.get("schema_version", 1) if isinstance(state, dict) else 1
        if version != CHECKPOINT_SCHEMA:
            ours = f"this barlow reads {CHECKPOINT_SCHEMA}"
            note(f"{self.path.name} has schema version {version}, {ours}; the cell starts anew")
            return None
        return state


class Writing:
    """Work in a thread of its own. It is no daemon: a process that ends waits for it."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, name="checkpoint")
        self.thread.start()

    def end(self) -> None:
        """Wait for it. Raises what it raised."""
        self.thread.join()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            self.work()
        except BaseException as error:
            self.error = error


def aside(value: Any) -> Any:
    """The same nested dictionaries and lists with copies of their tensors on the CPU: of those on a GPU in pinned
    memory, where they are when the work that the GPU has been given so far is done."""
    if isinstance(value, Tensor):
        copied = torch.empty_like(value, device="cpu", pin_memory=value.is_cuda)
        return copied.copy_(value, non_blocking=True)
    if isinstance(value, dict):
        return {key: aside(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(aside(part) for part in value)
    return value


def earlier_parts(made: Any, origin: Mapping[str, Any], step: int) -> list[dict[str, Any]]:
    """Who trained until `step`, by a checkpoint, less a last one that is like `origin`. A checkpoint from before this
    was written does not say: then only the step is known."""
    if not isinstance(made, list) or not all(isinstance(part, dict) for part in made):
        return [{"until_step": step}] if step else []
    alike = made and {name: value for name, value in made[-1].items() if name != "until_step"} == dict(origin)
    return [dict(part) for part in (made[:-1] if alike else made)]
