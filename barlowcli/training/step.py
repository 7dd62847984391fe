"""A step of training: views, loss, gradients, optimiser, averaged target; eager, compiled, or as one CUDA graph.

The three are one and the same arithmetic. `compiled` has Inductor fuse the views and the network, each with its own
kernels; `captured` records all of that, forward and backward and optimiser, into one CUDA graph, which the host then
launches at once. Compiled code belongs to an architecture and to the settings of views: networks of another cell, other
seeds and other losses go through it again, without compiling.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from barlowcli.evaluation.rank import embedding_std, view_correlation
from barlowcli.machine.devices import Way, ailment, release
from barlowcli.methods.base import Method, Output
from barlowcli.settings.training import TrainingSettings
from barlowcli.training.compiled import CompiledPasses, CompiledViews, compiled, pass_at_once
from barlowcli.training.meter import Meter
from barlowcli.views.base import Views
from barlowcli.views.pipeline import AugmentedViews

FEW = 16
"""Images by which it is found out whether views may pass at once: where BatchNorm mixed them, few show it best."""
OF_DYNAMO = ("The .grad attribute of a Tensor", ".*autograd.function.Function.* should not be instantiated")
"""Warnings of what Dynamo does itself as it traces: looks for a gradient on embeddings, and makes (torch 2.11) what is
only to be called."""
WARM_UP = 3
"""Steps on a stream of their own before a capture, as torch.cuda.graph asks for: they set up cuDNN, cuBLAS and the
state of the optimiser."""


def summarise(loss: Tensor, z_a: Tensor, z_b: Tensor, terms: tuple[Tensor, ...]) -> Tensor:
    """The values of a row (K,), float32, of a loss (), embeddings (N, D) and the terms of the loss, each ()."""
    values = [loss, embedding_std(z_a), view_correlation(z_a, z_b), *terms]
    return torch.stack([value.float() for value in values])


class Row(NamedTuple):
    """What a step says of itself, still on the device: names and their values (K,), float32."""

    names: tuple[str, ...]
    values: Tensor

    @classmethod
    def of(cls, output: Output, summarise: Callable[..., Tensor] = summarise) -> "Row":
        """Loss, spread of the embeddings, correlation of the views, and the terms of the loss."""
        names = ("loss", "std", "correlation", *(f"term.{name}" for name in output.terms))
        return cls(names, summarise(output.loss.detach(), *output.embeddings, tuple(output.terms.values())))


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
    summarise: Callable[..., Tensor] = summarise

    def __call__(self, index: Tensor, *, epoch: int | Tensor, lr: float | Tensor, progress: float | Tensor) -> Row:
        """One step; 0-d tensors on the device in place of numbers make no difference but that they can change under a
        captured graph."""
        view_a, view_b = self.views.both(self.images, index, epoch=epoch)
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
        return Row.of(output, self.summarise)


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


def compile_step(step: EagerStep) -> EagerStep:
    """The step with views, networks and loss compiled, which happens as it is first taken."""
    method, views = step.method, step.views
    few = torch.arange(min(FEW, step.settings.batch_size), device=step.images.device) % len(step.images)
    method.passes = CompiledPasses(at_once=pass_at_once(method, *views.both(step.images, few, epoch=0)))
    if method.judge is not None:
        method.judge = compiled(method.judge)
    if isinstance(views, AugmentedViews):
        views = CompiledViews(views, step.images.device)
    return replace(step, views=views, summarise=compiled(summarise))


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
    plain = step.method.passes, step.method.judge
    fast: EagerStep | None = None
    found: tuple[Step, Way] = step, Way.eager
    for name in list(Way)[list(Way).index(first) : -1]:
        try:
            with warnings.catch_warnings():
                for words in OF_DYNAMO:
                    warnings.filterwarnings("ignore", words)
                fast = fast or compile_step(step)
                found = tried(fast, name, index), name
            break
        except Exception as error:  # Dynamo, Inductor, Triton, the C++ compiler and CUDA each have their own
            if ailment(step.images.device.type) is not None:
                raise
            note(f"the step cannot be {name} here: {type(error).__name__}: {first_line(error)}")
        release(step.images.device.type)  # what half of a step took
    else:
        step.method.passes, step.method.judge = plain
    kept.restore()
    meter.restart()
    return found


def tried(step: EagerStep, way: Way, index: Tensor) -> Step:
    """The compiled step in one of the other ways, after it was taken once; raises what went wrong."""
    if way is Way.captured:
        with torch.cuda.stream(torch.cuda.current_stream(index.device)):  # after a failure torch 2.11 leaves its own
            return CapturedStep(step, index)
    step(index, epoch=0, lr=0.0, progress=0.0)
    return step


def first_line(error: Exception) -> str:
    """The first line of what an error says; Inductor's go on for pages."""
    return (str(error).strip().splitlines() or [""])[0][:300]
