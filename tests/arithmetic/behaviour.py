"""What tiny cells come to: losses of a few steps and what probes find, kept with the version that computed them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from barlowcli.cell.run import run_cell
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.logs import read_log
from barlowcli.records.metrics import Metric
from barlowcli.settings.cell import CellConfig, cell_id
from barlowcli.training.loop import Hooks
from tests.grids import options_for

KEPT = Path(__file__).parent / "kept.json"
VERSION: int = CellConfig.model_fields["version"].default
APART, IMAGES_APART = 1e-3, 0.015
"""How far numbers of two processors may lie apart: in proportion (1e-5 was seen: AVX-512 against none, and weights that
start a rounding away); and accuracies, where three of 200 images may fall on the other side of a border."""

Numbers = dict[str, float]


class Kept(NamedTuple):
    """version: of the arithmetic. configs: name -> a cell's config as JSON, whole, so that no default moves it."""

    version: int
    configs: dict[str, Any]
    numbers: dict[str, Numbers]


def kept() -> Kept:
    """What was written down."""
    return Kept(**json.loads(KEPT.read_text(encoding="utf-8")))


def write(now: Mapping[str, Numbers]) -> None:
    """Keep the numbers of today's arithmetic."""
    value = kept()._replace(version=VERSION, numbers=dict(now))._asdict()
    KEPT.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def numbers(config: Mapping[str, Any], folder: Path) -> Numbers:
    """The cell's loss in each epoch, as "loss.1", and its metrics, from one run of it on one thread of the CPU."""
    cell_config = CellConfig.model_validate({**config, "version": VERSION})
    name = cell_id(cell_config)
    cell = PlannedCell(id=name, at={}, seed=cell_config.seed, control=False, config=cell_config)
    record = run_cell(cell, options_for(folder), Hooks())
    path = ResultsFolder(folder).cell(name).log
    log = read_log(path) if path.exists() else []
    return {f"loss.{line['epoch']}": line["loss"] for line in log} | record.metrics


def differences(before: Mapping[str, Numbers], now: Mapping[str, Numbers]) -> list[str]:
    """Cell and number of everything that is further from what was kept than another processor explains."""
    return [
        f"{cell}: {name} was {value:.6g}, is {now[cell].get(name)}"
        for cell, values in before.items()
        for name, value in values.items()
        if not agrees(name, value, now[cell].get(name))
    ]


def agrees(name: str, before: float, now: float | None) -> bool:
    """Whether a number is what it was but for another processor."""
    if now is None:
        return False
    metric = Metric.read(name)
    of_images = metric.is_accuracy or metric.probe == "matching"
    return abs(now - before) <= (IMAGES_APART if of_images else APART * abs(before))


def advice(before: Kept, now: Mapping[str, Numbers]) -> str:
    """What to do where the numbers are others than those kept; "" where they are the same."""
    write_down = "`python -m tests.arithmetic` writes the new numbers down"
    if before.version != VERSION:
        return f"the kept numbers are of version {before.version}, this code computes version {VERSION}: {write_down}"
    found = differences(before.numbers, now)
    if not found:
        return ""
    return "\n".join(
        [
            "a config comes to other numbers than before, so old cells would be taken for new ones: raise",
            f"CellConfig.version in barlowcli/settings/cell.py, then {write_down}; or undo it where it was not meant:",
            *found,
        ]
    )
