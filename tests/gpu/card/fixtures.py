"""The fake card for tests: built once, skipped where it cannot be."""

from pathlib import Path

import pytest

from tests.gpu.card.build import built, missing


@pytest.fixture(scope="session")
def card() -> Path:
    """The library of the fake card."""
    if why := missing():
        pytest.skip(f"no fake card: {why}")
    return built()
