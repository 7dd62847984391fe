"""How files are written so that a reader never sees half of one, and how they are read."""

import contextlib
import json
import math
import os
import uuid
from pathlib import Path
from typing import Any

from barlowcli.errors import ResultsError
from barlowcli.records.refusals import way_in, way_out

SCHEMA = 1
"""Version of every JSON file in a results folder; rises when a reader of the older one would go wrong."""
MOST_BYTES = 2**26
"""Of a JSON file in a results folder: a plan of ten thousand cells has half as many."""


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
    """The error of a file that cannot be written, with the way out that fits the reason."""
    return ResultsError(f"cannot write {path}: {error.strerror or error}", hint=way_out(path, error))


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with a final newline, NaN refused."""
    write_text(path, json.dumps(value, indent=2, sort_keys=False, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path, *, hint: str = "delete it and run the cell again") -> Any:
    """Read one JSON file; raises ResultsError that names it. hint: what to do where it is damaged."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ResultsError(f"{path} is larger than {MOST_BYTES:,} bytes", hint=hint)
        if not content.strip(b"\0 \t\r\n"):
            raise ResultsError(f"{path} is not valid JSON: there is nothing in it", hint=hint)
        return json.loads(content.decode("utf-8-sig"), parse_constant=_finite, parse_float=_finite)
    except OSError as error:
        raise ResultsError(f"cannot read {path}: {error.strerror or error}", hint=way_in(path, error)) from error
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


def read_versioned(path: Path, *, hint: str = "delete it and run the cell again") -> dict[str, Any]:
    """Read a JSON object that names its schema version; raises ResultsError where that is not ours. hint: as above."""
    value = read_json(path, hint=hint)
    version = value.get("schema_version") if isinstance(value, dict) else None
    if version is None:
        raise ResultsError(
            f"{path} is not a file of this barlow: it has no schema version",
            hint="move it away, or choose another folder with --results",
        )
    if version != SCHEMA:
        raise ResultsError(
            f"{path} has schema version {version}, this barlow reads {SCHEMA}",
            hint="read it with the barlow that wrote it, or choose another folder with --results",
        )
    return dict(value)
