"""Steps of training on the fake card: how each was taken, and what the card saw. What they are is the first argument.

methods: every method that trains x every optimiser, compiled by Inductor for the card, as a run has it.
arms: every shuffle arm x jitter, captured, its kernels torch's own; Inductor would take ten minutes for them.
resnet: Barlow Twins as on CIFAR-10, as a run has it.
"""

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, get_args

import torch
from torch._inductor.runtime import triton_heuristics

from barlowcli.machine.devices import Way, set_up
from barlowcli.methods.base import Networks
from barlowcli.networks.encoders import build_encoder
from barlowcli.networks.projectors import build_projector
from barlowcli.registry import METHODS, OPTIMIZERS, SHUFFLES
from barlowcli.settings.any_method import MethodSettings, settings_of
from barlowcli.settings.networks import EncoderSettings, ProjectorSettings
from barlowcli.settings.training import TrainingSettings
from barlowcli.settings.views import Jitter, ViewSettings
from barlowcli.training import step as module
from barlowcli.training.meter import Meter
from barlowcli.training.optimisers import build_optimizer
from barlowcli.training.step import CapturedStep, EagerStep, Step, prepare
from barlowcli.views.pipeline import AugmentedViews
from tests.gpu.card.instead import put
from tests.gpu.card.report import Report, anew, seen

SIDE, DIM, BATCH = 16, 32, 16
"""Of all steps but `resnet`: small, since a kernel has one name whatever its size."""


def step_of(
    method: MethodSettings,
    optimizer: str = "sgd",
    views: ViewSettings | None = None,
    *,
    encoder: str = "small",
    side: int = SIDE,
    dim: int = DIM,
    batch: int = BATCH,
    clip: float | None = None,
) -> EagerStep:
    """A step in bfloat16, its channels last, on images that are all black. batch: also how many images there are."""
    chosen = views or ViewSettings()
    net, features = build_encoder(EncoderSettings(name=encoder), image_size=side, channels=3 + chosen.random_bits)
    head = build_projector(ProjectorSettings(layers=3, hidden=dim, dim=dim), features) if method.projects else None
    built = METHODS.load(method.name)(method, Networks(net, head, features, dim, classes=10)).to("cuda")
    built = built.to(memory_format=torch.channels_last).train()
    training = TrainingSettings.model_validate(
        {"batch_size": batch, "precision": "bf16", "optimizer": optimizer, "clip_gradient": clip}
    )
    made = AugmentedViews(chosen, image_size=side, mean=[0.5] * 3, std=[0.25] * 3, seed=0)
    images = torch.zeros(batch, 3, side, side, dtype=torch.uint8, device="cuda")
    labels = torch.zeros(batch, dtype=torch.long, device="cuda")
    return EagerStep(built, build_optimizer(training, built), made, images, labels, training)


def reused(report: Report) -> list[int]:
    """Bytes of each part of the host's memory that the graph reads at each replay and that others may write to: it is
    among what torch hands out next."""
    found = []
    for address, size in report.host_sources:
        handed_out = [torch.empty(size, dtype=torch.uint8, pin_memory=True) for _ in range(64)]
        found += [size] if any(tensor.data_ptr() == address for tensor in handed_out) else []
    return found


Taking = Callable[[EagerStep, Callable[[str], None]], tuple[Step, Way]]


def prepared(step: EagerStep, note: Callable[[str], None]) -> tuple[Step, Way]:
    """As a run takes it when nothing else is asked for."""
    return prepare(step, None, Meter(step.method, step.optimizer, step.images.device), note)


def captured(step: EagerStep, note: Callable[[str], None]) -> tuple[Step, Way]:
    """As one graph of torch's own kernels."""
    return CapturedStep(step, torch.arange(step.settings.batch_size, device="cuda")), Way.captured


def taken(step: EagerStep, take: Taking) -> dict[str, Any]:
    """How it was taken, and what the card saw of it and of a replay."""
    notes: list[str] = []
    with anew():
        fast, way = take(step, notes.append)
        index = torch.arange(step.settings.batch_size, device="cuda")
        before = seen()
        fast(index, epoch=1, lr=0.1, progress=0.5)
        after = seen()
    replay = {name: count - before.calls[name] for name, count in after.calls.items() if count > before.calls[name]}
    return {
        "way": way,
        "notes": notes,
        "nodes": [dict(graph) for graph in after.graphs],
        "replay": replay,
        "violations": after.violations,
        "reused": reused(after),
        "layouts": dict(after.layouts),
        "others": dict(after.others),
    }


def methods() -> Iterator[tuple[str, EagerStep]]:
    """Every method with every optimiser; LARS with clipping."""
    for name in METHODS.names():
        for optimizer in OPTIMIZERS.names() if settings_of(name).trains else ():
            clip = 1.0 if optimizer == "lars" else None
            yield f"{name} {optimizer}", step_of(settings_of(name)(), optimizer, clip=clip)


def of_arm(arm: str, jitter: Jitter) -> tuple[str, EagerStep]:
    """A step on views with all that is done to them besides."""
    views = ViewSettings(shuffle=arm, jitter=jitter, blur=(0.5, 0.5), solarize=(0.2, 0.2), random_bits=2)
    return f"{arm} {jitter}", step_of(settings_of("barlow")(), views=views)


def arms() -> Iterator[tuple[str, EagerStep]]:
    """Every arm with every kind of jitter."""
    return itertools.starmap(of_arm, itertools.product(SHUFFLES.names(), get_args(Jitter)))


def resnet() -> Iterator[tuple[str, EagerStep]]:
    """The step whose nodes are counted."""
    yield "barlow", step_of(settings_of("barlow")(), encoder="resnet18", side=32, dim=2048, batch=512)


def choose_nothing() -> None:
    """Have Triton compile each kernel once: Inductor would choose among several by their time, which means nothing."""
    of_several = triton_heuristics.cached_autotune

    def of_one(size_hints: Any, configs: list[Any], *others: Any, **more: Any) -> Any:
        return of_several(size_hints, configs[:1], *others, **more)

    put(triton_heuristics, cached_autotune=of_one)


def main() -> None:
    """Print what came of each."""
    choose_nothing()
    set_up("cuda", deterministic=False)
    # Whether views may pass at once is a question of numbers, which the card does not know; tests/networks asks it.
    put(module, pass_at_once=lambda *arguments: True)
    which = sys.argv[1]
    steps = {"methods": methods, "arms": arms, "resnet": resnet}[which]
    take = captured if which == "arms" else prepared
    print(json.dumps({name: taken(step, take) for name, step in steps()}))


if __name__ == "__main__":
    main()
