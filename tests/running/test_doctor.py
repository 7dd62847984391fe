"""What `barlow doctor` says of the packages that are installed."""

import importlib.metadata

import pytest

from barlowcli.running import doctor


@pytest.fixture
def asked(monkeypatch):
    def these(bounds: dict[str, str], **versions: str) -> list[str]:
        """The problems where barlow asks for `bounds` and these versions are installed, others as they are."""
        monkeypatch.setattr(doctor, "requires", lambda name: [*bounds.values(), 'kornia>=99; extra == "bench"'])
        monkeypatch.setattr(doctor, "version", lambda name: versions.get(name) or importlib.metadata.version(name))
        return doctor.installed()[1]

    return these


def test_a_package_that_is_too_old_is_named_with_the_oldest_that_will_do(asked):
    (problem,) = asked({"a": "matplotlib>=3.10.7", "b": "rich>=13.8"}, matplotlib="3.9.4", rich="13.8.0")
    assert "matplotlib 3.9.4 is too old, 3.10.7 is the oldest" in problem
    assert "uv pip install 'matplotlib>=3.10.7'" in problem


@pytest.mark.parametrize(
    ("bound", "there", "enough"),
    [
        ("2.11", "2.11.0+cu130", True),
        ("2.11", "2.12.0a0+git1234", True),
        ("2.11", "2.9.1", False),
        ("3.10", "3.9.4", False),
        ("3.10.7", "3.10", False),
        ("13", "13.0.0", True),
        ("13.0.0", "13", True),
        ("4.3.1", "10", True),
    ],
)
def test_versions_are_compared_by_number(asked, bound, there, enough):
    assert (asked({"a": f"numpy>={bound}"}, numpy=there) == []) == enough


def test_a_package_that_barlow_asks_for_and_that_is_not_there_is_named(asked):
    assert "no-such-package is not installed" in asked({"a": "no-such-package>=1"})[0]


def test_barlow_that_is_not_installed_asks_for_nothing(monkeypatch):
    def missing(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "requires", missing)
    assert doctor.lower_bounds() == {}
    assert doctor.installed()[1] == []
