import json
from collections import Counter

import pytest
import torch
from safetensors.torch import load_file

from barlowcli.cell import run
from barlowcli.cell.build import build_method, make_views
from barlowcli.cell.evaluate import domain_batches
from barlowcli.cell.run import dataset_on, open_data, run_cell
from barlowcli.errors import CellError
from barlowcli.machine.devices import ON_THE_PROCESSOR
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import Record, read_record
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.stages import encoder_config, trained_config
from barlowcli.training.loop import Hooks
from tests.grids import options_for, tiny_plan


def one(tmp_path, method, shuffle="none", jitter="on", settings=None):
    plan = tiny_plan({"method": ["barlow", "byol", "simclr"], "shuffle": [shuffle], "jitter": [jitter]}, settings)
    cell = next(c for c in plan.cells if c.axes["method"] == method)
    return cell, run_cell(cell, options_for(tmp_path), Hooks())


@pytest.mark.parametrize("method", ["barlow", "byol", "simclr", "supervised", "random-init", "histogram"])
def test_a_cell_leaves_what_the_contract_lists(tmp_path, method):
    cell, record = one(tmp_path, method)
    folder = ResultsFolder(tmp_path).cell(cell.id)
    expected = {"config.json", "record.json", "predictions.safetensors"}
    if method != "histogram":
        expected |= {"encoder.safetensors"}
    if method not in ("histogram", "random-init"):
        expected |= {"metrics.jsonl"}
    assert {path.name for path in folder.path.iterdir()} == expected
    assert read_record(folder) == record
    assert record.status == "ok"
    assert all(0 <= value <= 1 for name, value in record.metrics.items() if name.startswith(("linear", "knn", "mlp")))
    options = options_for(tmp_path)
    colours = dataset_on(cell.config.data, options.data_root, options.device).judged.factors["colour"].tolist()
    most = Counter(colours).most_common(1)[0][1]
    assert record.chance == {"label": 0.1, "colour": pytest.approx(most / len(colours), abs=1e-6)}
    assert record.provenance["data_digest"]
    assert record.counts["train"] == 270
    trains = method not in ("histogram", "random-init")
    assert ("training_bytes" in record.counts, "step" in record.seconds) == (trains, trains)


def test_a_cell_tells_what_a_step_of_it_costs(tmp_path):
    cost = {method: one(tmp_path, method)[1] for method in ("barlow", "byol")}
    # BYOL keeps a second encoder and projector, and a predictor.
    assert cost["byol"].counts["training_bytes"] > cost["barlow"].counts["training_bytes"] > 2**20
    for record in cost.values():
        others = record.seconds["step"] * (record.counts["steps"] - 1)  # the first is not timed; all lie in training
        assert 0.001 * record.seconds["train"] < others <= record.seconds["train"]


def test_a_trained_cell_is_probed_in_every_domain_space_and_label(tmp_path):
    _, record = one(tmp_path, "barlow", shuffle="patch-4")
    for domain in ("none", "pixels", "patch-4"):
        for space in ("h", "z"):
            assert {f"linear.{space}.{domain}.{label}" for label in ("label", "colour")} <= set(record.metrics)
            assert f"knn200.{space}.{domain}.label" in record.metrics
            assert f"rankme.{space}.{domain}" in record.metrics
            assert f"std.{space}.{domain}" in record.metrics
        assert f"histogram_r2.h.{domain}" in record.metrics
    assert "matching" in record.metrics
    assert record.domain == "patch-4"
    assert record.probes["knn200.h.none.label"]["k"] == 200


@pytest.mark.parametrize("method", ["barlow", "supervised", "random-init", "histogram"])
def test_like_probes_are_in_the_record_of_every_encoder_on_request(tmp_path, method):
    _, record = one(tmp_path, method, settings={"evaluation.mlp": True, "evaluation.beside_histogram": True})
    wanted = {f"{probe}.{domain}.label" for probe in ("mlp.h", "linear.h+joint") for domain in ("none", "pixels")}
    found = {name for name in record.metrics if name.startswith(("mlp.h.", "linear.h+joint."))}
    if method == "histogram":
        assert not found
    else:
        assert wanted <= found
        assert "mlp.z.none.label" not in record.metrics


