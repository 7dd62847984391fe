"""Small real grids run inside the test's own process."""

from pathlib import Path
from typing import Any

from barlowcli.cell.options import RunOptions
from barlowcli.cell.run import run_cell
from barlowcli.experiment.files import load_experiment
from barlowcli.plan.freezing import freeze
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan
from barlowcli.training.loop import Hooks

TINY = {"data.limit": 300, "data.test_limit": 200, "training.epochs": 2, "training.batch_size": 64}


def options_for(folder: Path) -> RunOptions:
    """Options of a run into `folder` on the CPU."""
    return RunOptions(
        "shuffle-test", "quick", folder, folder / "no-data-root", "cpu", ("barlow", "run", "shuffle-test")
    )


def tiny_plan(axes: dict[str, list[str]] | None = None, settings: dict[str, Any] | None = None, seeds: int = 1) -> Plan:
    """The shuffle test's quick preset at a size of seconds."""
    return build_plan(
        load_experiment("shuffle-test"), "quick", Overrides(axes or {}, TINY | (settings or {}), seeds), on_cuda=False
    )


def run_grid(plan: Plan, folder: Path) -> None:
    """Freeze the plan in `folder` and run its cells, one after another."""
    freeze(folder, plan)
    for cell in plan.cells:
        run_cell(cell, options_for(folder), Hooks())
