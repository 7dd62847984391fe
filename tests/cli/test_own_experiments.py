"""An experiment of one's own, from the copy to the report: `barlow cp`, `validate`, `sweep`, and `run` by path."""

import json
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from barlowcli.experiment.files import experiments_folder, load_experiment
from tests.grids import TINY

SIZE = [flag for key, value in (TINY | {"training.epochs": 1}).items() for flag in ("--set", f"{key}={value}")]
CROP = '[axes.crop]\nkey = "views.crop_scale"\nvalues = [[0.08, 1.0], [0.4, 1.0]]\n\n'
NAMED = """\
# barlow run ./named.toml --jitter off, then barlow report old-name; barlow run old-name-2 is another
title = "T"
question = '''
name = "not this one"'''
name = "old-name"  # in the report
[axes.method]
key = "method.name"
values = ["barlow", "byol"]
[presets.one]
summary = "S"
cost = "C"
seeds = 2
[presets.one.settings.data]
name = "colour-digits"
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def change(path: Path, *changes: tuple[str, str]) -> None:
    """Replace text that stands in the file."""
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def test_a_copy_is_the_experiment_under_another_name(run, tmp_path):
    source = (experiments_folder() / "shuffle-test.toml").read_text(encoding="utf-8")
    code, out, err = run("cp", "shuffle-test", "my.toml")
    assert (code, err) == (0, "")
    assert "barlow validate ./my.toml" in out
    assert "barlow run ./my.toml" in out
    copy = (tmp_path / "my.toml").read_text(encoding="utf-8")
    assert tomllib.loads(copy) == tomllib.loads(source)
    assert copy == source.replace("# barlow run shuffle-test", "# barlow run ./my.toml").replace(
        "#   barlow run shuffle-test", "#   barlow run ./my.toml"
    )
    assert "barlow run ./my.toml --jitter off" in copy
    assert load_experiment("./my.toml").name == "my"


def test_a_copy_of_ones_own_file_gives_up_its_name(run, tmp_path):
    (tmp_path / "named.toml").write_text(NAMED, encoding="utf-8")
    (tmp_path / "there").mkdir()
    code, out, err = run("cp", "./named.toml", "there/new.toml")
    assert code == 0, err
    assert "barlow run there/new.toml" in out
    expected = NAMED.replace("run ./named.toml", "run ./new.toml").replace("report old-name", "report new")
    expected = expected.replace('name = "old-name"', 'name = "new"')
    assert (tmp_path / "there" / "new.toml").read_text(encoding="utf-8") == expected
    assert load_experiment("there/new.toml").name == "new"


def test_a_name_that_cannot_be_changed_is_not_copied(run, tmp_path):
    (tmp_path / "named.toml").write_text(
        NAMED.replace('"old-name"  # in the report', '"""\\\nold-name"""'), encoding="utf-8"
    )
    code, _, err = run("cp", "named.toml", "new.toml")
    assert code == 2
    assert "name: expected on one line" in err
    assert not (tmp_path / "new.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["shuffle-test", "my"], "my: expected a path that ends in .toml", "for example ./my.toml"),
        (["shuffle-test", "my.txt"], "my.txt: expected a path that ends in .toml", "for example ./my.toml"),
        (["shuffle-test", ".toml"], ".toml: expected a path that ends in .toml", "for example ./my.toml"),
        (["shuffle-test", "reference.toml"], "`barlow report` would not find yours", "./my-reference.toml"),
        (["shuffle-test", "folder"], "folder: expected a path that ends in .toml", "for example folder/my.toml"),
        (["shuffle-test", "My_Test.toml"], "an experiment cannot be named `My_Test`", "for example ./my-test.toml"),
        (["shuffle-test", "folder/dims.toml"], "`dims` is an experiment that comes with barlow", "folder/my-dims.toml"),
        (["shuffle-test", "no where/my.toml"], "there is no folder no where", "mkdir -p 'no where'"),
        (["shuffle-test", "there.toml"], "there.toml exists already", "--force"),
        (["shuffle-test", "shuffle-test.toml", "--force"], "its results would be mixed with yours", "another name"),
        (["shuffle-test", "folder.toml", "--force"], "folder.toml is a folder", "name a file in it"),
        (["shufle-test", "my.toml"], "no experiment named `shufle-test`", "did you mean `shuffle-test`?"),
        (["./mine.toml", "my.toml"], "no experiment file at ./mine.toml", "barlow ls experiments"),
        (["there.toml", "my.toml"], "there.toml is not valid TOML", ""),
    ],
)
def test_what_cannot_be_copied_is_refused_and_nothing_written(run, tmp_path, arguments, message, hint):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "there.toml").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run("cp", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert hint in err.partition("hint: ")[2]
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "there.toml").read_text() == "mine"


def test_force_writes_over_a_file(run, tmp_path):
    (tmp_path / "my.toml").write_text("mine")
    assert run("cp", "shuffle-test", "my.toml", "--force")[0] == 0
    assert load_experiment("./my.toml").title == load_experiment("shuffle-test").title


@pytest.mark.usefixtures("brief")
def test_validate_counts_what_a_dry_run_shows(run, tmp_path):
    code, out, _ = run("validate", "shuffle-test")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert list(lines) == list(load_experiment("shuffle-test").presets)
    assert lines["quick"].endswith(" 95 cells, 19 arms (7 of them controls), 5 seeds")
    _, out, _ = run("validate", "shuffle-test", "--json")
    value = json.loads(out)
    assert (value["experiment"], value["mistakes"]) == ("shuffle-test", [])
    found = {one["preset"]: one for one in value["presets"]}["quick"]  # a dry run of a large preset times its steps
    _, out, _ = run("run", "shuffle-test", "--preset", "quick", "--device", "cpu", "--dry-run", "--json")
    cells = json.loads(out)["cells"]
    arms = {(*cell["axes"].values(), cell["control"]) for cell in cells}
    assert found["cells"] == len(cells)
    assert found["arms"] == len(arms)
    assert found["controls"] == sum(control for *_, control in arms)
    assert found["seeds"] == len({cell["seed"] for cell in cells})
    assert not list(tmp_path.iterdir())


def test_every_experiment_that_comes_with_barlow_is_valid(run):
    for path in experiments_folder().glob("*.toml"):
        code, _, err = run("validate", path.stem)
        assert code == 0, f"{path.stem}: {err}"


def test_validate_reports_the_mistakes_of_all_presets_at_once(run, tmp_path):
    two = '[presets.two]\nsummary = "S"\ncost = "C"\n[presets.two.settings]\ndata.name = "parquet:/no/which"\n'
    shared = (
        '[settings]\nviews.solarise = [0.0, 0.0]\n[axes.shuffle]\nkey = "views.shuffle"\nvalues = ["none", "pixls"]\n'
    )
    (tmp_path / "named.toml").write_text(NAMED + two + shared, encoding="utf-8")
    change(
        tmp_path / "named.toml",
        ('name = "colour-digits"', 'name = "folder:/no/where"\n[presets.one.settings.encoder]\ndim = 5'),
    )
    before = (tmp_path / "named.toml").read_text()
    code, out, err = run("validate", "named.toml")
    assert (code, out) == (2, "")
    lines = err.splitlines()
    for line in (
        "error: every preset: views.solarise: no such key; did you mean `solarize`?",
        "error: every preset: views.shuffle: no shuffle arm named `pixls`; did you mean `pixels`?",
        "error: preset one: encoder.dim: no such key; known: name, stem",
        "error: preset one: data.name: /no/where: no such file or folder; check the path after `folder:`",
        "error: preset two: data.name: /no/which: no such file or folder; check the path after `parquet:`",
    ):
        assert lines.count(line) == 1, err
    assert [line.partition(":")[0] for line in lines] == ["error"] * 5 + ["hint"]
    code, out, _ = run("validate", "named.toml", "--json")
    value = json.loads(out)
    assert (code, value["presets"]) == (2, [])
    assert {"presets": ["one"], "problem": "encoder.dim: no such key; known: name, stem"} in value["mistakes"]
    assert [path.name for path in tmp_path.iterdir()] == ["named.toml"]
    assert (tmp_path / "named.toml").read_text() == before


def test_missing_data_of_one_method_or_of_one_value_of_an_axis_are_found(run, tmp_path):
    text = (
        NAMED
        + '[presets.one.methods.byol]\ndata.name = "folder:/no/a"\n'
        + '[axes.data.values]\nb = { "data.name" = "folder:/no/b" }\nc = { "data.name" = "folder:/no/c" }\n'
    )
    for only, missing in (("", ["/no/a", "/no/b", "/no/c"]), ('axes.data = ["c"]\n', ["/no/a", "/no/c"])):
        (tmp_path / "my.toml").write_text(text.replace("seeds = 2\n", f"seeds = 2\n{only}"))
        code, out, _ = run("validate", "my.toml", "--json")
        assert code == 2
        found = [mistake["problem"] for mistake in json.loads(out)["mistakes"] if "one" in mistake["presets"]]
        assert sorted(found) == [
            f"data.name: {path}: no such file or folder; check the path after `folder:`" for path in missing
        ]


def test_validate_reports_the_mistakes_of_the_file_itself(run, tmp_path):
    (tmp_path / "my.toml").write_text(NAMED.replace("summary", "sumary"))
    code, out, err = run("validate", "my.toml", "--json")
    assert code == 2
    assert "error: my.toml: presets.one.sumary: no such key; did you mean `summary`?" in err
    value = json.loads(out)
    assert (value["experiment"], value["presets"]) == (None, [])
    assert {"presets": [], "problem": "my.toml: presets.one.summary: field required"} in value["mistakes"]


def test_a_preset_without_mistakes_is_counted_beside_one_with_some(run, tmp_path):
    two = '[presets.two]\nsummary = "S"\ncost = "C"\n[presets.two.settings]\ntraining.epochs = 0\n'
    (tmp_path / "my.toml").write_text(NAMED + two)
    code, out, err = run("validate", "my.toml", "--json")
    value = json.loads(out)
    assert code == 2
    assert "error: preset two: training.epochs: " in err
    assert {"preset": "one", "cells": 4, "arms": 2, "controls": 0, "seeds": 2} in value["presets"]
    assert [mistake["presets"] for mistake in value["mistakes"]] == [["two"]]


@pytest.mark.usefixtures("brief")
def test_an_axis_of_ones_own_from_the_copy_to_the_report(run, tmp_path, monkeypatch):
    assert run("cp", "shuffle-test", "my.toml")[0] == 0
    change(tmp_path / "my.toml", ("[axes.jitter]", f"{CROP}[axes.jitter]"))
    code, out, err = run("validate", "./my.toml")
    assert code == 0, err
    assert "155 cells, 31 arms (7 of them controls), 5 seeds" in next(
        line for line in out.splitlines() if line.startswith("quick ")
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    command = ["run", "../my.toml", "--preset", "quick", "--device", "cpu", "--seeds", "1", "--method", "barlow"]
    command += ["--jitter", "off", "--shuffle", "none", *SIZE]
    code, out, _ = run(*command, "--dry-run", "--json")
    cells = json.loads(out)["cells"]
    assert code == 0
    crops = {cell["axes"]["crop"]: cell["config"]["views"]["crop_scale"] for cell in cells if not cell["control"]}
    assert crops == {"0.08-1": [0.08, 1.0], "0.4-1": [0.4, 1.0]}
    assert not list(elsewhere.iterdir())
    code, out, err = run(*command)
    assert code == 0, err
    folder = Path("results/my/quick")
    records = [json.loads(path.read_text()) for path in folder.glob("cells/*/record.json")]
    assert {record["status"] for record in records} <= {"ok", "collapsed"}
    assert {record["axes"]["crop"] for record in records} == {"0.08-1", "0.4-1", "-"}
    code, again, _ = run("report", "my")
    assert code == 0
    assert again.partition("\nreport:")[0] == out.partition("\nreport:")[0]
    assert "crop 0.08-1" in (folder / "summary.md").read_text()
    code, out, _ = run("status", "my")
    assert out.startswith("my, preset quick: ")


@pytest.mark.usefixtures("brief")
def test_sweep_has_the_flags_of_run_and_words_of_its_own(run):
    shown = [run(name, "--help")[1] for name in ("run", "sweep")]
    first, second = ([word for word in text.split() if word.startswith("--")] for text in shown)
    assert first == second
    assert "--dry-run" in first
    assert "whose question is one axis" in " ".join(shown[1].split())
    assert "whose question is one axis" not in " ".join(shown[0].split())
    code, out, _ = run("sweep", "dims", "--preset", "quick", "--device", "cpu", "--dry-run", "--json")
    assert (code, json.loads(out)["experiment"]) == (0, "dims")


def test_an_interrupted_sweep_goes_on_as_a_sweep(run, tmp_path):
    assert run("cp", "shuffle-test", "my.toml")[0] == 0
    command = ["sweep", "./my.toml", "--preset", "quick", "--device", "cpu", "--method", "barlow", "--workers", "1"]
    command += ["--set", "data.limit=300", "--set", "training.epochs=500"]
    process = subprocess.Popen(
        [sys.executable, "-m", "barlowcli", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        until = time.monotonic() + 60
        while not list(tmp_path.glob("results/my/quick/cells/*/config.json")) and time.monotonic() < until:
            time.sleep(0.1)  # by the time a cell has begun, signals are heard
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert f"to go on: barlow {' '.join(command)}" in err


def test_ls_names_common_presets_once(run):
    _, out, _ = run("ls", "presets", "--json")
    own = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in experiments_folder().glob("*.toml")}
    expected = {f"{name} --preset {preset}" for name, value in own.items() for preset in value.get("presets", {})}
    common = {path.stem for path in (experiments_folder() / "presets").glob("*.toml")}
    assert set(json.loads(out)["presets"]) == expected | {f"any experiment --preset {name}" for name in common}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["ls"], ["validate", "shuffle-test"], ["cp", "shuffle-test", "a.toml"]]
)
def test_what_must_answer_at_once_runs_without_torch(tmp_path, arguments):
    code = (
        "import sys\nfrom barlowcli.cli.main import main\n"
        f"sys.argv = ['barlow', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout
