"""What training costs: the memory of a step, counted tensor by tensor, and the time of one."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, UntypedStorage, nn
from torch.autograd.graph import saved_tensors_hooks


@dataclass(frozen=True)
class Cost:
    """What a process's part of training took, as it stands in a record; empty where it took no step.

    counts: training_bytes, on CUDA peak_bytes too. seconds: step, the mean of all steps but the first.
    """

    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class StepBytes:
    """Bytes that a training step needs. kept: whatever the batch; activations: saved for backward, of one batch."""

    kept: int
    activations: int

    @property
    def total(self) -> int:
        """Both."""
        return self.kept + self.activations


class SavedForBackward(saved_tensors_hooks):
    """While it is entered, counts the bytes of all tensors that autograd saves, each storage once.

    known: tensors that are counted elsewhere. Nothing is copied or kept longer than autograd keeps it, also where an
    error ends the block before anything is passed back.
    """

    def __init__(self, known: Iterable[Tensor]) -> None:
        self.bytes = 0
        self._known = {tensor.untyped_storage().data_ptr() for tensor in known}
        self._saved: dict[int, UntypedStorage] = {}
        super().__init__(self._pack, self._unpack)

    def __exit__(self, *error: object) -> None:
        self._saved.clear()
        super().__exit__(*error)

    def _pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        place = storage.data_ptr()
        if place not in self._known and place not in self._saved:
            self._saved[place] = storage  # held, lest its place is given to another tensor that would go uncounted
            self.bytes += storage.nbytes()
        return tensor.detach()  # with its own history it would keep the graph, which keeps it: for ever

    def _unpack(self, tensor: Tensor) -> Tensor:
        self._saved.pop(tensor.untyped_storage().data_ptr(), None)
        return tensor


def kept_bytes(method: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Bytes of parameters, buffers and averaged copies, of as many gradients as parameters are trained, and of the
    optimiser's state as it is after a step."""
    gradients = sum(parameter.nbytes for parameter in method.parameters() if parameter.requires_grad)
    state = [value for values in optimizer.state.values() for value in values.values() if isinstance(value, Tensor)]
    return gradients + _distinct_bytes([*method.state_dict().values(), *state])


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was given; on a CPU there is nothing to wait for."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


class Meter:
    """Counts the memory of the first step that it sees, and times the others; no number of training depends on it."""

    def __init__(self, method: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device) -> None:
        self.method, self.optimizer, self.device = method, optimizer, device
        self.steps = 0
        self.bytes = StepBytes(0, 0)
        self.since = 0.0
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    @contextmanager
    def step(self) -> Iterator[None]:
        """To be held around a step, from the views to the optimiser."""
        if self.steps == 0:
            saved = SavedForBackward(self.method.state_dict().values())
            with saved:
                yield
            self.bytes = StepBytes(kept_bytes(self.method, self.optimizer), saved.bytes)
            self.restart()
        else:
            yield
        self.steps += 1

    def restart(self) -> None:
        """Time from now on; the step that was counted stays counted."""
        synchronise(self.device)
        self.since = time.monotonic()

    def cost(self) -> Cost:
        """The cost of the steps so far."""
        if self.steps == 0:
            return Cost()
        counts = {"training_bytes": self.bytes.total}
        if self.device.type == "cuda":
            counts["peak_bytes"] = torch.cuda.max_memory_allocated(self.device)
        return Cost(counts, {"step": self.seconds} if self.steps > 1 else {})

    @property
    def seconds(self) -> float:
        """Mean of all steps but the first; at least two steps must have been taken."""
        synchronise(self.device)
        return (time.monotonic() - self.since) / (self.steps - 1)


def _distinct_bytes(tensors: Iterable[Tensor]) -> int:
    # By the storage and not by its place in memory: on the meta device they have none.
    storages = {(storage := tensor.untyped_storage())._cdata: storage.nbytes() for tensor in tensors}
    return sum(storages.values())
