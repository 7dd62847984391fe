"""What a cell says that it needs is near what a step of it takes, and saying it changes nothing."""

import pytest
import torch

from barlowcli.cell.build import build_method_on, build_step
from barlowcli.cell.needs import CONTEXT, as_on_gpu, need_of
from barlowcli.cell.run import dataset_on
from barlowcli.machine.needs import Need
from barlowcli.settings.stages import encoder_config, trained_config
from barlowcli.training.meter import Meter
from tests.grids import tiny_plan


@pytest.mark.parametrize("method", ["barlow", "byol", "supervised"])
def test_a_training_step_is_counted_before_it_is_taken(tmp_path, method):
    plan = tiny_plan({"method": [method], "shuffle": ["none"], "jitter": ["on"]}, {"projector.hidden": 512})
    config = trained_config(next(cell.config for cell in plan.cells if cell.config.method.name == method))
    data = dataset_on(config.data, tmp_path, "cpu")
    network = build_method_on("cpu", config, data)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    need = need_of(network, config, data)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert network.training
    step = build_step("cpu", config, data, data.train.images, data.train.labels)
    meter = Meter(step.method, step.optimizer, torch.device("cpu"))
    with meter.step():
        step(torch.arange(config.training.batch_size), epoch=0, lr=0.0, progress=0.0)
    assert need.step == pytest.approx(meter.bytes.total, rel=0.4)  # without BYOL's predictor and averaged copy
    assert need.images == sum(part.images.nbytes for part in data.splits.values())


def test_a_cell_without_training_needs_what_its_probes_do(tmp_path):
    plan = tiny_plan()
    config = encoder_config(next(cell.config for cell in plan.cells if cell.config.method.name == "random-init"))
    data = dataset_on(config.data, tmp_path, "cpu")
    need = need_of(build_method_on("cpu", config, data), config, data)
    assert need.step == 0
    assert need.probe is not None
    assert need.probe > 2 * len(data.train) * data.train.images[0].numel() * 4


def test_on_a_gpu_all_of_it_is_counted_there_and_none_of_the_machine():
    found = as_on_gpu(Need(images=5, step=70, probe=30, counted=True))
    assert found.on_gpu == CONTEXT + 75
    assert found.total == 0
    assert as_on_gpu(Need(images=5, step=0, probe=30, counted=True)).on_gpu == CONTEXT + 35
