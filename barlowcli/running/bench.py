"""What this machine does a second with one cell of an experiment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from barlowcli.errors import BarlowError
from barlowcli.machine.devices import Way
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.running.request import Request
from barlowcli.running.show import SILENT, Show
from barlowcli.settings.stages import trained_config

if TYPE_CHECKING:  # it imports torch
    from barlowcli.measuring.throughput import Throughput

EPOCHS_ON_GPU = 2
"""Epochs of the whole cell that is timed on a GPU, where all of them would take minutes."""


@dataclass(frozen=True)
class Bench:
    """A cell and what was measured of it; epochs: of the whole cell. provenance: of the machine and the code."""

    experiment: str
    preset: str
    cell: PlannedCell
    epochs: int
    measured: "Throughput"
    provenance: dict[str, Any]

    def as_value(self) -> dict[str, Any]:
        """All of it for programs."""
        about = {"experiment": self.experiment, "preset": self.preset, "axes": self.cell.axes}
        return {**about, **self.measured.document(), "provenance": self.provenance}


def bench(
    request: Request, show: Show = SILENT, *, epochs: int | None = None, ways: Sequence[Way] = (), seconds: float = 1.0
) -> Bench:
    """Measure views, steps and one whole cell of an experiment.

    epochs: of the whole cell; None: two on a GPU, else the preset's. ways: to take a step; none: all on a GPU, else
    eager. seconds: length of a block; each thing has five. Raises BarlowError where no cell of the grid trains.
    """
    on_gpu = request.device == "cuda"
    cell = first_trained(request.plan())
    from barlowcli.machine.provenance import provenance
    from barlowcli.measuring.throughput import measure, shortened

    count = epochs or (EPOCHS_ON_GPU if on_gpu else None)
    if count is not None:
        cell = shortened(cell, count)
    show.note(f"{request.heading}: {cell.label()}")
    found = measure(
        cell,
        device=request.device,
        data_root=request.data_root,
        seconds=seconds,
        ways=ways or (list(Way) if on_gpu else [Way.eager]),
        note=lambda text: show.note(f"measuring {text}"),
    )
    made = provenance(request.device, list(request.command))
    length = trained_config(cell.config).training.epochs
    return Bench(request.experiment.name, request.preset, cell, length, found, made)


def first_trained(plan: Plan) -> PlannedCell:
    """The first cell of the grid that trains; raises BarlowError where there is none."""
    for cell in plan.all_cells:
        if not cell.control and cell.config.training is not None:
            return cell
    raise BarlowError("no cell of this grid trains anything", hint="choose another --method")
