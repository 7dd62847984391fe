"""Who works on a cell: several processes, on several machines, share a results folder and no cell is run twice.

A lease is a file `claim-N.json` in the cell's folder, made by O_EXCL, so that of several that try one succeeds. Its
owner writes it anew every few seconds with a higher `beat`. One who waits watches that number by a clock of its own
and, where it stood still for long enough, makes `claim-N+1.json`: numbers only rise, so an owner that was merely slow
finds the higher one at its next beat and gives up. Nothing else is needed than atomic rename and O_EXCL, which network
file systems have; no clock is compared with another machine's.
"""

import contextlib
import functools
import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from barlowcli.errors import ResultsError
from barlowcli.records.files import refused, write_json
from barlowcli.records.folder import CellFolder

BEAT_SECONDS = 2.0
"""Between two beats of an owner."""
LEASE_SCHEMA = 1
"""Version of claim-N.json; one of another version is waited for until it stands still, whatever it says."""
PATIENCE_SECONDS = 30.0
"""A lease that did not beat for so long is taken over: fifteen beats, for a machine that is busy or a slow network."""


@dataclass(frozen=True)
class Lease:
    """A lease that is held. number: N of its file."""

    cell: CellFolder
    number: int

    @property
    def path(self) -> Path:
        """Its file."""
        return self.cell.lease(self.number)


@dataclass
class Seen:
    """What one who waits saw of another's lease, and since when by its own clock."""

    number: int
    content: str
    since: float


class Leases:
    """The leases of one process, and what it saw of others'. clock: seconds since any moment, never going back."""

    def __init__(self, *, patience: float = PATIENCE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.patience = patience
        self.clock = clock
        self.token = uuid.uuid4().hex
        self.held: dict[CellFolder, Lease] = {}
        self.beat = 0
        self._seen: dict[CellFolder, Seen] = {}
        self._lock = threading.Lock()

    def take(self, cell: CellFolder) -> bool:
        """Take a lease of `cell`; False where another holds it and was alive a short time ago.

        Raises ResultsError where the disk refuses.
        """
        last = latest(cell, self.clock)
        if last is not None and not self._is_free(cell, last):
            return False
        lease = Lease(cell, 1 if last is None else last.number + 1)
        if not self._create(lease):
            return False
        if not still_held(lease):  # a higher one came, and its owner had put away the one that was created anew here
            lease.path.unlink(missing_ok=True)
            return False
        for number in range(1, lease.number):
            with contextlib.suppress(OSError):
                cell.lease(number).unlink()
        with self._lock:
            self.held[cell] = lease
        self._seen.pop(cell, None)
        return True

    def release(self, cell: CellFolder) -> None:
        """Let go of a cell: with a record nobody wants it any more, without one the next may take it at once."""
        with self._lock:
            lease = self.held.pop(cell, None)
        if lease is None:
            return
        with contextlib.suppress(OSError, ResultsError):  # one that cannot be let go of expires
            if cell.record.exists():
                lease.path.unlink()
            elif cell.latest_lease() == lease.number:
                write_json(lease.path, {"schema_version": LEASE_SCHEMA, "free": True})

    @contextlib.contextmanager
    def kept_alive(self) -> Iterator[None]:
        """While it is entered, a thread beats for whatever is held."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(BEAT_SECONDS):
                self.keep()

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def keep(self) -> None:
        """Beat once for every lease held; those that another took over are no longer."""
        with self._lock:
            leases, self.beat = list(self.held.values()), self.beat + 1
        for lease in leases:
            if still_held(lease):
                with contextlib.suppress(ResultsError):  # a disk that is full for the moment
                    write_json(lease.path, self._content())
            else:
                with self._lock:
                    self.held.pop(lease.cell, None)

    def _content(self) -> dict[str, Any]:
        owner = {"token": self.token, "machine": machine(), "pid": os.getpid()}
        return {"schema_version": LEASE_SCHEMA, **owner, "beat": self.beat}

    def _create(self, lease: Lease) -> bool:
        """Make the lease's file where nobody else has."""
        try:
            lease.cell.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:  # a file in its place is no lease of another
            raise refused(lease.cell.path if isinstance(error, FileExistsError) else lease.path, error) from error
        try:
            with lease.path.open("x", encoding="utf-8") as file:
                json.dump(self._content(), file)
        except FileExistsError:
            return False
        except OSError as error:
            raise refused(lease.path, error) from error
        return True

    def _is_free(self, cell: CellFolder, last: Seen) -> bool:
        """Whether the latest lease was let go of, its owner is dead, or it stood still for long enough."""
        if is_over(last.content):
            return True
        before = self._seen.get(cell)
        if before is None or (before.number, before.content) != (last.number, last.content):
            self._seen[cell] = last
            return False
        return last.since - before.since >= self.patience


@functools.cache
def machine() -> str:
    """What tells this machine, since it was booted, and these process numbers from any other's."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def is_over(content: str) -> bool:
    """Whether a lease of this content was let go of, or is that of a process of this machine that is no more."""
    try:
        value = json.loads(content)
        if value["schema_version"] != LEASE_SCHEMA:
            return False
        if value.get("free"):
            return True
        if value["machine"] != machine():
            return False
        os.kill(int(value["pid"]), 0)
    except ProcessLookupError:
        return True
    except (ValueError, KeyError, AttributeError, TypeError, OverflowError, OSError):  # half written, or not ours
        return False
    return False


def latest(cell: CellFolder, clock: Callable[[], float]) -> Seen | None:
    """The latest lease as it stands now; None where there is none. One that is half written is as its owner left it."""
    number = cell.latest_lease()
    if number == 0:
        return None
    try:
        content = cell.lease(number).read_text(encoding="utf-8", errors="replace")
    except OSError:
        content = ""
    return Seen(number, content, clock())  # read first: a slow disk must not count as silence


def still_held(lease: Lease) -> bool:
    """Whether nobody has taken the cell over."""
    return lease.path.exists() and lease.cell.latest_lease() == lease.number
