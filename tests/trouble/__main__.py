"""What was tried of other people's trouble: a table of kinds, and with names the situations of each.

    python -m tests.trouble
    python -m tests.trouble --names

A situation is a test, and every case of one that has several. Counted by collecting them; nothing is run.
"""

import argparse
import ast
import contextlib
import io
from collections import defaultdict
from pathlib import Path

import pytest

HERE = Path(__file__).parent


class Collected:
    """A pytest plugin that keeps the ids of what was collected."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep them."""
        self.ids = [item.nodeid for item in session.items]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", action="store_true", help="name every test")
    arguments = parser.parse_args()
    collected = Collected()
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["--collect-only", str(HERE)], plugins=[collected])
    cases: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for name in collected.ids:
        file, _, test = name.partition("::")
        cases[Path(file).stem][test.partition("[")[0]] += 1
    print("| kind | situations | cases |\n|---|---|---|")
    for kind, tests in cases.items():
        print(f"| {meaning(kind)} (`{kind}.py`) | {len(tests)} | {sum(tests.values())} |")
        if arguments.names:
            for test, count in tests.items():
                print(f"| … {test.removeprefix('test_').replace('_', ' ')} | | {count} |")
    total = [test for tests in cases.values() for test in tests.values()]
    print(f"| all | {len(total)} | {sum(total)} |")


def meaning(kind: str) -> str:
    """The first sentence of the file, without its full stop."""
    text = ast.get_docstring(ast.parse((HERE / f"{kind}.py").read_text(encoding="utf-8"))) or kind
    return text.split("\n")[0].removesuffix(".")


if __name__ == "__main__":
    main()
