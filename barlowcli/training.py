"""The training loop: views, step, log, checkpoint, resume.

Draws and data order are pure functions of (seed, epoch), so weights, optimiser and the epoch's log are all the
state there is, and a resumed run gives the same bits as an undisturbed one.
"""

import io
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from barlowcli.cost import Cost, Meter
from barlowcli.device import Way
from barlowcli.errors import CellError, ClaimLostError, InterruptError
from barlowcli.logs import LOG_SCHEMA
from barlowcli.methods.base import Method
from barlowcli.optim import base_learning_rate, build_optimizer, learning_rate
from barlowcli.records import append_line, write_bytes
from barlowcli.settings import TrainingSettings
from barlowcli.step import EagerStep, Row, Views, prepare
from barlowcli.views.ahead import Ahead

DRAIN_STEPS = 25
"""Steps between two looks at the loss: each look is a synchronisation with the device."""
COLLAPSE_CORRELATION = 0.1
"""Views whose embeddings correlate less than this have nothing in common: trained ones have .5 and more, the
redundancy term alone leaves .02."""
CHECKPOINT_SCHEMA = 1
"""Version of checkpoint.pt; rises when an older one would be misread. One without is of version 1, from before it was
written."""


@dataclass
class Hooks:
    """How the loop talks to whoever runs it. progress: called with (step, total); note: words for the cell's log;
    stop: asked at every step; lost: asked before anything is written, whether the cell has become another's."""

    progress: Callable[[int, int], None] = lambda step, total: None
    note: Callable[[str], None] = lambda message: None
    stop: Callable[[], bool] = lambda: False
    lost: Callable[[], bool] = lambda: False
    checkpoint_seconds: float = 30.0

    def check(self) -> None:
        """Raise ClaimLostError where the cell has become another's."""
        if self.lost():
            raise ClaimLostError("another process has taken this cell over")


@dataclass
class Trained:
    """How training ended. step: where a loss was not finite, or since when the embeddings have been collapsed; cost:
    of what this process did of it; way: how it took its steps."""

    status: Literal["ok", "collapsed", "diverged"]
    steps: int
    step: int | None = None
    message: str = ""
    cost: Cost = field(default_factory=Cost)
    way: Way | None = None


def epoch_order(seed: int, epoch: int, count: int) -> Tensor:
    """The order of images in an epoch: (count,) int64 on the CPU, a pure function of its arguments."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    return torch.randperm(count, generator=generator)


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


def train(
    method: Method,
    views: Views,
    images: Tensor,
    labels: Tensor,
    settings: TrainingSettings,
    *,
    seed: int,
    folder: Path,
    collapse_std: float,
    hooks: Hooks,
    way: Way | None = None,
) -> Trained:
    """Train `method` on `images` uint8 (N, 3, H, W), `labels` (N,), all on one device; resumes from `folder`.

    way: how steps are taken, see `step.prepare`.
    Raises CellError where a batch is larger than the set, InterruptError after a checkpoint when asked to stop.
    """
    steps_per_epoch = len(images) // settings.batch_size
    if steps_per_epoch == 0:
        raise CellError(
            f"{len(images)} training images do not fill one batch of {settings.batch_size}",
            hint=f"--set training.batch_size={max(2, len(images) // 4)} or less, or more images",
        )
    total = steps_per_epoch * settings.epochs
    optimizer = build_optimizer(settings, method)
    log = TrainingLog(folder / "metrics.jsonl", collapse_std)
    checkpoint = Checkpoint(folder / "checkpoint.pt", method, optimizer, log)
    step = checkpoint.load(hooks.note)
    if step > total:
        raise CellError(f"{checkpoint.path} is of step {step} of {total}", hint="delete it; the cell starts anew")
    base = base_learning_rate(settings)
    warmup = round(settings.warmup_epochs * steps_per_epoch)
    saved = time.monotonic()
    order = torch.empty(0, dtype=torch.long)
    meter = Meter(method, optimizer, images.device)
    method.train()
    eager = EagerStep(method, optimizer, views, images, labels, settings)
    take_step, taken = prepare(eager, way, meter, hooks.note)
    ahead = Ahead(views, images)
    if taken is Way.eager and images.device.type == "cpu":
        eager.views = ahead
    while step < total:
        epoch, within = divmod(step, steps_per_epoch)
        if within == 0 or not len(order):
            order = epoch_order(seed, epoch, len(images)).to(images.device)
            ahead.follow(order[within * settings.batch_size :], epoch)
        index = order[within * settings.batch_size : (within + 1) * settings.batch_size]  # (B,)
        lr = learning_rate(step, total=total, warmup=warmup, base=base)
        with meter.step():
            row = take_step(index, epoch=epoch, lr=lr, progress=step / total)
        step += 1
        log.add(step, row)
        if within == steps_per_epoch - 1:
            hooks.check()
            log.end_epoch(step, epoch + 1, lr)
        elif step % DRAIN_STEPS == 0:
            log.drain()
        if log.diverged_at is not None:
            message = f"the loss was not finite at step {log.diverged_at} of {total}"
            return Trained("diverged", step, log.diverged_at, message, meter.cost(), taken)
        hooks.progress(step, total)
        stop = hooks.stop()
        if stop or time.monotonic() - saved >= hooks.checkpoint_seconds:
            hooks.check()
            checkpoint.save(step)
            saved = time.monotonic()
        if stop:
            raise InterruptError(f"stopped at step {step} of {total}; checkpoint written")
    if log.collapse is not None:
        since, how = log.collapse
        message = f"collapsed: {how} since step {since} of {total}"
        return Trained("collapsed", step, since, message, meter.cost(), taken)
    return Trained("ok", step, cost=meter.cost(), way=taken)


@dataclass
class Checkpoint:
    """Weights, buffers, optimiser and log at a step, in one file written whole or not at all."""

    path: Path
    method: nn.Module
    optimizer: torch.optim.Optimizer
    log: TrainingLog

    def save(self, step: int) -> None:
        """Write the state after `step` steps."""
        state = {
            "schema_version": CHECKPOINT_SCHEMA,
            "step": step,
            "method": self.method.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "log": self.log.state(),
        }
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
