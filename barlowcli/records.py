"""What a finished cell leaves behind, and how files are written so that a reader never sees half of one."""

import contextlib
import json
import math
import os
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from barlowcli.errors import ResultsError

SCHEMA = 1
"""Version of every JSON file in a results folder; rises when a reader of the older one would go wrong."""

MOST_BYTES = 2**26
"""Of a JSON file in a results folder: a plan of ten thousand cells has half as many."""
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
    """Accuracy of always answering the most frequent class of test, by label."""
    metrics: dict[str, Number] = {}
    probes: dict[str, Any] = {}
    """Settings of each probe: penalty chosen, k used, number of images."""
    counts: dict[str, int] = {}
    """Images in train, validation, test; parameters; steps; images skipped."""
    seconds: dict[str, Number] = {}
    config: dict[str, Any] = {}
    provenance: dict[str, Any] = {}

    @field_validator("provenance")
    @classmethod
    def _versions_are_a_table(cls, value: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(value.get("versions", {}), dict):
            raise ValueError("versions must be a table")
        return value

    @property
    def finished(self) -> bool:
        """Whether this cell counts as done (a failed one is done again on request)."""
        return self.status != "failed"


def write_text(path: Path, text: str) -> None:
    """Write a whole file or nothing: to a neighbour, flushed to disk, then renamed over `path`.

    What is no UTF-8 (an argument of a command can be any bytes) is written as an escape.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: Path, content: bytes) -> None:
    """`write_text` for bytes; raises ResultsError where the disk refuses."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")  # a process number may be another machine's too
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise refused(path, error) from error


def append_line(path: Path, line: str) -> None:
    """Add a line to a file; raises ResultsError where the disk refuses."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise refused(path, error) from error


def refused(path: Path, error: OSError) -> ResultsError:
    """The error of a file that cannot be written."""
    return ResultsError(
        f"cannot write {path}: {error.strerror or error}",
        hint="free some disk space or choose another folder with --results; what was finished is kept",
    )


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with a final newline, NaN refused."""
    write_text(path, json.dumps(value, indent=2, sort_keys=False, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read one JSON file; raises ResultsError that names it."""
    hint = "delete it and run the cell again"
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ResultsError(f"{path} is larger than {MOST_BYTES:,} bytes", hint=hint)
        return json.loads(content.decode("utf-8"), parse_constant=_finite, parse_float=_finite)
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror or error}") from error
    except RecursionError as error:
        raise ResultsError(f"{path} is not valid JSON: nested without end", hint=hint) from error
    except ValueError as error:
        raise ResultsError(f"{path} is not valid JSON: {error}", hint=hint) from error


def _finite(text: str) -> float:
    """A number of JSON, which has no NaN and none that is infinite."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number")
    return value


def check_inside(cell: Path) -> None:
    """Raise ResultsError where a link leads out of the results that `cell`, RESULTS/cells/ID, is of."""
    results = cell.parent.parent
    try:
        inside = (cell / "record.json").resolve().is_relative_to(results.resolve())
    except (OSError, RuntimeError):  # a loop of links
        inside = False
    if not inside:
        raise ResultsError(
            f"{cell} leads out of {results} by a link",
            hint="remove the link; to keep results elsewhere, name the place with --results",
        )


def clear_cell(cell: Path, *, keep_progress: bool) -> None:
    """Make the folder of a claimed cell ready to be run: its record goes, and what others left half written; without
    `keep_progress` everything but the claim does."""
    check_inside(cell)
    for path in cell.iterdir():
        half = path.name.startswith(".") and path.name.endswith(".tmp")
        old = not keep_progress and not path.name.startswith("claim-")
        if half or old or path.name == "record.json":
            with contextlib.suppress(OSError):
                path.unlink()


def write_record(cell: Path, record: Record) -> None:
    """Write `cell`/record.json."""
    write_json(cell / "record.json", record.model_dump(mode="json"))


def read_versioned(path: Path) -> dict[str, Any]:
    """Read a JSON object that names its schema version; raises ResultsError where that is not ours."""
    value = read_json(path)
    version = value.get("schema_version") if isinstance(value, dict) else None
    if version != SCHEMA:
        raise ResultsError(
            f"{path} has schema version {version}, this barlow reads {SCHEMA}",
            hint="read it with the barlow that wrote it, or choose another folder with --results",
        )
    return dict(value)


def read_record(cell: Path) -> Record | None:
    """The record of the cell in folder `cell`, None where it has none; raises ResultsError where it is damaged."""
    path = cell / "record.json"
    check_inside(cell)
    if not path.is_file():
        return None
    try:
        record = Record.model_validate(read_versioned(path))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise ResultsError(
            f"{path} is not a record: {where}: {problem['msg']}", hint="delete the cell's folder and run it again"
        ) from error
    if record.id != cell.name:
        raise ResultsError(f"{path} is the record of cell {record.id}, not of {cell.name}", hint="delete that folder")
    return record