@pytest.mark.parametrize("method", ["barlow", "supervised", "random-init"])
def test_a_cell_with_random_bits_is_trained_and_probed_on_them(tmp_path, method):
    cell, record = one(tmp_path, method, settings={"views.random_bits": 4})
    assert record.status == "ok"
    assert {f"linear.h.{domain}.label" for domain in ("none", "pixels")} <= set(record.metrics)
    channels = 3 if method == "random-init" else 7  # an untrained control has no views, and no bits
    saved = load_file(tmp_path / "cells" / cell.id / "encoder.safetensors")
    assert saved["encoder.0.weight"].shape[1] == channels
    data, config = dataset_on(cell.config.data, tmp_path, "cpu"), encoder_config(cell.config)
    shapes = {batch.shape[1] for part in ("train", "test") for batch in domain_batches(config, data, part, "none")}
    assert shapes == {channels}


def test_images_are_probed_without_the_bits_that_their_views_have(tmp_path):
    plan = tiny_plan({"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]}, {"views.random_bits": 32})
    config = trained_config(plan.cells[0].config)
    data = dataset_on(config.data, tmp_path, "cpu")
    order = torch.arange(len(data.train)).flip(0)
    views = make_views(config, data)(data.pretrain, order, epoch=1, view=1)
    assert len(views[:, 3:, 0, 0].unique(dim=0)) == len(order)
    for part in data.splits:
        assert not torch.cat(list(domain_batches(config, data, part, "none")))[:, 3:].any()


def test_the_same_cell_gives_the_same_numbers_to_the_bit(tmp_path):
    _, first = one(tmp_path / "a", "byol", "pixels")
    _, second = one(tmp_path / "b", "byol", "pixels")
    assert first.metrics == second.metrics
    a, b = (load_file(next((tmp_path / name).rglob("encoder.safetensors"))) for name in "ab")
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_seed_starts_every_method_from_the_same_encoder(tmp_path):
    cells = {c.axes["method"]: c for c in tiny_plan({"method": ["barlow", "byol"]}).cells if c.config.encoder}
    data = dataset_on(cells["barlow"].config.data, tmp_path, "cpu")
    weights = [next(build_method(encoder_config(cell.config), data).encoder.parameters()) for cell in cells.values()]
    assert len(weights) == 4
    assert all(torch.equal(weights[0], other) for other in weights)


def test_what_an_untrained_encoder_scores_is_that_of_the_saved_weights(tmp_path):
    cell, _ = one(tmp_path, "random-init")
    data = dataset_on(cell.config.data, tmp_path, "cpu")
    saved = load_file(tmp_path / "cells" / cell.id / "encoder.safetensors")
    fresh = build_method(encoder_config(cell.config), data).encoder.state_dict()
    assert all(torch.equal(value, saved[f"encoder.{name}"]) for name, value in fresh.items())


def test_a_patch_that_does_not_tile_the_image_is_refused_before_training(tmp_path):
    # The side of colour-digits is not in the config, so only the cell finds out.
    plan = tiny_plan({"method": ["barlow"], "shuffle": ["patch-16"], "jitter": ["on"]})
    cell = plan.cells[0].model_copy(update={"config": with_side(plan.cells[0].config, 20)})
    with pytest.raises(CellError, match="patch-16"):
        run_cell(cell, options_for(tmp_path), Hooks())
    assert not (tmp_path / "cells" / cell.id / "metrics.jsonl").exists()


def with_side(config: CellConfig, side: int) -> CellConfig:
    return config.model_copy(update={"data": config.data.model_copy(update={"image_size": side})})


def test_a_cell_that_diverges_has_a_record_without_numbers(tmp_path):
    settings = {"training.lr": 1e30, "training.batch_size": 32, "training.warmup_epochs": 0}
    _, record = one(tmp_path, "barlow", settings=settings)
    assert record.status == "diverged"
    assert record.event_step is not None
    assert "not finite" in record.message
    assert record.metrics == {}


def test_the_record_holds_no_path_of_this_machine(tmp_path):
    cell, record = one(tmp_path, "random-init")
    text = json.dumps(record.model_dump(mode="json"))
    assert str(tmp_path) not in text
    assert Record.model_validate(json.loads(text)).config["method"] == {"name": "random-init"}
    assert cell.id == record.id


def test_what_a_device_leaves_to_the_processor_is_said_once_and_its_draws_are_checked(tmp_path, monkeypatch):
    notes: list[str] = []
    checked: list[str] = []
    monkeypatch.setattr(run, "check_draws", checked.append)
    monkeypatch.setitem(ON_THE_PROCESSOR, "cpu", "sorts are done elsewhere")
    open_data(tiny_plan().cells[0], options_for(tmp_path), Hooks(note=notes.append))
    assert checked == ["cpu"]
    assert notes.count("on cpu, sorts are done elsewhere") == 1
