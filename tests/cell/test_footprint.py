"""What a cell is said to take is what it takes, and one that will not fit is refused before it trains."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from barlowcli.cell import run as cell_run
from barlowcli.cell.footprint import DIM_STEP, Counts, footprint, largest_dim, misfit
from barlowcli.cell.run import dataset_on, image_counts, run_cell
from barlowcli.errors import CellError
from barlowcli.evaluation.memory import probing_bytes
from barlowcli.machine.needs import Most, most_on
from barlowcli.measuring import totals
from barlowcli.measuring.totals import estimate
from barlowcli.plan.plan import PlannedCell
from barlowcli.running import beforehand
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.tables import merge
from barlowcli.training.loop import Hooks
from tests.grids import options_for, tiny_plan

CIFAR = Counts(45_000, 45_000, 5_000, 10_000, 3 * 32 * 32)
GIB = 2**30
H200 = Most(139 * GIB, "and the GPU has 139.0 GiB")


def wide(dim: int, **sections: Any) -> CellConfig:
    """Barlow Twins as the preset cifar10 has it, at another D."""
    value = {
        "data": {"name": "cifar10"},
        "encoder": {"name": "resnet18"},
        "projector": {"layers": 3, "hidden": "tied", "dim": dim},
        "training": {"batch_size": 512},
    }
    return CellConfig.model_validate(merge(value, {"method": {"name": "barlow"}} | sections))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc says how much a process had")
@pytest.mark.parametrize(("width", "train"), [(1024, 2000), (256, 20_000)])
def test_probes_take_what_is_counted_and_at_most_half_as_much_again(width: int, train: int) -> None:
    """Once where the sides of the Gram matrix weigh most, once where the rows do."""
    command = [sys.executable, "-m", "tests.cell.probe_peak", str(width), str(train)]
    taken = int(subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout)
    counted = probing_bytes((width,), train, train // 8, train // 4)
    assert 0.9 * counted < taken < 1.5 * counted


def test_a_cell_takes_its_images_and_the_more_of_training_and_evaluation() -> None:
    small, large = footprint(wide(2048), CIFAR), footprint(wide(16_384), CIFAR)
    assert small.images == large.images == 60_000 * 3072
    assert large.total == large.images + max(large.training, large.probing)
    features = 4 * (512 + 16_384) * 60_000
    assert large.probing > features + 3 * 8 * 16_384**2  # the Gram matrix of the ridge, shifted, and its factor
    assert footprint(wide(16_384), CIFAR, activations=GIB).training == large.training + GIB
    by_lars = footprint(wide(16_384, training={"optimizer": "lars"}), CIFAR).training
    assert by_lars / large.training == pytest.approx(5 / 3)  # weights, gradients, momentum; updates and steps
    many = replace(CIFAR, train=450_000, pretrain=450_000)
    assert footprint(wide(16_384), many).probing < 10 * large.probing  # no copy of the features in float64


def test_square_matrices_of_a_loss_are_counted_where_it_makes_them() -> None:
    dim = 16_384
    sections: dict[str, dict[str, Any]] = {
        "barlow": {"method": {"name": "barlow"}},
        "cross-entropy": {"method": {"name": "barlow", "terms": "cross-entropy"}},
        "large batch": {"training": {"batch_size": 8192}},
        "vicreg": {"method": {"name": "vicreg"}},
    }
    training = {name: footprint(wide(dim, **section), CIFAR).training for name, section in sections.items()}
    more = {name: (value - training["barlow"]) / (4 * dim**2) for name, value in training.items()}
    assert more == {"barlow": 0, "cross-entropy": 4, "large batch": 2, "vicreg": 3}


def test_the_largest_dimension_that_fits_is_named_and_fits() -> None:
    assert misfit(wide(16_384), CIFAR, H200) == ""
    most = Most(10 * GIB, "and the GPU has 10.0 GiB")
    dim = largest_dim(wide(16_384), CIFAR, most.bytes)
    assert dim is not None
    assert 2048 < dim < 16_384
    assert footprint(wide(dim), CIFAR).total <= most.bytes < footprint(wide(dim + DIM_STEP), CIFAR).total
    reason = misfit(wide(16_384), CIFAR, most)
    assert reason.startswith("it will not fit at D = 16384: it needs 0.2 GiB for its images and ")
    assert reason.endswith(f" in evaluation, and the GPU has 10.0 GiB; the largest D that fits is {dim}")
    assert misfit(wide(64), CIFAR, Most(GIB // 10, "and …")).endswith("; no smaller D fits either")


def test_hidden_layers_that_were_tied_go_with_the_largest_dimension() -> None:
    as_number = {"projector": {"layers": 3, "hidden": 300_000, "dim": 300_000}}
    assert largest_dim(wide(300_000, **as_number), CIFAR, 139 * GIB) == largest_dim(wide(300_000), CIFAR, 139 * GIB)


def test_the_memory_of_a_cpu_is_that_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "100")
    assert most_on("cpu").bytes == 100 * 2**20
    assert "SLURM_MEM_PER_NODE" in most_on("cpu").words


def tiny(dims: list[str]) -> list[PlannedCell]:
    plan = tiny_plan({"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]})
    barlow = next(cell for cell in plan.cells if cell.config.method.name == "barlow")
    assert barlow.config.projector is not None
    cells = []
    for dim in dims:
        projector = barlow.config.projector.model_copy(update={"dim": int(dim)})
        config = barlow.config.model_copy(update={"projector": projector})
        cells.append(barlow.model_copy(update={"config": config, "id": dim}))
    return cells


def test_a_cell_that_will_not_fit_fails_before_it_trains(tmp_path, monkeypatch) -> None:
    (cell,) = tiny(["2048"])
    data = dataset_on(cell.config.data, tmp_path, "cpu")
    enough = footprint(cell.config, image_counts(data)).total
    monkeypatch.setattr(cell_run, "most_on", lambda device: Most(enough - 1, "and it has less"))
    with pytest.raises(CellError, match=r"^it will not fit at D = 2048: .*, and it has less; the largest D"):
        run_cell(cell, options_for(tmp_path), Hooks(progress=lambda step, total: pytest.fail("it trains")))
    assert not options_for(tmp_path).folder_of(cell).record.exists()


def test_a_dry_run_measures_none_that_will_not_fit_and_says_so(tmp_path, monkeypatch) -> None:
    cells = tiny(["16", "4096"])
    monkeypatch.setattr(totals, "most_on", lambda device: Most(50 * 2**20, "and it has 50 MiB"))
    found = estimate(cells, data_root=tmp_path, device="cpu", workers=1, budget=2)
    assert [cell.id for group in found.groups for cell in group.cells] == ["16"]
    (note,) = [note for note in found.notes if "will not fit" in note]
    assert note.startswith("1 cell cannot be measured and is left out: method barlow")
    assert "it will not fit at D = 4096" in note
    assert "and it has 50 MiB; the largest D that fits is" in note


def test_a_run_says_it_before_its_first_cell_and_is_refused_where_no_cell_fits() -> None:
    cells = tiny(["16", "4096", "4096"])
    most = Most(50 * 2**20, "and it has 50 MiB")
    (line,) = beforehand.check_memory(cells, most)
    assert "it will not fit at D = 4096" in line
    with pytest.raises(CellError, match="it will not fit at D = 4096"):
        list(beforehand.check_memory(cells[1:], most))


def test_the_features_of_a_published_set_count_beforehand() -> None:
    cell = tiny(["16"])[0].model_copy(update={"config": wide(16_384)})
    with pytest.raises(CellError, match=r"it needs 0.2 GiB for its images and .* GiB in evaluation"):
        list(beforehand.check_memory([cell], Most(10 * GIB, "and it has 10 GiB")))
