"""The way of the data is one direction: who may import whom, read from the imports themselves."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "barlowcli"

ROOMS = (
    *("errors", "entries", "registry", "machine", "settings", "records", "data", "views", "networks", "methods"),
    *(
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
    ),
    *("tables", "plots", "report", "running", "cli"),
)
"""A room imports only rooms to the left of its own."""
RANK = {name: rank for rank, name in enumerate(ROOMS)}
WITHOUT_TORCH = (
    *("analysis.results", "analysis.lines", "analysis.statistics", "analysis.wording", "published.figures"),
    *("verdicts", "tables.overview", "tables.writing", "tables.costs", "plots.accuracy", "plots.curve", "report"),
    *("experiment.model", "plan.grid", "plan.freezing", "records.record", "settings.cell", "registry"),
)


def top(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("barlowcli.")}
    return found - {top(path)}


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    own = top(path)
    wrong = {name for name in imports(path) if RANK[name] >= RANK[own]}
    assert not wrong, f"{own} imports {wrong}"


def test_every_module_has_its_layer():
    assert {top(path) for path in FILES} == set(RANK)


@pytest.mark.parametrize("module", ["cli.main", *WITHOUT_TORCH])
def test_what_must_answer_at_once_never_imports_torch(module):
    code = f"import sys, barlowcli.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_contributing_has_the_rooms_in_their_order():
    lines = (PACKAGE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|") for line in lines if line.startswith("| `")]
    assert [row[1].strip(" `") for row in rows] == [*ROOMS]
    assert all(len(row) == 4 and row[2].strip() for row in rows)
