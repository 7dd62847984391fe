import json
import time
from typing import Any

import numpy as np
import pytest
import torch

from barlowcli.data.load import load_dataset
from barlowcli.measuring.growth import grown, line
from barlowcli.measuring.kinds import evenly, most_similar, probing_kind, step_kind
from barlowcli.measuring.probing import measure_probing
from barlowcli.measuring.sample import open_sample
from barlowcli.measuring.shares import Clock, Failure, measured
from barlowcli.measuring.step import count_kept, measure_step
from barlowcli.measuring.totals import estimate
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import read_record
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.data import DataSettings
from barlowcli.settings.stages import trained_config
from barlowcli.settings.tables import merge
from tests.grids import run_grid, tiny_plan

SMALL = DataSettings(limit=300, test_limit=200)


def config(**sections: Any) -> CellConfig:
    """Barlow Twins on small data with some settings."""
    value = {
        "data": {"limit": 300, "test_limit": 200},
        "method": {"name": "barlow"},
        "training": {"batch_size": 64, "precision": "fp32"},
        "evaluation": {"domains": ["none"]},
    }
    return CellConfig.model_validate(merge(value, sections))


def cell_of(settings: CellConfig) -> PlannedCell:
    return PlannedCell(id="cell", at={}, seed=0, control=False, config=settings)


@pytest.mark.parametrize(
    ("seconds", "largest", "sizes"),
    [(100, 100, [2, 8, 32, 100]), (0, 100, [2, 4]), (0, 3, [2, 3]), (100, 2, [2]), (0.11, 10_000, [2, 8, 32])],
)
def test_pieces_grow_as_long_as_the_next_should_end_in_time(monkeypatch, seconds, largest, sizes):
    """A piece takes a millisecond an image, by a clock that nothing else moves."""
    asked: list[int] = []
    monkeypatch.setattr("time.monotonic", lambda: sum(asked) / 1000)

    def measure(size: int) -> int:
        asked.append(size)
        return size**2

    assert grown(measure, 2, largest, seconds=seconds) == [(size, size**2) for size in sizes]
    assert asked == sizes


def test_a_line_is_that_of_the_last_two_points_and_never_falls_or_starts_below_nothing():
    points = [(2.0, 9.0), (8.0, 3.0), (32.0, 7.0)]
    slope, start = np.polyfit([8, 32], [3, 7], 1)
    assert line(points, 512) == pytest.approx(start + 512 * slope)
    assert line([(4.0, 3.0)], 64) == pytest.approx(48.0)
    assert line([(4.0, 5.0), (16.0, 3.0)], 64) == pytest.approx(3.0)
    assert line([(4.0, 1.0), (16.0, 8.0)], 64) == pytest.approx(32.0)


@pytest.mark.parametrize(
    "sections",
    [
        {"method": {"lambda": 0.1, "lambda_rule": "c/D"}},
        {"training": {"lr": 0.3, "epochs": 3}},
        {"views": {"hue": 0.2, "crop_scale": [0.5, 1.0]}},
        {"data": {"limit": 400}},
    ],
)
def test_what_changes_numbers_alone_makes_no_other_kind_of_step(sections):
    assert step_kind(config(**sections)) == step_kind(config())
    assert step_kind(config().model_copy(update={"seed": 4})) == step_kind(config())


@pytest.mark.parametrize(
    "sections",
    [
        {"method": {"name": "byol"}},
        {"method": {"target": "ema"}},
        {"method": {"predictor": True}},
        {"encoder": {"name": "resnet18"}},
        {"projector": {"dim": 64}},
        {"training": {"batch_size": 32}},
        {"data": {"image_size": 32}},
        {"views": {"jitter": "off"}},
        {"views": {"random_bits": 2}},
    ],
)
def test_what_changes_the_network_or_the_step_makes_another_kind(sections):
    assert step_kind(config(**sections)) != step_kind(config())


