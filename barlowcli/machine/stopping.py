"""The signals that ask a run to stop: Ctrl-C, a batch system's end or its warning before it, a terminal that closes."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from barlowcli.errors import InterruptError

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")
"""SLURM sends SIGUSR1 or SIGUSR2 before the time is over where it is asked to (`--signal=USR1@60`)."""
Handler = Callable[[int, FrameType | None], object]


class StoppedError(KeyboardInterrupt):
    """One of these signals came where nothing else waits for it. number: which."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return signal.Signals(self.number).name


def stopping() -> list[signal.Signals]:
    """Those that this system has."""
    return [signal.Signals[name] for name in NAMES if name in signal.Signals.__members__]


@contextlib.contextmanager
def heard(handler: Handler) -> Iterator[None]:
    """`handler` hears them while this is entered; not one that is ignored, as SIGHUP is under `nohup`."""
    if threading.current_thread() is not threading.main_thread():  # only that one may
        yield
        return
    chosen = [number for number in stopping() if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in chosen}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, signal.SIG_DFL if former is None else former)


def stop_here(number: int, frame: FrameType | None) -> None:
    """A handler that ends whatever is done now."""
    raise StoppedError(number)


def interrupted(number: int) -> InterruptError:
    """How a run ends that this signal stopped."""
    error = InterruptError(f"stopped by {signal.Signals(number).name}; what was finished is kept")
    error.exit_code = 128 + number
    return error


def ignore() -> None:
    """A worker heeds none of them: its parent says when to stop."""
    for number in stopping():
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):  # what came before this is dropped, see `held_back`
        signal.pthread_sigmask(signal.SIG_UNBLOCK, stopping())


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """They wait while this is entered. A process that is started here begins with them waiting, so that one sent to the
    whole group does not end it before it can say what it does with them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, stopping())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
