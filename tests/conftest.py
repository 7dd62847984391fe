"""What many tests share: one thread, and real images where they lie beside the checkout."""

import signal
from pathlib import Path

import pytest
import torch

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session", autouse=True)
def signals_are_heard() -> None:
    """In the background of a script SIGINT is ignored, under nohup SIGHUP, and by all that is started from there: the
    tests, and the runs that they stop, are to hear both."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """The tests run in several processes, each on one core."""
    torch.set_num_threads(1)
