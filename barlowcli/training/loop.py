"""The training loop: views, step, log, checkpoint, resume.

Draws and data order are pure functions of (seed, epoch), so weights, optimiser and the epoch's log are all the
state there is, and a resumed run gives the same bits as an undisturbed one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from barlowcli.errors import CellError, InterruptError, LeaseLostError
from barlowcli.machine.devices import Way
from barlowcli.methods.base import Method
from barlowcli.records.folder import CellFolder
from barlowcli.settings.training import TrainingSettings
from barlowcli.training.checkpoint import Checkpoint
from barlowcli.training.log import TrainingLog
from barlowcli.training.meter import Cost, Meter
from barlowcli.training.optimisers import base_learning_rate, build_optimizer, learning_rate
from barlowcli.training.step import EagerStep, prepare
from barlowcli.views.ahead import Ahead
from barlowcli.views.base import Views

DRAIN_STEPS = 25
"""Steps between two looks at the loss: each look is a synchronisation with the device."""


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
        """Raise LeaseLostError where the cell has become another's."""
        if self.lost():
            raise LeaseLostError("another process has taken this cell over")


@dataclass
class Ending:
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


def train(
    method: Method,
    views: Views,
    images: Tensor,
    labels: Tensor,
    settings: TrainingSettings,
    *,
    seed: int,
    folder: CellFolder,
    collapse_std: float,
    hooks: Hooks,
    way: Way | None = None,
) -> Ending:
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
    log = TrainingLog(folder.log, collapse_std)
    checkpoint = Checkpoint(folder.checkpoint, method, optimizer, log)
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
            return Ending("diverged", step, log.diverged_at, message, meter.cost(), taken)
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
        return Ending("collapsed", step, since, message, meter.cost(), taken)
    return Ending("ok", step, cost=meter.cost(), way=taken)
