"""What contracts share: a way to add what CONTRIBUTING.md shows, and a command of barlow."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import run as run
from tests.contracts.contributing import adding


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], list[str]]]:
    """`add("A method")` puts the file and the entry of that section in their places -> the names of its entries."""
    for adder in adding(monkeypatch, tmp_path / "added"):
        yield adder.add
