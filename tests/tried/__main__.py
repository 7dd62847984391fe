"""Run the whole suite in this environment, and note the versions when it passes: python -m tests.tried

`make tried-lowest` does it with the lowest versions that pyproject.toml allows, `make tried` with the newest; for
another Python `make tried PYTHON=python3.13 VENV=.venv-3.13`. These notes are what `test_tried.py` holds against
pyproject.toml.
"""

import platform
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from tests.tried.versions import NOTES, ROOT, bounds, installed, is_lowest, note, other_than, project


def passed() -> int:
    """Run every test but those of the notes themselves; how many passed, or the end of the program."""
    with TemporaryDirectory() as folder:
        report = Path(folder) / "suite.xml"
        suite = ("-m", "pytest", "-n", "2", "--durations=25", "--ignore=tests/tried", f"--junitxml={report}")
        code = subprocess.run([sys.executable, *suite], cwd=ROOT).returncode
        if code:
            sys.exit(code)
        found = ElementTree.parse(report).getroot().iter("testsuite")
        return sum(int(one.get("tests", 0)) - int(one.get("skipped", 0)) for one in found)


def main() -> None:
    """Check what is installed, run, note."""
    lowest = bounds(project())
    versions = installed(list(lowest))
    if is_lowest() and (wrong := other_than(lowest, versions)):
        sys.exit("\n".join(wrong))
    python = ".".join(map(str, sys.version_info[:2]))
    name = f"{python} lowest" if is_lowest() else python
    note(name, {"python": platform.python_version(), "tests": passed(), "versions": versions})
    print(f"noted {name} in {NOTES}")


if __name__ == "__main__":
    main()
