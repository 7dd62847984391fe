"""What every cell of a run shares and no number depends on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barlowcli.machine.devices import Way
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.folder import CellFolder, ResultsFolder


@dataclass(frozen=True)
class RunOptions:
    """What every cell of a run shares and no number depends on.

    folder: results/<experiment>/<preset>; command: as typed, for the records.
    """

    experiment: str
    preset: str
    folder: Path
    data_root: Path
    device: str
    command: tuple[str, ...]
    checkpoint_seconds: float = 30.0
    way: Way | None = None
    """How training steps are taken: captured, compiled or eager; None: as fast as goes here."""
    deterministic: bool = False
    """On an accelerator: only operations whose sums have one order, so that a rerun has the same bits."""

    def folder_of(self, cell: PlannedCell) -> CellFolder:
        """Where a cell of this run leaves what it makes."""
        return ResultsFolder(self.folder).cell(cell.id)


def identity(cell: PlannedCell, options: RunOptions) -> dict[str, Any]:
    """The fields of a record that say which cell of which run it is."""
    own = cell.model_dump(mode="json", by_alias=True, include=set(PlannedCell.model_fields))
    return {"experiment": options.experiment, "preset": options.preset, **own}
