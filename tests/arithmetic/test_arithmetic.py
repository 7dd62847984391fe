"""A change of the arithmetic is noticed, and asks for a new `CellConfig.version`."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch

from barlowcli.cell.build import build_method_on
from barlowcli.methods import barlow_twins
from barlowcli.training import loop
from barlowcli.training.optimisers import learning_rate
from tests.arithmetic.behaviour import VERSION, Numbers, advice, differences, kept, numbers


@cache
def today() -> dict[str, Numbers]:
    with TemporaryDirectory() as folder:
        return {name: numbers(config, Path(folder) / name) for name, config in kept().configs.items()}


def one(name: str, folder: Path) -> list[str]:
    """What differs of one cell, run now."""
    return differences({name: kept().numbers[name]}, {name: numbers(kept().configs[name], folder)})


def test_a_config_comes_to_the_numbers_it_came_to() -> None:
    problem = advice(kept(), today())
    assert not problem, problem


def test_the_learning_rates_of_version_1_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def before(step: int, *, total: int, warmup: float, base: float) -> float:
        if step < warmup:
            return base * step / warmup
        return learning_rate(step, total=total, warmup=warmup, base=base)

    monkeypatch.setattr(loop, "learning_rate", before)
    assert any("loss.1" in line for line in one("byol", tmp_path))


def test_correlations_a_hundredth_smaller_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    normalised = barlow_twins.normalised
    monkeypatch.setattr(barlow_twins, "normalised", lambda z, *how, **more: 0.995 * normalised(z, *how, **more))
    assert any("loss.1" in line for line in one("barlow", tmp_path))


def test_the_rounding_of_another_processor_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that start a rounding away stand for another order of sums."""

    def rounded(*given: Any) -> Any:
        method = build_method_on(*given)
        with torch.no_grad():
            for parameter in method.parameters():
                parameter.mul_(1 + 2**-22)
        return method

    monkeypatch.setattr("barlowcli.cell.stages.build_method_on", rounded)
    assert one("barlow", tmp_path / "barlow") == []
    assert one("byol", tmp_path / "byol") == []


def test_what_to_do_is_said() -> None:
    before = kept()
    changed = {name: values | {"loss.1": 9.0} for name, values in before.numbers.items()}
    said = advice(before, changed)
    assert "raise\nCellConfig.version in barlowcli/settings/cell.py" in said
    assert "`python -m tests.arithmetic` writes the new numbers down" in said
    assert "barlow: loss.1 was" in said
    older = advice(before._replace(version=VERSION - 1), before.numbers)
    assert older.startswith(f"the kept numbers are of version {VERSION - 1}, this code computes version {VERSION}: ")
    assert advice(before, before.numbers) == ""
    lost: dict[str, Numbers] = {name: {} for name in before.numbers}
    assert "is None" in advice(before, lost)
