"""Hypothesis strategies for what comes from outside: a case, damage to bytes, odd values in nested tables.

Most cases are good ones with some damage: what is wrong from its first byte is refused at the first line of a reader.
"""

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import hypothesis.strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

INTERESTING = (0, 1, 2, 3, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
"""Integers at which decoders go wrong."""


@dataclass
class Case:
    """One input. files: name -> content, in a folder of its own; arguments and settings: what its reader is given."""

    files: dict[str, bytes] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)


def damage(draw: DrawFn, data: bytes, most: int = 4) -> bytes:
    """`data` with up to `most` bytes, runs, numbers or parts of it changed."""
    for _ in range(draw(st.integers(0, most))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(("byte", "run", "number", "cut", "drop", "double", "insert")))
        size = draw(st.integers(1, 64))
        if kind == "byte":
            data = data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
        elif kind == "run":
            data = data[:at] + bytes([draw(st.sampled_from((0, 1, 127, 128, 255)))]) * size + data[at + size :]
        elif kind == "number":
            width, order = draw(st.sampled_from((2, 4))), draw(st.sampled_from(("big", "little")))
            number = (draw(st.sampled_from(INTERESTING)) % 256**width).to_bytes(width, order)
            data = data[:at] + number + data[at + width :]
        elif kind == "cut":
            data = data[:at]
        elif kind == "drop":
            data = data[:at] + data[at + size :]
        elif kind == "double":
            data = data[: at + size] + data[at:]
        else:
            data = data[:at] + draw(st.binary(max_size=16)) + data[at:]
    return data


NASTY = (
    "",
    "-",
    "|",
    "a|b",
    "..",
    "../../etc",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "~nobody-here/x",
    "\x00",
    "\x1b[31m",
    "a\nb",
    "<script>alert(1)</script>",
    "%s%n{0}{x.__class__}",
    r"\input{/etc/passwd}$_^&#~{}",
    "$x$ $",
    "[bold]x[/]",
    "λ ²",
    "日本",
    "\u202e",
    "x" * 300,
    "x" * 5000,
    "folder:../nowhere",
    "folder:",
    "folder:~nobody-here/x",
    "folder:" + "x" * 5000,
    "folder:/dev/null",
    "parquet:/dev/null",
    "parquet:a\x00b",
    "cifar10:/x",
    "colour-digits",
    "patch-3",
    "patch-",
    "winner",
    "largest",
    "nan",
    "1e999",
    "1_000",
    "²",
)
"""Names and values that mean something to a file system, a table, a template, a terminal or a registry."""


def numbers() -> SearchStrategy[Any]:
    """Numbers, sensible ones and absurd ones."""
    absurd = (0, -1, 1, 3, 10**6, 10**9, 10**12, 2**63 - 1, 2**63, 10**30, 0.0, -0.5, 1e-300, 1e30, 1e308)
    return st.sampled_from((*absurd, math.inf, -math.inf, math.nan))


def values() -> SearchStrategy[Any]:
    """Whatever can stand at a key of TOML or JSON."""
    leaves = st.one_of(st.sampled_from(NASTY), st.text(max_size=8), numbers(), st.booleans())
    keys = st.one_of(st.sampled_from((*NASTY, "name", "key", "values", "method.name", "a.b.c")), st.text(max_size=5))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=3)),
        max_leaves=6,
    )


def change(draw: DrawFn, value: Any, keys: tuple[str, ...]) -> Any:
    """Nested tables with a value replaced, removed or added somewhere."""
    value = copy.deepcopy(value)
    at: Any = value
    while True:
        inner = [
            item for item in (at.values() if isinstance(at, dict) else at) if isinstance(item, (dict, list)) and item
        ]
        if not inner or draw(st.integers(0, 3)) == 0:
            break
        at = draw(st.sampled_from(inner))
    places = list(at) if isinstance(at, dict) else list(range(len(at)))
    kind = draw(st.sampled_from(("replace", "replace", "remove", "add")))
    if kind == "add" or not places:
        new = draw(st.one_of(st.sampled_from(keys), st.sampled_from(NASTY)))
        if isinstance(at, dict):
            at[new] = draw(values())
        else:
            at.append(draw(values()))
    elif kind == "remove":
        del at[draw(st.sampled_from(places))]
    else:
        at[draw(st.sampled_from(places))] = draw(values())
    return value
