"""The training log of a cell, `metrics.jsonl`, for those who read it: one line an epoch."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from barlowcli.errors import ResultsError

LOG_SCHEMA = 1
"""Version that every line names; rises when a reader of an older line would go wrong. Lines without are of version 1,
from before it was written."""


def read_log(path: Path) -> list[dict[str, float]]:
    """The lines of a log; raises ResultsError where they are damaged or of another version."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, RecursionError) as error:
        raise ResultsError(f"cannot read {path}: {error}", hint="delete the cell's folder and run it again") from error
    check_log(lines, str(path))
    return lines


def check_log(lines: Iterable[Mapping[str, float]], name: str) -> None:
    """Raise ResultsError where a line of the log called `name` is damaged, or of another version than ours."""
    for line in lines:
        version = line.get("schema_version", 1) if isinstance(line, Mapping) else None
        if version != LOG_SCHEMA:
            raise ResultsError(
                f"{name} has schema version {version}, this barlow reads {LOG_SCHEMA}",
                hint="read it with the barlow that wrote it, or delete the cell's folder and run it again",
            )
        if not isinstance(line.get("epoch"), int) or not isinstance(line.get("loss", 0.0), (int, float)):
            hint = "delete the cell's folder and run it again"
            raise ResultsError(f"{name} is damaged: a line without an epoch, or a loss that is no number", hint=hint)
