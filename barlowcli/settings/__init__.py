"""The resolved config of one cell, a file a stage: fields, their canonical form and cost. Never imports torch."""

from barlowcli.settings.data import DataSettings

__all__ = ["DataSettings"]
