"""What the text of a flag says, as a value: axes, settings, a shard, a data set. All raise ConfigError."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from barlowcli.errors import ConfigError
from barlowcli.experiment.axes import check_axis_values
from barlowcli.machine.places import expanded, unquoted
from barlowcli.settings.mistakes import quoted
from barlowcli.settings.tables import read_toml, unusable


class JitterFlag(StrEnum):
    """Values of --jitter."""

    on = "on"
    off = "off"
    both = "both"
    histogram = "histogram"


class OnOff(StrEnum):
    """A switch."""

    on = "on"
    off = "off"


class OnBadImage(StrEnum):
    """Values of --on-bad-image."""

    fail = "fail"
    skip = "skip"


def all_settings(flags: dict[str, Any], items: list[str] | None) -> dict[str, Any]:
    """Dotted key -> value, from the flags that name a setting, None where one was not given, and from --set."""
    return {key: value for key, value in flags.items() if value is not None} | parse_settings(items or [])


def absolute(dataset: str | None) -> str | None:
    """`folder:PATH` with the path made absolute; names as they are; None where none was given."""
    if not dataset:
        return None
    kind, colon, path = unquoted(dataset).partition(":")
    try:
        return f"{kind}:{expanded(path).resolve()}" if colon and path else kind + colon
    except ConfigError as error:
        raise ConfigError([f"--dataset {quoted(dataset)}: {error.message}"], hint=error.hint) from error
    except (OSError, ValueError, RuntimeError) as error:  # a loop of links, no name of a file
        raise ConfigError([f"--dataset {quoted(dataset)}: {error}"], hint=f"check the path after `{kind}:`") from error


def axis_values(
    method: str | None = None,
    shuffle: str | None = None,
    jitter: JitterFlag | None = None,
    grayscale: OnOff | None = None,
    dims: str | None = None,
    axes: Sequence[str] = (),
) -> dict[str, list[str]]:
    """Axis -> values, from the flags that name one and from --axis. Raises ConfigError."""
    values = {
        "method": method,
        "shuffle": shuffle,
        "jitter": None if jitter is None else {"both": "on,off"}.get(jitter, jitter),
        "grayscale": grayscale,
        "dims": dims,
    }
    chosen = {name: split(text, f"--{name}") for name, text in values.items() if text is not None}
    for item in axes:
        name, equals, text = item.partition("=")
        if not equals:
            raise ConfigError([f"--axis {item}: expected NAME=V1,V2"])
        chosen[name] = split(text, f"--axis {name}")
    return chosen


def split(text: str, flag: str) -> list[str]:
    """Comma-separated values, at least one. Raises ConfigError."""
    values = [unquoted(value.strip()) for value in unquoted(text.strip()).split(",") if value.strip()]
    if not values:
        raise ConfigError([f"{flag}: at least one value is needed"])
    try:
        check_axis_values(values)
    except ValueError as error:
        raise ConfigError([f"{flag}: {error}"]) from error
    return list(dict.fromkeys(values))


def parse_settings(items: list[str]) -> dict[str, Any]:
    """`key=value` -> value as TOML would read it, text where it would not. Raises ConfigError."""
    parsed = {}
    for given in items:
        item = unquoted(given.strip())
        key, equals, text = item.partition("=")
        key = ".".join(part.strip() for part in key.split("."))
        if not equals or not key:
            raise ConfigError([f"--set {item}: expected key=value"], hint="for example --set training.batch_size=128")
        try:
            table = read_toml(f"value = {text}")
        except ValueError:
            table = {}
        value = table["value"] if table.keys() == {"value"} else text
        if problems := list(unusable({key: value})):
            raise ConfigError([f"--set {problem}" for problem in problems])
        parsed[key] = value
    return parsed


def parse_shard(shard: str | None) -> tuple[int, int]:
    """`I/N` -> (I, N); (1, 1) where none was asked for. Raises ConfigError."""
    part, _, parts = "".join((shard or "1/1").split()).partition("/")
    if not (re.fullmatch(r"[0-9]{1,9}/[0-9]{1,9}", f"{part}/{parts}") and 1 <= int(part) <= int(parts)):
        raise ConfigError([f"--shard {shard}: expected I/N with 1 <= I <= N"], hint="for example --shard 1/4")
    return int(part), int(parts)
