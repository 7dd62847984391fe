"""How long each stage of a cell takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class Clocks:
    """Seconds by stage, in the order in which they ended, and at the end of the `with` block of the whole."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> "Clocks":
        self.start = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds["total"] = time.monotonic() - self.start

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """To be held around a stage."""
        before = time.monotonic()
        yield
        self.seconds[stage] = time.monotonic() - before