def test_probing_depends_on_the_encoder_and_what_is_probed_and_not_on_training():
    same: dict[str, Any]
    for same in ({"method": {"name": "byol"}}, {"views": {"jitter": "off"}}):
        assert probing_kind(config(**same)) == probing_kind(config())
    others: list[dict[str, Any]] = [
        {"projector": {"dim": 64}},
        {"evaluation": {"domains": ["none", "pixels"]}},
        {"data": {"limit": 400}},
    ]
    for other in others:
        assert probing_kind(config(**other)) != probing_kind(config())


def test_every_beginning_of_the_order_is_spread_over_all():
    names = [f"{index}" for index in range(16)]
    order = [int(name) for name in evenly(names)]
    assert sorted(order) == list(range(16))
    for count in (2, 4, 8):
        assert {index * count // 16 for index in order[:count]} == set(range(count))


def test_the_most_similar_kind_differs_in_the_fewest_settings_and_then_lies_nearest():
    kinds = [json.dumps({"method": {"name": name, "dim": dim}}) for name in "ab" for dim in (16, 32, 64)]
    assert most_similar(kinds[0], [kinds[2], kinds[4]], kinds) == kinds[2]
    assert most_similar(kinds[5], [kinds[0], kinds[2], kinds[3]], kinds) == kinds[3]


def test_out_of_time_one_kind_of_each_family_is_measured_and_a_failure_is_no_end():
    kinds = {json.dumps({"family": name, "size": size}): (name, size) for name in "abc" for size in (1, 2, 3, 4)}
    asked = []

    def measure(kind: tuple[str, int], seconds: float) -> float:
        asked.append(kind)
        if kind[0] == "b" and kind[1] < 3:
            raise ValueError("not this one")
        return 10.0 * kind[1]

    def alike(value: float, of: tuple[str, int], wanted: tuple[str, int]) -> float:
        assert of[0] == wanted[0]
        return value / of[1] * wanted[1]

    late = Clock(time.monotonic() - 1, len(kinds))
    by_kind = measured(kinds, measure, alike, late, family=lambda kind: kind[0])
    found = [by_kind[kind] for kind in kinds]
    assert [found[0:4], found[8:12]] == [[10.0, 20.0, 30.0, 40.0]] * 2
    assert sum(kind[0] != "b" for kind in asked) == 2
    for size, value in enumerate(found[4:8], start=1):
        assert value in (10.0 * size, Failure("ValueError: not this one"))
    assert 40.0 in found[4:8]

    asked.clear()
    early = Clock(time.monotonic() + 100, len(kinds))
    by_kind = measured(kinds, measure, alike, early, family=lambda kind: kind[0])
    found = [by_kind[kind] for kind in kinds]
    assert sorted(asked) == sorted(kinds.values())
    assert [isinstance(value, Failure) for value in found] == [False] * 4 + [True, True] + [False] * 6


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"method": {"name": "byol"}, "training": {"optimizer": "lars"}},
        {"method": {"name": "simclr"}, "training": {"optimizer": "adamw"}},
    ],
    ids=["barlow-sgd", "byol-lars", "simclr-adamw"],
)
def test_what_a_step_keeps_is_counted_without_a_step_and_its_activations_grow_with_the_batch(tmp_path, sections):
    settings = trained_config(config(**sections))
    data = open_sample(settings.data, tmp_path, "cpu").data
    whole, piece = (measure_step(settings, data, "cpu", seconds=seconds) for seconds in (60, 0))
    assert (whole.measured, piece.measured) == (64, 4)
    assert whole.bytes.kept == piece.bytes.kept == count_kept(settings, data)
    assert piece.bytes.activations == pytest.approx(whole.bytes.activations, rel=0.05)


@pytest.mark.parametrize("settings", [SMALL, DataSettings(limit=1800), DataSettings()])
def test_a_sample_knows_how_many_images_the_whole_has_and_has_all_classes(tmp_path, settings):
    sample = open_sample(settings, tmp_path, "cpu")
    whole = load_dataset(settings, root=tmp_path)
    sizes = (len(whole.pretrain), len(whole.train), len(whole.validation), len(whole.splits["test"]))
    assert (sample.sizes.pretrain, sample.sizes.train, sample.sizes.validation, sample.sizes.test) == sizes
    assert len(sample.data.train) + len(sample.data.validation) == min(1000, sizes[1] + sizes[2])
    assert len(sample.data.splits["test"]) == min(500, sizes[3])
    for part in sample.data.splits.values():
        assert len(torch.unique(part.labels)) == 10
    assert sample.note == ""


