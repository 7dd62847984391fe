"""`record.json`: what a finished cell leaves behind, read back and checked."""

import os
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from barlowcli.errors import ResultsError
from barlowcli.records.files import SCHEMA, read_versioned, write_json
from barlowcli.records.folder import CellFolder, ResultsFolder
from barlowcli.records.inventory import Inventory

CellId = Annotated[str, Field(pattern=r"^[0-9a-z]{1,64}$")]
"""It is the name of a folder."""
Number = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
"""What a report can compute with."""


class Record(BaseModel):
    """`cells/<id>/record.json`, written last: a cell without one is not done.

    metrics: flat, `<probe>.<space>.<domain>[.<label>]`, accuracies as fractions in [0, 1], for example
    `linear.h.pixels.label`. axes: the arm, axis name -> value as text ("-" where an axis has no meaning).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = SCHEMA
    id: CellId
    experiment: str
    preset: str
    axes: dict[str, str]
    seed: int
    control: bool = False
    status: Literal["ok", "collapsed", "diverged", "failed"]
    message: str = ""
    """Why the status is not ok, for a reader."""
    event_step: int | None = None
    """The training step at which the cell collapsed or diverged."""
    domain: str = "none"
    """The shuffle arm this cell was trained under: its own probe domain."""
    labels: tuple[str, ...] = ("label",)
    """What was probed: "label", then the data set's factors."""
    label_names: dict[str, str] = {}
    """How a reader calls each label, for example {"label": "digit"}."""
    chance: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    """Accuracy of always answering the most frequent class, by label: of test, or of validation where the cell was
    judged there alone."""
    metrics: dict[str, Number] = {}
    """On test images; of a cell that touched none, what needs no label, on validation images."""
    probes: dict[str, Any] = {}
    """Settings of each probe: penalty chosen, k used, number of images, and its accuracy on validation images."""
    counts: dict[str, int] = {}
    """Images in train, validation, test; parameters; steps; images skipped."""
    seconds: dict[str, Number] = {}
    data: Inventory | None = None
    """What was read of its data set; None where nothing was, and in records from before it was kept."""
    config: dict[str, Any] = {}
    provenance: dict[str, Any] = {}

    @field_validator("provenance")
    @classmethod
    def _parts_are_of_their_types(cls, value: dict[str, Any]) -> dict[str, Any]:
        earlier = value.get("earlier", [])
        if not isinstance(earlier, list) or not all(isinstance(part, dict) for part in earlier):
            raise ValueError("earlier must be a list of tables")
        if not all(isinstance(part.get("versions", {}), dict) for part in [value, *earlier]):
            raise ValueError("versions must be a table")
        slower = value.get("slower", [])
        if not isinstance(slower, list) or not all(isinstance(why, str) for why in slower):
            raise ValueError("slower must be a list of texts")
        return value

    @property
    def origins(self) -> list[dict[str, Any]]:
        """Provenance of every part of its training: of those that another version or machine did, then of the last."""
        return [*self.provenance.get("earlier", []), self.provenance]

    @property
    def slower(self) -> list[str]:
        """Why its steps were not taken in each faster way that was tried; none where the first one worked."""
        return list(self.provenance.get("slower", []))

    @property
    def measured(self) -> bool:
        """Whether it has numbers: on test images, or on validation images alone."""
        return bool(self.metrics or self.probes)

    @property
    def finished(self) -> bool:
        """Whether this cell counts as done (a failed one is done again on request)."""
        return self.status != "failed"


def write_record(cell: CellFolder, record: Record) -> None:
    """Write the record of a cell."""
    write_json(cell.record, record.model_dump(mode="json"))


def read_record(cell: CellFolder) -> Record | None:
    """The record of a cell, None where it has none; raises ResultsError where it is damaged."""
    path = cell.record
    cell.check_inside()
    if not path.is_file():
        if os.path.lexists(path):
            raise ResultsError(f"{path} is not a file", hint="move it away, and run the cell again")
        return None
    try:
        record = Record.model_validate(read_versioned(path))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise ResultsError(
            f"{path} is not a record: {where}: {problem['msg']}", hint="delete the cell's folder and run it again"
        ) from error
    if record.id != cell.id:
        raise ResultsError(f"{path} is the record of cell {record.id}, not of {cell.id}", hint="delete that folder")
    return record


def read_records(folder: ResultsFolder, ids: Iterable[str]) -> dict[str, Record]:
    """Cell id -> record, in the order of `ids`, of those that have one."""
    found = ((name, read_record(folder.cell(name))) for name in ids)
    return {name: record for name, record in found if record is not None}
