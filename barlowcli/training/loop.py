"""The training loop: views, step, log, checkpoint, resume.

Draws and data order are pure functions of (seed, epoch), so weights, optimiser and the epoch's log are all the
state there is, and a resumed run gives the same bits as an undisturbed one.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor

from barlowcli.errors import CellError, InterruptError, LeaseLostError
from barlowcli.machine.devices import Way
from barlowcli.machine.needs import Need
from barlowcli.methods.base import Method
from barlowcli.records.folder import CellFolder
from barlowcli.records.inventory import Inventory
from barlowcli.settings.training import TrainingSettings
from barlowcli.training.checkpoint import Checkpoint
from barlowcli.training.log import TrainingLog
from barlowcli.training.meter import Cost, Meter
from barlowcli.training.optimisers import base_learning_rate, build_optimizer, learning_rate
from barlowcli.training.step import EagerStep, prepare
from barlowcli.views.ahead import Ahead
from barlowcli.views.base import Views

UNSAVED_SECONDS = 2.0
"""Of training that may be done again where a run is stopped while its cell is evaluated."""
DRAIN_STEPS = 25
"""Steps between two looks at the loss: each look is a synchronisation with the device."""


@dataclass
class Hooks:
    """How the loop talks to whoever runs it. progress: called with (step, total); note: words for the cell's log;
    stop: asked at every step; lost: asked before anything is written, whether the cell has become another's; read: told
    what the cell's data set holds, before anything is learned from it; room: asked for memory before it is taken,
    whether this process is alone; raises CrowdedError where there is none beside other cells; slower: told how steps
    are taken, and why not in each faster way that was tried."""

    progress: Callable[[int, int], None] = lambda step, total: None
    note: Callable[[str], None] = lambda message: None
    stop: Callable[[], bool] = lambda: False
    lost: Callable[[], bool] = lambda: False
    checkpoint_seconds: float = 30.0
    read: Callable[[Inventory], None] = lambda inventory: None
    room: Callable[[Need], bool] = lambda need: True
    slower: Callable[[Way, Sequence[str]], None] = lambda way, reasons: None

    def go_on(self) -> None:
        """Raise InterruptError where the run is to stop: for moments when there is nothing to save."""
        if self.stop():
            raise InterruptError("stopped; what was trained is in the checkpoint")

    def check(self) -> None:
        """Raise LeaseLostError where the cell has become another's."""
        if self.lost():
            raise LeaseLostError("another process has taken this cell over")


