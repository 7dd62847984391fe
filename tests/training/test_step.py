"""The ways to take a step: one arithmetic, no trace of what was tried, nothing compiled twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from barlowcli.data.load import load_dataset
from barlowcli.machine.devices import Way
from barlowcli.registry import METHODS
from barlowcli.settings.any_method import MethodSettings, settings_of
from barlowcli.settings.data import DataSettings
from barlowcli.settings.methods import BarlowSettings, ByolSettings
from barlowcli.settings.training import TrainingSettings
from barlowcli.settings.views import ViewSettings
from barlowcli.training import compiled as module
from barlowcli.training import step as taking
from barlowcli.training.compiled import CompiledPasses, compiled
from barlowcli.training.meter import Meter
from barlowcli.training.optimisers import build_optimizer
from barlowcli.training.step import EagerStep, State, Step, prepare
from barlowcli.views.pipeline import AugmentedViews
from tests.small_methods import small_method

DATA = load_dataset(DataSettings(limit=100, image_size=12), root=Path("unused"))
INDEX = torch.arange(32)


@pytest.fixture(scope="module")
def aot():
    """torch.compile without Inductor's kernels: the same tracing, a second instead of a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BACKEND", "aot_eager")
        yield from anew()


@pytest.fixture
def uncompiled(aot):
    """As if nothing had been compiled yet."""
    yield from anew()


def anew() -> Iterator[None]:
    compiled.cache_clear()
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    yield
    compiled.cache_clear()


def eager(
    settings: MethodSettings | None = None,
    *,
    seed: int = 0,
    optimizer: str = "sgd",
    views: ViewSettings | None = None,
) -> EagerStep:
    method = small_method(settings or BarlowSettings(loss_scale=0.01), side=12, dim=8, hidden=16, seed=seed)
    training = TrainingSettings.model_validate({"batch_size": 32, "optimizer": optimizer})
    made = AugmentedViews(views or ViewSettings(), image_size=12, mean=[0.2] * 3, std=[0.3] * 3, seed=seed)
    method.train()
    return EagerStep(method, build_optimizer(training, method), made, DATA.train.images, DATA.train.labels, training)


def prepared(step: EagerStep, way: Way | None) -> tuple[Step, Way, list[str]]:
    notes: list[str] = []
    found, taken = prepare(step, way, Meter(step.method, step.optimizer, torch.device("cpu")), notes.append)
    return found, taken, notes


def at_once(step: EagerStep) -> bool:
    assert isinstance(step.method.passes, CompiledPasses)
    return step.method.passes.at_once


