"""Which versions pyproject.toml allows, which are installed here, and which the whole suite ran on."""

import json
import re
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
NOTES = Path(__file__).parent / "tried.json"
LOWEST = ".lowest"
"""A file of this name lies in the environment in which `make` installed the lowest versions."""


def project(path: Path = ROOT / "pyproject.toml") -> dict[str, Any]:
    """The table of that name in pyproject.toml."""
    table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    return table


def required(table: dict[str, Any]) -> list[Requirement]:
    """What is installed for users, and for the tests."""
    return [Requirement(line) for line in [*table["dependencies"], *table["optional-dependencies"]["test"]]]


def bounds(table: dict[str, Any]) -> dict[str, str]:
    """Package -> the lowest version that is allowed.

    Raises:
        ValueError: A package has another condition than one lower bound.
    """
    found = {}
    for requirement in required(table):
        match = re.fullmatch(r">=([\d.]+)", str(requirement.specifier))
        if match is None:
            raise ValueError(f"{requirement}: one lower bound is wanted, such as {requirement.name}>=1.2")
        found[requirement.name] = match[1]
    return found


def pythons(table: dict[str, Any]) -> list[str]:
    """The versions of Python that pyproject.toml names: 3.11, …"""
    found = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line) for line in table["classifiers"])
    return [match[1] for match in found if match]


def installed(names: list[str]) -> dict[str, str]:
    """Package -> its version in this environment."""
    return {name: version(name) for name in names}


def other_than(lowest: dict[str, str], versions: dict[str, str]) -> list[str]:
    """In words, every package whose version is not its lower bound."""
    return [
        f"{name}>={bound} is allowed, {versions.get(name, 'nothing')} was tried"
        for name, bound in lowest.items()
        if name not in versions or Version(versions[name]) != Version(bound)
    ]


def is_lowest() -> bool:
    """Whether this environment was made for the lowest versions."""
    return Path(sys.prefix, LOWEST).exists()


def notes() -> dict[str, dict[str, Any]]:
    """What the whole suite ran on: "3.11 lowest", "3.12", … -> Python, number of tests, and versions."""
    kept: dict[str, dict[str, Any]] = json.loads(NOTES.read_text(encoding="utf-8")) if NOTES.exists() else {}
    return kept


def note(name: str, value: dict[str, Any]) -> None:
    """Keep what the suite ran on."""
    kept = dict(sorted({**notes(), name: value}.items()))
    NOTES.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
