"""Who is told how a run goes: the terminal of a command, or nobody. Nothing in this room prints."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from barlowcli.engines.base import Event
from barlowcli.plan.plan import PlannedCell


class Show(Protocol):
    """What a caller gives, to be told what goes on."""

    def note(self, text: str) -> None:
        """A line for the person who waits."""

    def cells(self, cells: Sequence[PlannedCell]) -> AbstractContextManager[Callable[[Event], None]]:
        """Open for the time that `cells` run; what it gives is called with every event."""


class Silent:
    """Shows nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    @contextlib.contextmanager
    def cells(self, cells: Sequence[PlannedCell]) -> Iterator[Callable[[Event], None]]:
        """Show nothing."""
        yield lambda event: None


SILENT = Silent()
