"""A step of training: views, loss, gradients, optimiser, averaged target; eager, compiled, or as one CUDA graph.

The three are one and the same arithmetic. `compiled` has Inductor fuse the views and the network, each with its own
kernels; `captured` records all of that, forward and backward and optimiser, into one CUDA graph, which the host then
launches at once. Compiled code belongs to an architecture and to the settings of views: networks of another cell, other
seeds and other losses go through it again, without compiling.
"""

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from barlowcli.evaluation.rank import embedding_std, view_correlation
from barlowcli.machine.devices import Way
from barlowcli.methods.base import Method, Output, embed
from barlowcli.settings.training import TrainingSettings
from barlowcli.training.meter import Meter
from barlowcli.views.base import Views
from barlowcli.views.pipeline import AugmentedViews

WARM_UP = 3
"""Steps on a stream of their own before a capture, as torch.cuda.graph asks for: they set up cuDNN, cuBLAS and the
state of the optimiser."""
BACKEND = "inductor"
ARCHITECTURES = 64
"""Compiled versions of one function that are kept; by default Dynamo gives up after 8, fewer than a grid has."""


class Row(NamedTuple):
    """What a step says of itself, still on the device: names and their values (K,), float32."""

    names: tuple[str, ...]
    values: Tensor

    @classmethod
    def of(cls, output: Output) -> "Row":
        """Loss, spread of the embeddings, correlation of the views, and the terms of the loss."""
        z_a, z_b = output.embeddings
        values = [output.loss.detach(), embedding_std(z_a), view_correlation(z_a, z_b), *output.terms.values()]
        names = ("loss", "std", "correlation", *(f"term.{name}" for name in output.terms))
        return cls(names, torch.stack([value.float() for value in values]))


class Step(Protocol):
    """Takes one step of gradient descent."""

    def __call__(self, index: Tensor, *, epoch: int, lr: float, progress: float) -> Row:
        """On the images `index` (B,) in epoch `epoch`; progress: k / K of step k, by which schedules go."""
        ...


@dataclass
class EagerStep:
    """A step as PyTorch takes it, one operation after another."""

    method: Method
    optimizer: torch.optim.Optimizer
    views: Views
    images: Tensor
    """uint8 (N, 3, H, W), the whole data set, on the device."""
    labels: Tensor
    settings: TrainingSettings

    def __call__(self, index: Tensor, *, epoch: int | Tensor, lr: float | Tensor, progress: float | Tensor) -> Row:
        """One step; 0-d tensors on the device in place of numbers make no difference but that they can change under a
        captured graph."""
        view_a, view_b = (
            self.views(self.images, index, epoch=epoch, view=view).contiguous(memory_format=torch.channels_last)
            for view in (0, 1)
        )
        with torch.autocast(self.images.device.type, torch.bfloat16, enabled=self.settings.precision == "bf16"):
            output: Output = self.method(view_a, view_b, self.labels[index])
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(output.loss)
        if self.settings.clip_gradient is not None:
            nn.utils.clip_grad_norm_(self.method.parameters(), self.settings.clip_gradient)
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        self.optimizer.step()
        self.method.after_step(progress)
        return Row.of(output)


class CapturedStep:
    """A step as one CUDA graph; its inputs lie in tensors of their own, filled before each replay."""

    def __init__(self, step: EagerStep, index: Tensor) -> None:
        """Warm up, which moves weights and optimiser, and capture. Raises what an operation that cannot be captured
        raises."""
        device = index.device
        self.index = index.clone()
        self.epoch = torch.zeros((), dtype=torch.int64, device=device)
        self.lr = torch.zeros((), device=device)
        self.progress = torch.zeros((), device=device)
        inputs = {"epoch": self.epoch, "lr": self.lr, "progress": self.progress}
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                step(self.index, **inputs)
        torch.cuda.current_stream(device).wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.row = step(self.index, **inputs)

    def __call__(self, index: Tensor, *, epoch: int, lr: float, progress: float) -> Row:
        """Fill the inputs, launch the graph; nothing waits for the device."""
        self.index.copy_(index)
        self.epoch.fill_(epoch)
        self.lr.fill_(lr)
        self.progress.fill_(progress)
        self.graph.replay()
        return Row(self.row.names, self.row.values.clone())  # the next replay writes over them


