"""When a run is given up early: the first cells have all failed in the same way."""

from barlowcli.engines.base import Event
from barlowcli.errors import CellError

SAME_FAILURES = 3
"""So many cells that all fail alike before any other was done: the rest would too."""


class EarlyStop:
    """Notes how the first cells end."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.over = False

    def note(self, event: Event) -> None:
        """Raise CellError where the first few cells have all failed in the same way."""
        if event.kind != "done" or event.elsewhere or self.over:
            return
        self.failures.append(event.message)
        kinds = {"".join(letter for letter in message if not letter.isdigit()) for message in self.failures}
        self.over = event.status != "failed" or len(kinds) > 1
        if not self.over and len(self.failures) == SAME_FAILURES:
            again = "--rerun failed runs them again"
            raise CellError(
                f"the first {SAME_FAILURES} cells all failed in the same way: {event.message}; no more are tried",
                hint=f"{event.hint}; {again}" if event.hint else again,
            )
