"""What reads the text of one flag: a path, a number, a word. All raise ConfigError. Imports nothing that takes time."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from barlowcli.errors import ConfigError
from barlowcli.machine.places import expanded
from barlowcli.settings.numbers import SWITCH, number_of, odd_spelling, whole_number_of

INT, FLOAT, PATH = "<int>", "<float>", "<path>"
"""What --help says of a flag whose text is read here."""
LARGEST = 2**63 - 1
E = TypeVar("E", bound=StrEnum)


def path(text: str | Path) -> Path:
    """The path that a flag names: `~` and variables as in a shell. A default is as it is."""
    return text if isinstance(text, Path) else expanded(text)


def whole(flag: str, low: int = 1, high: int = LARGEST) -> Callable[[str | int], int]:
    """What reads a whole number from `low` to `high`, however it is spelled: 1000, 1_000, 1e3, 1000.0."""

    def read(text: str | int) -> int:
        found = whole_number_of(text)
        if found is None or not low <= found <= high:
            least = f" of at least {low}" if low > -LARGEST else ""
            most = f" and at most {high}" if high < LARGEST else ""
            why = odd_spelling(text) if isinstance(text, str) else ""
            raise ConfigError([f"{flag}: expected a whole number{least}{most}, got {text!r}"], hint=why)
        return found

    return read


def real(flag: str, low: float = 0.0) -> Callable[[str | float], float]:
    """What reads a number of at least `low`, however it is spelled."""

    def read(text: str | float) -> float:
        found = number_of(text) if isinstance(text, str) else text
        if found is None or found < low:
            why = odd_spelling(text) if isinstance(text, str) else ""
            raise ConfigError([f"{flag}: expected a number of at least {low:g}, got {text!r}"], hint=why)
        return float(found)

    return read


def choice(flag: str, kind: type[E]) -> Callable[[str | E], E]:
    """What reads one of a few words in any case; of a switch also true and false, yes and no."""
    names = [one.value for one in kind]

    def read(text: str | E) -> E:
        plain = text.strip().casefold()
        switch = SWITCH.get(plain)
        word = plain if plain in names or switch is None else "on" if switch else "off"
        if word not in names:
            raise ConfigError([f"{flag}: no value `{text}`"], hint=f"any of {', '.join(names)}")
        return kind(word)

    return read


def one_of(kind: type[StrEnum]) -> str:
    """What --help says of a flag with a few words."""
    return f"<{'|'.join(one.value for one in kind)}>"