def test_an_estimate_is_what_a_run_of_some_cells_takes(tmp_path):
    plan = tiny_plan({"method": ["barlow", "byol"], "shuffle": ["none"], "jitter": ["on"]}, {"training.epochs": 8})
    found = estimate(plan.cells, data_root=tmp_path, device="cpu", workers=1)
    run_grid(plan, tmp_path)
    records = {cell.id: read_record(ResultsFolder(tmp_path).cell(cell.id)) for cell in plan.cells}
    took = sum(record.seconds["total"] - record.seconds["load"] for record in records.values() if record)
    assert found.notes == ()
    assert took / 3 < found.seconds < 3 * took  # within a few per cent of it on an idle machine
    assert sum(len(group.cells) for group in found.groups) == len(plan.cells)
    most = 0
    for group in found.groups:
        for cell in group.cells:
            record = records[cell.id]
            assert record is not None
            assert group.steps == record.counts["steps"]
            assert group.memory_bytes == record.counts.get("training_bytes", 0)
            most = max(most, group.memory_bytes)
    assert found.memory_bytes == most > 0
    two = estimate(plan.cells[:2], data_root=tmp_path, device="cpu", workers=2)
    assert two.seconds == pytest.approx(max(group.cell_seconds for group in two.groups))


def test_data_that_are_not_here_are_measured_on_noise_and_never_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *address: pytest.fail(f"a connection to {address[1:]}"))
    settings = config(
        data={"name": "cifar10", "limit": 11_200, "test_limit": 500}, training={"batch_size": 128, "epochs": 6}
    )
    found = estimate([cell_of(settings)], data_root=tmp_path, device="cpu", workers=1, budget=4)
    (group,) = found.groups
    assert group.steps == 6 * (10_080 // 128)
    assert found.seconds > group.train_seconds > 0
    assert found.notes[0] == (
        f"cifar10 is not in {tmp_path} yet and a run would download it; measured on noise of its published size"
    )
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_measured_is_left_out_and_says_why(tmp_path):
    good = cell_of(config())
    cells = [
        good,
        cell_of(config(training={"batch_size": 5000})),
        cell_of(config(data={"image_size": 20}, views={"shuffle": "patch-16"})),
        cell_of(config(data={"name": f"folder:{tmp_path / 'nowhere'}"})),
    ]
    threads = torch.get_num_threads()
    found = estimate(cells, data_root=tmp_path, device="cpu", workers=1, budget=4)
    assert [group.cells for group in found.groups] == [(good,)]
    text = "\n".join(found.notes)
    assert "1 cell cannot be measured and is left out: 270 training images do not fill one batch of 5000" in text
    assert "1 cell cannot be measured and is left out: views.shuffle: patch-16 needs a side that 16 divides" in text
    assert f"{tmp_path / 'nowhere'}: no such file or folder" in text
    assert torch.get_num_threads() == threads
    nothing = estimate(cells[1:], data_root=tmp_path, device="cpu", workers=1, budget=4)
    assert (nothing.seconds, nothing.groups, len(nothing.notes)) == (0.0, (), 3)


def test_probing_of_embeddings_too_wide_is_drawn_out_from_narrower_ones(tmp_path):
    def seconds(dim: int) -> float:
        settings = config(projector={"layers": 1, "dim": dim})
        sample = open_sample(settings.data, tmp_path, "cpu")
        return measure_probing(settings, sample.data, sample.sizes, "cpu", seconds=0).seconds

    start = time.monotonic()
    wide = seconds(16_384)  # its principal axes alone would take the better part of an hour
    assert time.monotonic() - start < 60
    assert wide > 8 * seconds(1024)
