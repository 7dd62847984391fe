"""How a pool tells its workers to stop: a byte in a pipe that nobody takes out.

A `multiprocessing.Event` does the same with a semaphore, and where /dev/shm is full or missing none can be made.
"""

from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext


class Stop:
    """The pool's side. `set` may be called from a signal handler."""

    def __init__(self, context: SpawnContext) -> None:
        self.seen, self._raised = context.Pipe(duplex=False)
        self._set = False

    def set(self) -> None:
        """Ask every worker to stop, those too that are started later."""
        if not self._set:
            self._set = True
            self._raised.send_bytes(b"stop")

    def is_set(self) -> bool:
        """Whether they were asked."""
        return self._set


def asked(seen: Connection) -> bool:
    """Whether to stop, on a worker's side of it; also where the pool is gone."""
    return seen.poll()
