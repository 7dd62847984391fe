"""`~`, variables, quotes and addresses in a path."""

import os
from pathlib import Path

import pytest

from barlowcli.errors import ConfigError
from barlowcli.machine.places import expanded


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("DISK", "/disk")
    monkeypatch.setenv("WITH_A_DOLLAR", "/a$DISK")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("UNSET", raising=False)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("~", "/home/me"),
        ("~/x", "/home/me/x"),
        ("$HOME/x", "/home/me/x"),
        ("${DISK}/$DISK", "/disk//disk"),
        ("a/${DISK}x", "a//diskx"),
        ("$WITH_A_DOLLAR", "/a$DISK"),
        ("a~b", "a~b"),
        ("US$/5$", "US$/5$"),
        ("'~/x'", "/home/me/x"),
        ('"a b"', "a b"),
        ("x'", "x'"),
        ("C:/x", "C:/x"),
    ],
)
def test_a_path_is_what_a_shell_makes_of_it(given, path):
    assert expanded(given) == Path(path)


def test_a_folder_called_like_a_home_is_named_from_here(tmp_path):
    assert expanded("./~") == tmp_path / "~"
    assert expanded("./~nobody-here/x") == tmp_path / "~nobody-here" / "x"


def test_the_home_of_a_user_by_name():
    if os.name == "posix":
        assert expanded("~root/x").is_absolute()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("$UNSET/x", r"\$UNSET/x: the variable UNSET is not set"),
        ("${EMPTY}/x", "the variable EMPTY is empty"),
        ("~nobody-here", "there is no home folder ~nobody-here"),
        ("", "a path is needed"),
        ("''", "a path is needed"),
        ("gs://bucket/x", "an address"),
        ("file:///x", "an address"),
    ],
)
def test_what_stands_for_nothing_is_refused(given, message):
    with pytest.raises(ConfigError, match=message) as error:
        expanded(given)
    assert error.value.hint


@pytest.mark.parametrize("name", ["$UNSET", "'x'", "$DISK"])
def test_a_file_that_is_there_under_the_very_name_is_that_file(name, tmp_path):
    (tmp_path / name).write_text("")
    assert expanded(name) == Path(name)