class State:
    """Weights, buffers and optimiser as they are now, to be put back in place after steps that do not count."""

    def __init__(self, method: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.method, self.optimizer = method, optimizer
        self.weights = {name: value.clone() for name, value in method.state_dict().items()}
        self.moments = {key: value.clone() for key, value in self._moments().items()}

    def restore(self) -> None:
        """Put everything back; state that the optimiser did not have then is 0, which is what it starts from."""
        self.method.load_state_dict(self.weights)
        for key, value in self._moments().items():
            if key in self.moments:
                value.copy_(self.moments[key])
            else:
                value.zero_()
        self.optimizer.zero_grad(set_to_none=True)

    def _moments(self) -> dict[tuple[int, str], Tensor]:
        return {
            (id(parameter), name): value
            for parameter, state in self.optimizer.state.items()
            for name, value in state.items()
            if isinstance(value, Tensor)
        }


@functools.cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function under torch.compile; one for all cells, so that what is compiled serves them all."""
    torch._dynamo.config.recompile_limit = ARCHITECTURES
    return torch.compile(function, dynamic=False, fullgraph=True, backend=BACKEND)


def call_views(views: AugmentedViews, images: Tensor, index: Tensor, epoch: Tensor, view: int | Tensor) -> Tensor:
    """`views` as a function of plain arguments, to be compiled."""
    return views(images, index, epoch=epoch, view=view)


class CompiledViews:
    """Views under torch.compile. Seed, epoch and, of views alike, view are tensors, lest each be compiled anew."""

    def __init__(self, views: AugmentedViews, device: torch.device) -> None:
        self.views = copy.copy(views)
        self.device = device
        if isinstance(views.seed, int):
            self.views.seed = self._number(views.seed)

    def __call__(self, images: Tensor, index: Tensor, *, epoch: int | Tensor, view: int) -> Tensor:
        """As the views that it was made of."""
        drawn = self._number(view) if self.views.alike else view
        era = epoch if isinstance(epoch, Tensor) else self._number(epoch)
        made: Tensor = compiled(call_views)(self.views, images, index, era, drawn)
        return made

    def _number(self, value: int) -> Tensor:
        return torch.full((), value, dtype=torch.int64, device=self.device)


def compile_step(step: EagerStep) -> EagerStep:
    """The step with views and network compiled, which happens as it is first taken."""
    step.method.network = compiled(embed)
    views = step.views
    if isinstance(views, AugmentedViews):
        views = CompiledViews(views, step.images.device)
    return replace(step, views=views)


def prepare(step: EagerStep, way: Way | None, meter: Meter, note: Callable[[str], None]) -> tuple[Step, Way]:
    """The step in the fastest way that works here, and which that is; says in a `note` why it is not a faster one.

    way: None for captured on CUDA and eager elsewhere, where compiling takes longer than most cells; else the first
    to be tried. Steps taken to find out leave no trace in weights and optimiser.
    """
    on_cuda = step.images.device.type == "cuda"
    first = way or (Way.captured if on_cuda else Way.eager)
    if first is Way.eager:
        return step, Way.eager
    index = torch.arange(step.settings.batch_size, device=step.images.device) % len(step.images)
    kept = State(step.method, step.optimizer)
    with meter.step():  # eager, whatever way is found: what it saves for backward is counted here
        step(index, epoch=0, lr=0.0, progress=0.0)
    kept.restore()
    fast = compile_step(step)
    found: tuple[Step, Way] = step, Way.eager
    for name in list(Way)[list(Way).index(first) : -1]:
        try:
            found = tried(fast, name, index), name
            break
        except Exception as error:  # Dynamo, Inductor, Triton, the C++ compiler and CUDA each have their own
            note(f"the step cannot be {name} here: {type(error).__name__}: {first_line(error)}")
    else:
        step.method.network = embed
    kept.restore()
    meter.restart()
    return found


def tried(step: EagerStep, way: Way, index: Tensor) -> Step:
    """The compiled step in one of the other ways, after it was taken once; raises what went wrong."""
    if way is Way.captured:
        return CapturedStep(step, index)
    step(index, epoch=0, lr=0.0, progress=0.0)
    return step


def first_line(error: Exception) -> str:
    """The first line of what an error says; Inductor's go on for pages."""
    return (str(error).strip().splitlines() or [""])[0][:300]
