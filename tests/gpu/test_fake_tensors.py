"""The whole path of a cell on fake tensors of a device that is not here: nothing that a CUDA graph could not capture,
nothing of two devices, nothing that Apple's devices do not have."""

import itertools

import pytest
import torch

from barlowcli.cell.build import build_method_on, make_views
from barlowcli.cell.evaluate import match_views, probe_networks
from barlowcli.evaluation.probes import Found, probe_histograms
from barlowcli.experiment.files import load_experiment
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.registry import OPTIMIZERS, SHUFFLES
from barlowcli.settings.methods import HistogramSettings
from barlowcli.settings.stages import trained_config
from barlowcli.training import compiled, step
from barlowcli.training.compiled import CompiledViews
from barlowcli.views.pipeline import probe_images
from tests.gpu.cells import SIDE, STATISTICS, config, dataset, faults_of, inputs, step_of, trained
from tests.gpu.watch import Watch

JITTERS = ("on", "off", "histogram")
PARTS = {"views__blur": [1.0, 0.1], "views__solarize": [0.0, 0.2], "views__random_bits": 2}


def both_ways(device: torch.device, method: str, optimizer: str) -> tuple[list[str], list[str]]:
    """What is wrong with a step as it is taken eagerly, and as it is compiled."""
    chosen = config(
        method__name=method,
        training__optimizer=optimizer,
        training__precision="bf16",
        training__clip_gradient=1.0,
    )
    eager = step_of(device, chosen)
    found = faults_of(eager)
    with Watch("cuda", step=False):  # while it is put together, it may look whether views can pass at once
        fast = step.compile_step(eager)
    assert isinstance(eager.method.passes, compiled.CompiledPasses)
    assert eager.method.passes.at_once
    return found, faults_of(fast)


def faults_of_views(device: torch.device, arm: str, jitter: str) -> list[str]:
    """What is wrong with both views of an arm, made one by one and at once, and with its images for probes."""
    chosen, data = config(device.type, views__shuffle=arm, views__jitter=jitter, **PARTS), dataset(device)
    views, images, index = make_views(chosen, data), data.train.images, torch.arange(8, device=device)
    epoch = inputs(device)["epoch"]
    mean, std = (values.tolist() for values in STATISTICS)
    with Watch(device.type, step=device.type == "cuda") as watch:
        made = [*views.both(images, index, epoch=epoch)]
        if device.type == "cuda":
            made += CompiledViews(views, device).both(images, index, epoch=epoch)
        probed = probe_images(images[:8], index, domain=arm, seed=0, mean=mean, std=std, random_bits=2)
    for view in (*made, probed):
        assert (view.device, view.dtype, view.shape) == (device, torch.float32, (8, 5, SIDE, SIDE))
    return watch.faults


def evaluated(device: torch.device, method: str = "byol") -> tuple[Found, Watch]:
    """Every probe there is, on what is not trained, and what is wrong with them."""
    chosen = config(
        device.type,
        method__name=method,
        evaluation__target=True,
        evaluation__mlp=True,
        evaluation__beside_histogram=True,
    )
    data = dataset(device)
    with device:
        networks = build_method_on(str(device), chosen, data)
    splits = {name: (part.images, part.all_labels) for name, part in data.splits.items()}
    with Watch(device.type, step=False) as watch:
        found = probe_networks(networks, chosen, data) | match_views(networks, chosen, data)
        settings = HistogramSettings()
        found |= probe_histograms(splits, settings, chosen.evaluation, classes=data.class_counts, seed=0)
    return found, watch


@pytest.mark.parametrize(("method", "optimizer"), [*itertools.product(trained(), OPTIMIZERS.names())])
def test_a_step_could_be_captured(cuda, uncompiled, method, optimizer):
    assert both_ways(cuda, method, optimizer) == ([], [])


@pytest.mark.parametrize(("arm", "jitter"), [*itertools.product(SHUFFLES.names(), JITTERS)])
def test_views_could_be_captured(cuda, uncompiled, arm, jitter):
    assert faults_of_views(cuda, arm, jitter) == []


def test_the_whole_evaluation_stays_on_the_device(cuda, short):
    found, watch = evaluated(cuda)
    assert watch.faults == []
    assert watch.waits > 0
    assert {*map(str, found)} >= {
        "linear.h.none.tint",
        "mlp.h.none.label",
        "knn20.target-z.pixels.label",
        "mlp.joint.none.label",
    }
    assert {metric.space for metric in found} >= {"h", "z", "target-h", "target-z", "h+joint", "joint", "marginal"}


@pytest.mark.parametrize(("method", "optimizer"), [*((name, "sgd") for name in trained()), ("barlow", "lars")])
def test_a_step_on_apple(mps, method, optimizer):
    eager = step_of(mps, config("mps", method__name=method, training__optimizer=optimizer))
    assert eager.settings.precision == "fp32"
    assert faults_of(eager) == []


@pytest.mark.parametrize("arm", SHUFFLES.names())
def test_views_on_apple(mps, arm):
    assert faults_of_views(mps, arm, "histogram") == []


def test_the_quick_preset_on_apple(mps, short):
    plan = build_plan(load_experiment("shuffle-test"), "quick", Overrides(), on_cuda=False)
    chosen = next(trained_config(cell.config) for cell in plan.cells if cell.config.training)
    assert faults_of(step_of(mps, chosen)) == []
    _, watch = evaluated(mps)
    assert watch.faults == []
