"""Experiment files and flags from outside, thing by thing: what is said of each."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from barlowcli.cli import main as cli
from barlowcli.cli.parsing import absolute, parse_settings, parse_shard, split
from barlowcli.errors import BarlowError, ConfigError
from barlowcli.experiment.files import load_experiment, parse_experiment
from tests.faults.strategies_toml import GOOD


def refused(action: Callable[[], Any]) -> BarlowError:
    """The error that an action ends with."""
    with pytest.raises(BarlowError) as caught:
        action()
    return caught.value


# Experiment files


def error_of(tmp_path: Path, text: str) -> str:
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8")
    error = refused(lambda: parse_experiment(path))
    assert isinstance(error, ConfigError)
    return error.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("seeds = 2", "seeds = 2\nextends = 5"), "presets.mini.extends: no such key; did you mean `seeds`?"),
        (("question", "extends = './my.toml'\nquestion"), "extends: no such key; known: name"),
        (
            ("seeds = 2", "seeds = 1000000000"),
            "presets.mini.seeds: input should be less than or equal to 1000",
        ),
        (("limit = 600", "limit = nan"), "presets.mini.settings.data.limit: expected a finite number, got nan"),
        (("limit = 600", "limit = -inf"), "presets.mini.settings.data.limit: expected a finite number, got -inf"),
        (
            ("limit = 600", "limit = 0x" + "f" * 9000),
            "mini.settings.data.limit: an integer of more than 64 bits",
        ),
        (('"T"', "0x" + "f" * 9000), "title: an integer of more than 64 bits"),
        (('"T"', "1" * 5000), "is not valid TOML: Exceeds the limit"),
        (('"T"', "[" * 10_000 + "]" * 10_000), "is not valid TOML: nested more than 32 deep"),
        (('"T"', "[" * 40 + "]" * 40), "my.toml: title: nested more than 32 deep"),
        (('"Q?"', '"Q?"\n' + ".".join("a" * 20_000) + " = 1"), "is not valid TOML: nested more than 32 deep"),
        (("mini]", '"../../etc"]'), "presets: a preset cannot be named '../../etc': small letters a to z, digits and"),
        (("mini]", '"/etc"]'), "presets: a preset cannot be named '/etc': small letters a to z"),
        (("mini]", '"."]'), "presets: a preset cannot be named '.': small letters a to z"),
        (("mini]", '"a\\u001b[31m"]'), "presets: a preset cannot be named 'a\\x1b[31m': small letters"),
        (("axes.method", 'axes."a\\nb"'), "axes: an axis cannot be named 'a\\nb': `--axis NAME=VALUE` must name it"),
        (('"byol"', '"a|b"'), "an axis cannot have the value 'a|b': `-` stands for no value, `|` between values"),
        (('"byol"', '"-"'), "an axis cannot have the value '-'"),
        (('"byol"', '"a\\u0000b"'), "an axis cannot have the value 'a\\x00b'"),
        (
            ("title", 'name = "../x"\ntitle'),
            "name: expected small letters a to z, digits and hyphens, at most",
        ),
        (("title", 'name = "/etc/x"\ntitle'), "no hyphen first, got '/etc/x'"),
        (("title", 'name = "a\\u0007"\ntitle'), "no hyphen first, got 'a\\x07'"),
        (('"T"', '"' + "x" * 5000 + '"\nnotes = 1' + "0" * 15), "notes: input should be a valid list, got 1"),
        (("question", "notes = '" + "x" * 5000 + "'\nquestion"), "notes: input should be a valid list, got 'xxx"),
    ],
)
def test_what_no_experiment_can_have(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    assert GOOD.count(change[0]) == 1
    said = error_of(tmp_path, GOOD.replace(*change))
    assert message in said
    assert len(said) < 500
    assert "\x1b" not in said


def test_a_grid_that_nobody_can_run_is_refused_unplanned(tmp_path: Path) -> None:
    many = "".join(f'[axes.a{n}]\nkey = "views.flip"\nvalues = [0.1, 0.2, 0.3, 0.4, 0.5]\n' for n in range(12))
    start = time.process_time()
    assert "presets.mini: 976,562,500 cells, more than 10,000; fewer values" in error_of(tmp_path, GOOD + many)
    assert time.process_time() - start < 2


def test_hundreds_of_mistakes_are_counted(tmp_path: Path) -> None:
    said = error_of(tmp_path, GOOD.replace("question", f"notes = [{'1, ' * 500}]\nquestion")).splitlines()
    assert len(said) == 101
    assert said[-1] == "my.toml: and 400 more mistakes"


def test_what_is_no_experiment_file(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_bytes(b"\xff\xfe")
    assert refused(lambda: parse_experiment(path)).message == f"cannot read {path}: it is not UTF-8 text"
    path.write_bytes(bytes(2**20))
    error = refused(lambda: parse_experiment(path))
    assert error.message == f"{path} is no experiment file: more than 262,144 bytes"
    assert "barlow cp" in error.hint
    for name in ("/dev/zero", "/dev/null", str(tmp_path), "./" + "x" * 5000 + ".toml", "a/\udcff", "./~nobody/x.toml"):
        assert refused(lambda name=name: load_experiment(name)).message == f"no experiment file at {name}"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("methods.byol.method = 5", "every preset: methods.byol.method: expected settings of the method, got 5"),
        ("methods.byol.encoder.name = []", "every preset: encoder.name: input should be a valid string, got []"),
        ("settings.evaluation.domains = 5", "every preset: evaluation.domains: input should be a valid tuple, got 5"),
        ("settings.views.shuffle = { x = 1 }", "every preset: views.shuffle: input should be a valid string, got {'x'"),
        ("fixed.data.name = 5", "every preset: data.name: input should be a valid string, got 5"),
        ("fixed.training.epochs = 1e30", "every preset: training.epochs: "),
        ("fixed.training.epochs = 'ten'", "every preset: training.epochs: input should be a valid integer"),
    ],
)
def test_settings_of_the_wrong_type_are_refused_by_validate(
    settings: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my.toml").write_text(settings + "\n" + GOOD)
    monkeypatch.setattr(sys, "argv", ["barlow", "validate", str(tmp_path / "my.toml")])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    assert message in capsys.readouterr().err


# Flags


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: parse_shard("²/³"), "--shard ²/³: expected I/N with 1 <= I <= N"),
        (lambda: parse_shard("1" * 5000 + "/" + "2" * 5000), "expected I/N"),
        (
            lambda: absolute("folder:~nobody-here/x"),
            "--dataset 'folder:~nobody-here/x': ~nobody-here/x: there is no home folder ~nobody-here",
        ),
        (lambda: split("a|b", "--shuffle"), "--shuffle: an axis cannot have the value 'a|b'"),
        (lambda: split("a,-", "--axis x"), "--axis x: an axis cannot have the value '-'"),
        (lambda: split("a\udcff", "--method"), "--method: an axis cannot have the value 'a\\udcff'"),
        (lambda: parse_settings(["a=nan"]), "--set a: expected a finite number, got nan"),
        (lambda: parse_settings(["a=0x" + "f" * 9000]), "--set a: an integer of more than 64 bits"),
        (lambda: parse_settings([".".join("a" * 99) + "=1"]), "nested more than 32 deep"),
        (lambda: parse_settings(["a=\udcff"]), "--set a: not valid UTF-8"),
    ],
)
def test_flags_that_mean_nothing(action: Callable[[], Any], message: str) -> None:
    error = refused(action)
    assert isinstance(error, ConfigError)
    assert message in error.message


def test_a_setting_on_the_command_line_is_one_value_or_text() -> None:
    given = ["a=1", "b=[1, 2]", "c=x y", "d=1\nb = 2", "e=" + "1" * 5000, "f=" + "[" * 5000]
    found = parse_settings(given)
    assert (found["a"], found["b"], found["c"], found["d"]) == (1, [1, 2], "x y", "1\nb = 2")
    assert (found["e"], found["f"]) == ("1" * 5000, "[" * 5000)
