"""The resolved config of one cell, a file a stage: fields, their canonical form and cost. Never imports torch."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # pydantic takes its time, and `barlow --help` needs none of it
    from barlowcli.settings.data import DataSettings

__all__ = ["DataSettings"]


def __getattr__(name: str) -> Any:
    """`DataSettings`, by its short name."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from barlowcli.settings.data import DataSettings

    return DataSettings
