"""The way of the data is one direction: who may import whom, read from the imports themselves."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.house import House, survey

PACKAGE = Path(__file__).resolve().parents[1] / "barlowcli"

ROOMS = [
    "errors",
    "entries",
    "registry",
    "machine",
    "settings",
    "records",
    "data",
    "views",
    "networks",
    "methods",
    "evaluation",
    "training",
    "experiment",
    "plan",
    "cell",
    "engines",
    "measuring",
    "analysis",
    "verdicts",
    "published",
    "tables",
    "plots",
    "report",
    "running",
    "cli",
]
"""A room imports only rooms to the left of its own."""
WITHOUT_TORCH = [
    "analysis.results",
    "analysis.lines",
    "analysis.statistics",
    "analysis.wording",
    "published.figures",
    "verdicts",
    "tables.overview",
    "tables.writing",
    "tables.costs",
    "plots.accuracy",
    "plots.curve",
    "report",
    "experiment.model",
    "plan.grid",
    "plan.freezing",
    "records.record",
    "settings.cell",
    "registry",
]


def upward(house: House, rooms: Sequence[str]) -> list[str]:
    """The arrows that point the wrong way, to a room on the right of one's own."""
    rank = {name: place for place, name in enumerate(rooms)}
    return [f"{own} imports {other}" for own in rooms for other in house.arrows[own] if rank[other] > rank[own]]


@pytest.fixture(scope="module")
def house() -> House:
    return survey(PACKAGE)


def test_imports_point_one_way(house):
    assert not upward(house, ROOMS)


def test_every_module_has_its_layer(house):
    assert sorted(house.arrows) == sorted(ROOMS)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("low/one.py", "from made.high import thing"),
        ("low/one.py", "from made import high"),
        ("low/one.py", "import made.high.one"),
        ("low/one.py", "from .. import high"),
        ("low/one.py", "from ..high.one import thing"),
        ("low/one.py", "def inner():\n    from made import high"),
        ("low/__init__.py", "from made.high import thing"),
    ],
)
def test_a_planted_import_upwards_is_found(tmp_path, file, text):
    files = {"low/__init__.py": "", "low/one.py": "", "high/__init__.py": "", "high/one.py": "from made import low"}
    for name, source in files.items():
        path = tmp_path / "made" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    assert not upward(survey(tmp_path / "made"), ["low", "high"])
    (tmp_path / "made" / file).write_text(text)
    assert upward(survey(tmp_path / "made"), ["low", "high"]) == ["low imports high"]


@pytest.mark.parametrize("module", ["cli.main", *WITHOUT_TORCH])
def test_what_must_answer_at_once_never_imports_torch(module):
    code = f"import sys, barlowcli.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_contributing_has_the_rooms_in_their_order():
    lines = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|") for line in lines if line.startswith("| `")]
    assert [row[1].strip(" `") for row in rows] == [*ROOMS]
    assert all(len(row) == 4 and row[2].strip() for row in rows)