@dataclass
class Ending:
    """How training ended. step: where a loss was not finite, or since when the embeddings have been collapsed; cost:
    of what this process did of it; way: how it took its steps; slower: why not in each faster way that was tried;
    earlier: what another version or machine did of it."""

    status: Literal["ok", "collapsed", "diverged"]
    steps: int
    step: int | None = None
    message: str = ""
    cost: Cost = field(default_factory=Cost)
    way: Way | None = None
    slower: tuple[str, ...] = ()
    earlier: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Schedule:
    """Which step is which, and its learning rate. per_epoch: steps of an epoch; total: of all."""

    settings: TrainingSettings
    per_epoch: int

    @classmethod
    def of(cls, settings: TrainingSettings, images: int) -> "Schedule":
        """The schedule over so many images; what does not fill a batch is left out. Raises CellError where none is."""
        if images < settings.batch_size:
            raise CellError(
                f"{images} training images do not fill one batch of {settings.batch_size}",
                hint=f"--set training.batch_size={max(2, images // 4)} or less, or more images",
            )
        return cls(settings, images // settings.batch_size)

    @property
    def total(self) -> int:
        """Steps of the whole training."""
        return self.per_epoch * self.settings.epochs

    def place(self, step: int) -> tuple[int, int]:
        """Epoch of a step, and which of its steps it is, both from 0."""
        return divmod(step, self.per_epoch)

    def in_epochs(self, parts: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
        """Parts of a training that end at a step, with the epoch that this is."""
        return tuple({**part, "until_epoch": round(part["until_step"] / self.per_epoch, 2)} for part in parts)

    def learning_rate(self, step: int) -> float:
        """Of that step: warm-up, then a cosine to 0."""
        warmup = round(self.settings.warmup_epochs * self.per_epoch)
        return learning_rate(step, total=self.total, warmup=warmup, base=base_learning_rate(self.settings))


class Batches:
    """The images of each step, in the order of its epoch; views of them can be made `ahead`."""

    def __init__(self, images: Tensor, batch: int, seed: int, views: Views) -> None:
        self.images, self.batch, self.seed = images, batch, seed
        self.ahead = Ahead(views, images)
        self.order = torch.empty(0, dtype=torch.long)

    def index(self, epoch: int, within: int) -> Tensor:
        """Numbers of the images (B,) of step `within` of an epoch; steps are asked for one after another."""
        if within == 0 or not len(self.order):
            self.order = epoch_order(self.seed, epoch, len(self.images)).to(self.images.device)
            self.ahead.follow(self.order[within * self.batch :], epoch)
        return self.order[within * self.batch : (within + 1) * self.batch]


class Keeper:
    """Keeps a training's progress: where it goes on from, a checkpoint now and then, and one before it stops."""

    def __init__(self, checkpoint: Checkpoint, hooks: Hooks) -> None:
        self.checkpoint, self.hooks = checkpoint, hooks
        self.saved = time.monotonic()

    def resume(self, total: int) -> int:
        """The step to go on from, by the checkpoint if there is one. Raises CellError where it is past `total`."""
        step = self.checkpoint.load(self.hooks.note)
        if step > total:
            found = f"{self.checkpoint.path} is of step {step} of {total}"
            raise CellError(found, hint="delete it; the cell starts anew")
        return step

    def after(self, step: int, total: int) -> None:
        """Tell of a step, and save where it is time to. Raises InterruptError when asked to stop."""
        self.hooks.progress(step, total)
        stop, most = self.hooks.stop(), self.hooks.checkpoint_seconds
        if stop or time.monotonic() - self.saved >= (min(UNSAVED_SECONDS, most) if step == total else most):
            self.hooks.check()
            self.checkpoint.save(step)
            self.saved = time.monotonic()
        if stop:
            self.checkpoint.wait()
            raise InterruptError(f"stopped at step {step} of {total}; checkpoint written")


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
    origin: Mapping[str, Any] | None = None,
) -> Ending:
    """Train `method` on `images` uint8 (N, 3, H, W), `labels` (N,), all on one device; resumes from `folder`.

    way: how steps are taken, see `step.prepare`. origin: what decides the numbers besides the cell, for the checkpoint.
    Raises CellError where a batch is larger than the set, InterruptError after a checkpoint when asked to stop.
    """
    schedule = Schedule.of(settings, len(images))
    optimizer = build_optimizer(settings, method)
    log = TrainingLog(folder.log, collapse_std)
    checkpoint = Checkpoint(folder.checkpoint, method, optimizer, log, origin or {})
    keeper = Keeper(checkpoint, hooks)
    step, total = keeper.resume(schedule.total), schedule.total
    meter = Meter(method, optimizer, images.device)
    method.train()
    eager = EagerStep(method, optimizer, views, images, labels, settings)
    refused: list[str] = []
    take_step, taken = prepare(eager, way, meter, refused.append)
    if refused:
        hooks.slower(taken, refused)
    batches = Batches(images, settings.batch_size, seed, views)
    if taken is Way.eager and images.device.type == "cpu":
        eager.views = batches.ahead
    while step < total and log.diverged_at is None:
        epoch, within = schedule.place(step)
        index, lr = batches.index(epoch, within), schedule.learning_rate(step)
        with meter.step():
            row = take_step(index, epoch=epoch, lr=lr, progress=step / total)
        step += 1
        log.add(step, row)
        if within == schedule.per_epoch - 1:
            hooks.check()
            log.end_epoch(step, epoch + 1, lr)
        elif step % DRAIN_STEPS == 0:
            log.drain()
        if log.diverged_at is None:
            keeper.after(step, total)
    checkpoint.wait()
    ending, earlier = _ending(log, step, total), schedule.in_epochs(checkpoint.earlier)
    return replace(ending, cost=meter.cost(), way=taken, slower=tuple(refused), earlier=earlier)


def _ending(log: TrainingLog, step: int, total: int) -> Ending:
    if log.diverged_at is not None:
        return Ending(
            "diverged", step, log.diverged_at, f"the loss was not finite at step {log.diverged_at} of {total}"
        )
    if log.collapse is not None:
        since, how = log.collapse
        return Ending("collapsed", step, since, f"{how} since step {since} of {total}")
    return Ending("ok", step)
