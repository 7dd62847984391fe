"""How the package is built: its rooms, who imports whom, its floors, its largest files and longest functions.

    python bench/house.py
    python bench/house.py --commit 377ba0e        the tree of another commit
    python bench/house.py --json

Everything is read from the source alone; nothing of the package is imported. What is counted:

- room: whatever lies directly in the package's folder, a folder with Python files in it or a single module.
  `__init__.py` and `__main__.py` of the package itself are no rooms.
- arrow: an ordered pair of rooms, (A, B), where any file of A imports B or something in B; each pair counts once,
  however often it is imported. Every import statement counts, at the top of a file or inside a function, for types
  alone or not, absolute or relative. What is loaded by its name at run time, as the registry does, is not an import.
- floors: the number of rooms on the longest chain of arrows. Rooms that import one another, in a circle of any length,
  share a floor, and the circle is listed.
- lines: of a file, all of them; of a function, from its `def` to its last line, docstring and inner functions included,
  decorators not.
"""

import argparse
import ast
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

FILE_LINES, FUNCTION_LINES = 250, 40
"""Longer ones are counted."""


@dataclass(frozen=True)
class House:
    """What was counted. arrows: room -> the rooms that it imports. files, functions: name -> lines, longest first.

    chain: the rooms of the longest chain, each of which imports the next. circles: rooms that import one another.
    """

    arrows: dict[str, list[str]]
    chain: list[str]
    circles: list[list[str]]
    files: dict[str, int]
    functions: dict[str, int]

    @property
    def counts(self) -> dict[str, int]:
        """The numbers to compare two trees by."""
        return {
            "rooms": len(self.arrows),
            "arrows": sum(len(others) for others in self.arrows.values()),
            "floors": len(self.chain),
            "circles": len(self.circles),
            "files": len(self.files),
            "lines": sum(self.files.values()),
            f"files over {FILE_LINES} lines": sum(lines > FILE_LINES for lines in self.files.values()),
            "functions": len(self.functions),
            f"functions over {FUNCTION_LINES} lines": sum(lines > FUNCTION_LINES for lines in self.functions.values()),
        }


def survey(package: Path) -> House:
    """Read every Python file below the folder of a package."""
    paths = sorted(package.rglob("*.py"))
    trees = {path: ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in paths}
    rooms = {room for path in paths if (room := room_of(path.relative_to(package))) is not None}
    arrows: dict[str, set[str]] = {room: set() for room in sorted(rooms)}
    functions: dict[str, int] = {}
    for path, tree in trees.items():
        inside = path.relative_to(package)
        functions |= {f"{inside}:{node.lineno} {node.name}": lines_of(node) for node in functions_of(tree)}
        room = room_of(inside)
        if room is not None:
            arrows[room] |= {name for name in imported(tree, package.name, inside) if name in rooms} - {room}
    found = {room: sorted(others) for room, others in arrows.items()}
    files = {str(path.relative_to(package)): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}
    return House(found, longest_chain(found), circles(found), longest_first(files), longest_first(functions))


def room_of(inside: Path) -> str | None:
    """The room of a file, by its path inside the package; None for the package's own `__init__` and `__main__`."""
    if len(inside.parts) > 1:
        return inside.parts[0]
    return None if inside.stem in ("__init__", "__main__") else inside.stem


def imported(tree: ast.Module, package: str, inside: Path) -> Iterator[str]:
    """The first name below the package of everything that a file imports, once for each time it is imported."""
    here = (package, *inside.parent.parts)
    for node in ast.walk(tree):
        full: list[str] = []
        if isinstance(node, ast.Import):
            full = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(here[: len(here) - node.level + 1]) if node.level else []
            base += node.module.split(".") if node.module else []
            full = [".".join([*base, alias.name]) for alias in node.names]
        for name in full:
            first, *rest = name.split(".")
            if first == package and rest:
                yield rest[0]


def functions_of(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions and methods, inner ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From `def` to the last line."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def longest_first(lines: dict[str, int]) -> dict[str, int]:
    """In falling order, by name where they are equal."""
    return dict(sorted(lines.items(), key=lambda item: (-item[1], item[0])))


def reachable(arrows: dict[str, list[str]], start: str) -> set[str]:
    """The rooms that arrows lead to from `start`, itself only where there is a circle."""
    seen: set[str] = set()
    waiting = list(arrows[start])
    while waiting:
        room = waiting.pop()
        if room not in seen:
            seen.add(room)
            waiting += arrows[room]
    return seen


def circles(arrows: dict[str, list[str]]) -> list[list[str]]:
    """Groups of rooms each of which leads to all others of its group."""
    below = {room: reachable(arrows, room) for room in arrows}
    groups = {tuple(sorted(other for other in below[room] if room in below[other])) for room in arrows}
    return [list(group) for group in sorted(groups) if group]


def longest_chain(arrows: dict[str, list[str]]) -> list[str]:
    """The longest chain of rooms each of which imports the next; of a circle, its first room by name."""
    leader = {room: room for room in arrows} | {room: group[0] for group in circles(arrows) for room in group}
    below: dict[str, set[str]] = {name: set() for name in leader.values()}
    for room, others in arrows.items():
        below[leader[room]] |= {leader[other] for other in others} - {leader[room]}
    chains: dict[str, list[str]] = {}

    def chain(room: str) -> list[str]:
        if room not in chains:
            chains[room] = [room, *max((chain(other) for other in sorted(below[room])), key=len, default=[])]
        return chains[room]

    return max((chain(room) for room in sorted(below)), key=len, default=[])


def table(house: House, most: int) -> Iterator[str]:
    """The counts, a line a room, and the largest files and longest functions."""
    for name, count in house.counts.items():
        yield f"{name:28} {count:6,}"
    yield f"\nlongest chain: {' > '.join(house.chain)}"
    yield from (f"circle: {', '.join(group)}" for group in house.circles)
    yield f"\n{'room':14} {'imports':>7} {'imported by':>11}"
    for room, others in house.arrows.items():
        yield f"{room:14} {len(others):7} {sum(room in names for names in house.arrows.values()):11}"
    for title, lines in (("files", house.files), ("functions", house.functions)):
        yield f"\nlines  longest {title}"
        yield from (f"{count:5}  {name}" for name, count in list(lines.items())[:most])


def of_commit(repository: Path, package: str, commit: str) -> House:
    """The package as it was at a commit. Raises CalledProcessError where git does not have it."""
    packed = subprocess.run(
        ["git", "-C", str(repository), "archive", commit, package], check=True, stdout=subprocess.PIPE
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        return survey(Path(folder) / package)


def main() -> int:
    """Print the table, or JSON; exit 2 where there is no such commit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commit", help="read the tree of this commit; default: the files as they are")
    parser.add_argument("--package", default="barlowcli")
    parser.add_argument("--most", type=int, default=8, help="how many of the longest files and functions to show")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    repository = Path(__file__).resolve().parents[1]
    try:
        house = (
            of_commit(repository, arguments.package, arguments.commit)
            if arguments.commit
            else survey(repository / arguments.package)
        )
    except subprocess.CalledProcessError:
        return 2  # git has said why
    if arguments.json:
        print(json.dumps({"counts": house.counts, **asdict(house)}, indent=2))
    else:
        print("\n".join(table(house, arguments.most)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
