"""What pyproject.toml promises of versions is what the whole suite ran on, which `python -m tests.tried` notes."""

import pytest

from tests.tried.versions import ROOT, bounds, installed, is_lowest, notes, other_than, project, pythons


def test_every_lower_bound_is_a_version_that_the_whole_suite_ran_on():
    tried = notes()[f"{pythons(project())[0]} lowest"]["versions"]
    assert other_than(bounds(project()), tried) == [], "run `make tried-lowest`"


@pytest.mark.skipif(not is_lowest(), reason="this environment is not the one of the lowest versions")
def test_the_environment_of_the_lowest_versions_has_each_of_them():
    lowest = bounds(project())
    assert other_than(lowest, installed(list(lowest))) == []


def test_the_pythons_that_are_named_are_those_that_the_whole_suite_ran_on():
    named = pythons(project())
    assert named == sorted({name.split()[0] for name in notes()})
    assert project()["requires-python"] == f">={named[0]}"


def test_the_readme_names_the_same_pythons():
    said = f"Python {pythons(project())[0]} or newer (tried with {', '.join(pythons(project()))})"
    assert said in (ROOT / "README.md").read_text(encoding="utf-8").replace("\n", " ")


def test_a_bound_that_is_lowered_or_added_without_a_run_is_found():
    tried = {"numpy": "2.1.0", "rich": "13.8.0"}
    assert other_than({"numpy": "2.1", "rich": "13.8"}, tried) == []
    assert other_than({"numpy": "2.0", "rich": "13.8", "pandas": "2"}, tried) == [
        "numpy>=2.0 is allowed, 2.1.0 was tried",
        "pandas>=2 is allowed, nothing was tried",
    ]


@pytest.mark.parametrize("line", ["numpy", "numpy<3", "numpy>=2,<3", "numpy==2.1", "numpy~=2.1"])
def test_a_requirement_is_one_lower_bound(line):
    with pytest.raises(ValueError, match=r"one lower bound is wanted, such as numpy>=1\.2"):
        bounds({"dependencies": [line], "optional-dependencies": {"test": []}})
