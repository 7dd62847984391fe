"""The counts of `bench/house.py`, on a package made up to have one of everything."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.house import House, of_commit, survey

FILES = {
    "__init__.py": "from made.low import thing",
    "__main__.py": "from made.top.main import run",
    "low.py": "import json\nimport elsewhere.made.mid\n",
    "mid/__init__.py": "from .. import low",
    "mid/one.py": "from made.low import thing\nfrom made import low\nfrom . import two\n",
    "mid/two.py": "import made.low\n",
    "side.py": "from .mid.one import thing\n",
    "top/main.py": """from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from made.side import thing

@property
def run():
    from made import mid
    def inner():
        pass

    return mid
""",
    "ring_a.py": "import made.ring_b, made.mid.two",
    "ring_b.py": "from made import ring_c",
    "ring_c.py": "from made.ring_a import thing\nfrom made import __version__",
}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "made" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "made"


def test_rooms_arrows_floors_and_circles(made: Path) -> None:
    house = survey(made)
    assert house.arrows == {
        "low": [],
        "mid": ["low"],
        "ring_a": ["mid", "ring_b"],
        "ring_b": ["ring_c"],
        "ring_c": ["ring_a"],
        "side": ["mid"],
        "top": ["mid", "side"],
    }
    assert house.chain == ["top", "side", "mid", "low"]
    assert house.circles == [["ring_a", "ring_b", "ring_c"]]
    named = {name: house.counts[name] for name in ("rooms", "arrows", "floors", "circles", "files")}
    assert named == {"rooms": 7, "arrows": 8, "floors": 4, "circles": 1, "files": len(FILES)}


def test_lines_are_those_of_whole_files_and_of_functions_from_their_def(made: Path) -> None:
    house = survey(made)
    assert next(iter(house.files.items())) == ("top/main.py", 11)
    assert house.functions == {"top/main.py:6 run": 6, "top/main.py:8 inner": 2}
    (made / "low.py").write_text("def long():\n" + "    pass\n" * 300)
    counts = survey(made).counts
    assert (counts["files over 250 lines"], counts["functions over 40 lines"]) == (1, 1)


def test_a_commit_is_read_as_it_was(made: Path) -> None:
    git = ("git", "-C", str(made.parent), "-c", "user.name=A", "-c", "user.email=a@b.c")
    for words in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "Before")):
        subprocess.run([*git, *words], check=True)
    before = survey(made)
    (made / "side.py").unlink()
    assert survey(made).counts["rooms"] == 6
    assert of_commit(made.parent, "made", "HEAD") == before


def test_the_command_prints_this_package_for_people_and_for_programs() -> None:
    script = Path(__file__).parents[1] / "bench" / "house.py"
    said = [
        subprocess.run([sys.executable, str(script), *flags], capture_output=True, text=True, check=True).stdout
        for flags in ((), ("--json",))
    ]
    value = json.loads(said[1])
    assert House(**{name: value[name] for name in House.__annotations__}).counts == value["counts"]
    assert said[0].split()[:2] == ["rooms", str(value["counts"]["rooms"])]
