import gc
import weakref

import psutil
import pytest
import torch
from torch import Tensor, nn

from barlowcli.methods.base import Method, Networks, Output
from barlowcli.methods.byol import build
from barlowcli.settings.methods import ByolSettings
from barlowcli.settings.training import TrainingSettings
from barlowcli.training.meter import Meter, SavedForBackward, kept_bytes
from barlowcli.training.optimisers import build_optimizer
from barlowcli.training.step import EagerStep, Row
from barlowcli.views.base import Views

FLOAT = 4
BATCH = 32
IMAGES = torch.randint(0, 256, (BATCH, 3, 8, 8), dtype=torch.uint8)
PIXELS = 3 * 8 * 8
WEIGHTS = FLOAT * (PIXELS * 5 + 2 * 5)
"""Of the linear layer, and of BatchNorm."""
BUFFERS = FLOAT * 2 * 5 + 8
"""Running mean and variance, and the number of batches, int64."""


class Tiny(Method):
    """Pixels, a linear layer, BatchNorm, ReLU; the loss is the mean square."""

    def __init__(self) -> None:
        super().__init__(nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 5, bias=False), nn.BatchNorm1d(5)), None)

    def forward(self, view_a: Tensor, view_b: Tensor, labels: Tensor) -> Output:
        z_a, z_b = self.embed(view_a).relu_(), self.embed(view_b).relu_()
        loss = z_a.square().mean() + z_b.square().mean()
        return Output(loss, {}, (z_a.detach(), z_b.detach()))


class Rolled(Views):
    def __call__(self, images: Tensor, index: Tensor, *, epoch: int | Tensor, view: int) -> Tensor:
        return (images[index] / 255).roll(view, 3)


def step(method: Method, optimizer: torch.optim.Optimizer, settings: TrainingSettings) -> Row:
    take_step = EagerStep(method, optimizer, Rolled(), IMAGES, torch.zeros(BATCH).long(), settings)
    return take_step(torch.arange(BATCH), epoch=0, lr=0.1, progress=0.0)


def measured(method: Method, settings: TrainingSettings, steps: int = 1) -> Meter:
    optimizer = build_optimizer(settings, method)
    meter = Meter(method, optimizer, torch.device("cpu"))
    for _ in range(steps):
        with meter.step():
            step(method, optimizer, settings)
    return meter


def test_the_bytes_of_a_small_network_are_those_of_arithmetic():
    # Saved for each view: the pixels laid flat, BatchNorm's input and its statistics, ReLU's output, which the square
    # saves again. The weights are saved too, and are counted once.
    activations = 2 * FLOAT * (BATCH * PIXELS + BATCH * 5 + 2 * 5 + BATCH * 5)
    momentum, gradients = WEIGHTS, WEIGHTS
    meter = measured(Tiny(), TrainingSettings())
    assert meter.bytes.activations == activations
    assert meter.bytes.kept == WEIGHTS + BUFFERS + gradients + momentum
    assert meter.cost().counts == {"training_bytes": activations + 3 * WEIGHTS + BUFFERS}
    assert measured(Tiny(), TrainingSettings(), steps=3).cost().counts == meter.cost().counts


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        (TrainingSettings(momentum=0), 0),
        (TrainingSettings(optimizer="lars"), WEIGHTS),
        (TrainingSettings(optimizer="adamw"), 2 * WEIGHTS + 3 * FLOAT),  # and the number of steps of each parameter
    ],
    ids=["no-momentum", "lars", "adamw"],
)
def test_the_state_of_an_optimiser_is_counted_as_it_is(settings, state):
    assert measured(Tiny(), settings).bytes.kept == 2 * WEIGHTS + BUFFERS + state


def test_an_averaged_target_is_kept_beside_the_network_and_saves_nothing():
    def network() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 5, bias=False), nn.BatchNorm1d(5))

    def bytes_of(settings: ByolSettings) -> tuple[int, int]:
        method = build(settings, Networks(network(), None, feature_dim=5, embedding_dim=5, classes=2))
        found = measured(method, TrainingSettings()).bytes
        return found.kept, found.activations

    averaged, stopped = bytes_of(ByolSettings()), bytes_of(ByolSettings(target="stop-gradient"))
    assert averaged[0] - stopped[0] == WEIGHTS + BUFFERS
    assert averaged[1] == stopped[1]


def test_training_is_the_same_to_the_bit_whether_it_is_measured_or_not():
    torch.manual_seed(0)
    plain, watched = Tiny(), Tiny()
    watched.load_state_dict(plain.state_dict())
    settings = TrainingSettings()
    optimizer = build_optimizer(settings, plain)
    for _ in range(3):
        step(plain, optimizer, settings)
    measured(watched, settings, steps=3)
    assert all(torch.equal(value, watched.state_dict()[name]) for name, value in plain.state_dict().items())


def test_nothing_is_kept_longer_than_autograd_keeps_it():
    weight = torch.ones(3, requires_grad=True)
    saved = SavedForBackward([weight])
    with saved:
        product = (weight * 2).exp()
        alive = weakref.ref(product)
        loss = product.sum()
        del product
        loss.backward()
    del loss
    gc.collect()
    assert alive() is None
    assert saved.bytes == FLOAT * 3  # exp saves its result


def test_the_time_of_a_step_leaves_the_first_out(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    settings = TrainingSettings()
    method = Tiny()
    optimizer = build_optimizer(settings, method)
    meter = Meter(method, optimizer, torch.device("cpu"))
    for seconds in (50.0, 2.0, 4.0):
        with meter.step():
            now[0] += seconds
            step(method, optimizer, settings)
    assert meter.cost().seconds["step"] == 3.0
    assert "step" not in measured(Tiny(), settings).cost().seconds


def test_without_a_step_there_is_no_cost():
    method = Tiny()
    meter = Meter(method, build_optimizer(TrainingSettings(), method), torch.device("cpu"))
    assert (meter.cost().counts, meter.cost().seconds) == ({}, {})
    assert kept_bytes(method, meter.optimizer) == 2 * WEIGHTS + BUFFERS


class Unfinished(Method):
    """Wide layers whose loss fails once autograd has saved everything."""

    def __init__(self) -> None:
        super().__init__(nn.Sequential(nn.Flatten(), nn.Linear(PIXELS, 2**15), nn.ReLU(), nn.Tanh()), None)

    def forward(self, view_a: Tensor, view_b: Tensor, labels: Tensor) -> Output:
        self.embed(view_a).square().mean()
        raise RuntimeError("no memory for the loss")


def resident() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


def test_a_step_that_fails_leaves_no_memory_behind():
    method, settings = Unfinished(), TrainingSettings()
    optimizer = build_optimizer(settings, method)

    def fail() -> None:
        meter = Meter(method, optimizer, torch.device("cpu"))
        with pytest.raises(RuntimeError, match="no memory for the loss"), meter.step():
            step(method, optimizer, settings)

    fail()
    before = resident()
    for _ in range(10):
        fail()
    each = FLOAT * BATCH * 2**15  # of one activation, of which a step saves two: twenty would be left
    assert resident() - before < 5 * each
