"""A setting that is added to a settings class for the time of a test, as an edit of its file would add it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic.fields import FieldInfo

from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.settings.base import Settings
from barlowcli.settings.cell import CellConfig


@contextmanager
def added_field(kind: type[Settings], name: str, annotation: Any, default: Any) -> Iterator[None]:
    """`kind`, one of the sections of a cell, with a field more."""
    fields = kind.__pydantic_fields__
    sections = [field for field in CellConfig.__pydantic_fields__.values() if type(field.default) is kind]
    defaults = [field.default for field in sections]
    fields[name] = FieldInfo.from_annotated_attribute(annotation, default)
    try:
        kind.model_rebuild(force=True)
        for field in sections:
            field.default = kind()
        _rebuild()
        yield
    finally:
        del fields[name]
        kind.model_rebuild(force=True)
        for field, before in zip(sections, defaults, strict=True):
            field.default = before
        _rebuild()


def _rebuild() -> None:
    for model in (CellConfig, PlannedCell, Plan):
        model.model_rebuild(force=True)
