"""Measuring many kinds within one span of time: an equal share for each, and a failure is no end."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from barlowcli.errors import BarlowError
from barlowcli.measuring.kinds import evenly, most_similar

MOST_SECONDS = 3.0
"""Spent on one kind at most, however few there are: more makes no better guess."""
T = TypeVar("T")
C = TypeVar("C")


@dataclass(frozen=True)
class Failure:
    """Something that could not be measured. reason: in words."""

    reason: str


def attempt(measure: Callable[[], T]) -> T | Failure:
    """What `measure` gives, or why it does not."""
    try:
        return measure()
    except BarlowError as error:
        return Failure(error.message)
    except Exception as error:  # whatever it is: it is no reason not to show the plan
        return Failure(" ".join(f"{type(error).__name__}: {error}".split()))


@dataclass
class Clock:
    """The time for some measurements. end: in the seconds of time.monotonic; left: how many are still to come."""

    end: float
    left: int

    def share(self) -> float:
        """Seconds for the next one, at most an equal part of what is left; not above 0 where nothing is."""
        self.left -= 1
        return min(MOST_SECONDS, (self.end - time.monotonic()) / (self.left + 1))


def measured(
    kinds: Mapping[str, C],
    measure: Callable[[C, float], T],
    alike: Callable[[T, C, C], T],
    clock: Clock,
    *,
    family: Callable[[C], object],
) -> dict[str, T | Failure]:
    """Every kind with what `measure` gives of it in its share of the time.

    Once that has run out, one kind of each family is still measured; all others get `alike` of the most similar
    measured kind of their family: of what was measured, of that kind and of their own.
    """
    found: dict[str, T | Failure] = {}
    good: dict[object, dict[str, T]] = {}
    for kind in evenly(list(kinds)):
        share, relatives = clock.share(), good.setdefault(family(kinds[kind]), {})
        if share > 0 or not relatives:
            found[kind] = value = attempt(partial(measure, kinds[kind], share))
            if not isinstance(value, Failure):
                relatives[kind] = value
    for kind in kinds:
        if kind not in found:
            relatives = good[family(kinds[kind])]
            other = most_similar(kind, list(relatives), list(kinds))
            found[kind] = alike(relatives[other], kinds[other], kinds[kind])
    return found