def losses(step: Step, count: int = 4) -> Tensor:
    return torch.stack([step(INDEX, epoch=k // 2, lr=0.05, progress=k / count).values for k in range(count)])


def test_a_cpu_takes_its_steps_eagerly_unless_asked_otherwise():
    step = eager()
    found, taken, notes = prepared(step, None)
    assert found is step
    assert (taken, notes) == (Way.eager, [])


@pytest.mark.parametrize("optimizer", ["sgd", "lars", "adamw"])
@pytest.mark.parametrize("settings", [BarlowSettings(loss_scale=0.01), ByolSettings()], ids=lambda s: s.name)
def test_a_compiled_step_has_the_numbers_of_an_eager_one(aot, settings, optimizer):
    found, taken, notes = prepared(eager(settings, optimizer=optimizer), Way.compiled)
    assert (taken, notes) == (Way.compiled, [])
    # AdamW divides by the size of a gradient, and so makes much of the rounding of small ones
    rtol, atol = (1e-3, 1e-4) if optimizer == "adamw" else (1e-4, 1e-5)
    torch.testing.assert_close(losses(found), losses(eager(settings, optimizer=optimizer)), rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", [name for name in METHODS.names() if settings_of(name)().trains])
def test_compiled_gradients_and_statistics_of_every_method_are_those_of_an_eager_step(aot, name):
    one, other = (eager(settings_of(name)()) for _ in range(2))
    fast, _, _ = prepared(other, Way.compiled)
    assert at_once(other)
    for step in (one, fast):
        step(INDEX, epoch=3, lr=0.0, progress=0.0)
    pairs = list(zip(one.method.parameters(), other.method.parameters(), strict=True))
    size = torch.stack([mine.grad.norm() for mine, _ in pairs if mine.grad is not None]).norm()
    for mine, theirs in pairs:
        assert (mine.grad is None) == (theirs.grad is None)
        assert mine.grad is None or theirs.grad is None or (mine.grad - theirs.grad).norm() <= 1e-5 * size
    for kept, found in zip(one.method.buffers(), other.method.buffers(), strict=True):
        torch.testing.assert_close(found, kept, rtol=1e-4, atol=1e-6)


class MinusMean(nn.Module):
    """Has images of a batch know of one another, as no layer of ours does."""

    def forward(self, z: Tensor) -> Tensor:
        return z - z.mean(0)


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), MinusMean()], ids=["random", "of the batch"])
def test_views_that_a_network_would_mix_pass_one_by_one(aot, layer):
    one, other = (eager(BarlowSettings(loss_scale=0.01)) for _ in range(2))
    for step in (one, other):
        assert isinstance(step.method.projector, nn.Sequential)
        step.method.projector.append(layer)
    found, taken, notes = prepared(other, Way.compiled)
    assert (taken, notes) == (Way.compiled, [])
    assert not at_once(other)
    if isinstance(layer, MinusMean):
        torch.testing.assert_close(losses(found, 2), losses(one, 2), rtol=1e-4, atol=1e-5)


def test_what_was_tried_leaves_no_trace(aot):
    step = eager(optimizer="adamw")
    losses(step)  # so that the optimiser has a state to lose
    before = State(step.method, step.optimizer)
    prepared(step, Way.compiled)
    after = State(step.method, step.optimizer)
    assert before.weights.keys() == after.weights.keys()
    assert all(torch.equal(value, after.weights[name]) for name, value in before.weights.items())
    assert before.moments.keys() == after.moments.keys()
    assert all(torch.equal(value, after.moments[key]) for key, value in before.moments.items())


def test_another_cell_of_the_same_architecture_and_views_is_not_compiled_again(uncompiled):
    for seed, settings in ((0, BarlowSettings()), (1, BarlowSettings(lambda_=0.1)), (2, ByolSettings())):
        prepared(eager(settings, seed=seed), Way.compiled)
        if seed == 0:
            first = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert first == 4  # views, network, loss, summary
    # another loss for each of the two, and BYOL's averaged copy and its summary, which has fewer terms
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == first + 4


def test_views_that_are_not_alike_are_compiled_as_one_function_too(uncompiled):
    step = eager(views=ViewSettings(solarize=(0.0, 0.2)))
    found, taken, _ = prepared(step, Way.compiled)
    assert taken is Way.compiled
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 4
    torch.testing.assert_close(
        losses(found), losses(eager(views=ViewSettings(solarize=(0.0, 0.2)))), rtol=1e-4, atol=1e-5
    )


def test_a_way_that_fails_gives_way_to_the_next_and_says_why(aot):
    found, taken, notes = prepared(eager(), Way.captured)
    assert taken is Way.compiled  # there is no CUDA here to capture with
    assert len(notes) == 1
    assert notes[0].startswith("the step cannot be captured here: ")
    torch.testing.assert_close(losses(found), losses(eager()), rtol=1e-4, atol=1e-5)


def test_without_a_compiler_it_is_eager_and_says_why(monkeypatch):
    def refuse(*arguments: object) -> None:
        raise RuntimeError("no compiler\nand a page of reasons")

    monkeypatch.setattr(module, "compiled", lambda function: refuse)
    step = eager()
    found, taken, notes = prepared(step, Way.compiled)
    assert (found, taken) == (step, Way.eager)
    assert notes == ["the step cannot be compiled here: RuntimeError: no compiler"]
    assert torch.equal(losses(found), losses(eager()))


def test_after_a_capture_that_failed_the_current_stream_is_what_it_was(monkeypatch):
    current = ["the one before"]

    class Entered:
        def __init__(self, stream: str) -> None:
            self.stream = stream

        def __enter__(self) -> None:
            self.before, current[0] = current[0], self.stream

        def __exit__(self, *error: object) -> None:
            current[0] = self.before

    def leave_a_private_one(*arguments: object) -> None:  # as torch 2.11 does where capture_end raises
        current[0] = "private"
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: current[0])
    monkeypatch.setattr(torch.cuda, "stream", Entered)
    monkeypatch.setattr(taking, "CapturedStep", leave_a_private_one)
    with pytest.raises(RuntimeError, match="not permitted"):
        taking.tried(eager(), Way.captured, INDEX)
    assert current == ["the one before"]


def test_a_device_that_is_lost_is_not_tried_in_another_way(monkeypatch):
    tried_ways = []

    def lose(step: EagerStep, way: Way, index: Tensor) -> Step:
        tried_ways.append(way)
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(taking, "tried", lose)
    monkeypatch.setattr(taking, "ailment", lambda device: "CUDA error: an illegal memory access was encountered")
    with pytest.raises(RuntimeError, match="an illegal memory access"):
        prepared(eager(), Way.captured)
    assert tried_ways == [Way.captured]
