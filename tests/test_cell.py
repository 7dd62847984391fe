import json

import pytest
import torch
from safetensors.torch import load_file

from barlowcli.cell import build_method, dataset_on, run_cell
from barlowcli.errors import ConfigError
from barlowcli.records import Record, read_record
from barlowcli.training import Hooks
from tests.grids import options_for, tiny_plan


def one(tmp_path, method, shuffle="none", jitter="on", settings=None):
    plan = tiny_plan({"method": ["barlow", "byol", "simclr"], "shuffle": [shuffle], "jitter": [jitter]}, settings)
    cell = next(c for c in plan.cells if c.axes["method"] == method)
    return cell, run_cell(cell, options_for(tmp_path), Hooks())


@pytest.mark.parametrize("method", ["barlow", "byol", "simclr", "supervised", "random-init", "histogram"])
def test_a_cell_leaves_what_the_contract_lists(tmp_path, method):
    cell, record = one(tmp_path, method)
    folder = tmp_path / "cells" / cell.id
    expected = {"config.json", "record.json"}
    if method != "histogram":
        expected |= {"encoder.safetensors"}
    if method not in ("histogram", "random-init"):
        expected |= {"metrics.jsonl"}
    assert {path.name for path in folder.iterdir()} == expected
    assert read_record(folder) == record
    assert record.status == "ok"
    assert all(0 <= value <= 1 for name, value in record.metrics.items() if name.startswith(("linear", "knn", "mlp")))
    assert record.chance == {"label": 0.1, "colour": pytest.approx(0.12, abs=0.04)}
    assert record.provenance["data_digest"]
    assert record.counts["train"] == 270


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


def test_the_same_cell_gives_the_same_numbers_to_the_bit(tmp_path):
    _, first = one(tmp_path / "a", "byol", "pixels")
    _, second = one(tmp_path / "b", "byol", "pixels")
    assert first.metrics == second.metrics
    a, b = (load_file(next((tmp_path / name).rglob("encoder.safetensors"))) for name in "ab")
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_seed_starts_every_method_from_the_same_encoder(tmp_path):
    cells = {c.axes["method"]: c for c in tiny_plan({"method": ["barlow", "byol"]}).cells if c.config.encoder}
    data = dataset_on(cells["barlow"].config.data, tmp_path, "cpu")
    weights = [next(build_method(cell.config, data).encoder.parameters()) for cell in cells.values()]
    assert len(weights) == 4
    assert all(torch.equal(weights[0], other) for other in weights)


def test_what_an_untrained_encoder_scores_is_that_of_the_saved_weights(tmp_path):
    cell, _ = one(tmp_path, "random-init")
    data = dataset_on(cell.config.data, tmp_path, "cpu")
    saved = load_file(tmp_path / "cells" / cell.id / "encoder.safetensors")
    fresh = build_method(cell.config, data).encoder.state_dict()
    assert all(torch.equal(value, saved[f"encoder.{name}"]) for name, value in fresh.items())


def test_a_patch_that_does_not_tile_the_image_is_refused_before_training(tmp_path):
    with pytest.raises(ConfigError, match="patch-8 does not tile images of 20 x 20 pixels"):
        one(tmp_path, "barlow", shuffle="patch-8", settings={"data.image_size": 20})


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
