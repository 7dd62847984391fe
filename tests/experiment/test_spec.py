from pathlib import Path

import pytest

from barlowcli.analysis.wording import value_name
from barlowcli.errors import ConfigError
from barlowcli.experiment.axes import Axis
from barlowcli.experiment.files import (
    common_presets,
    experiment_names,
    experiments_folder,
    load_experiment,
    parse_experiment,
)
from barlowcli.experiment.order import axis_text

GOOD = """
title = "T"
question = "Q?"
[axes.method]
key = "method.name"
values = ["barlow", "byol"]
[presets.quick]
summary = "S"
cost = "C"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def test_every_experiment_that_comes_with_barlow_reads():
    assert "shuffle-test" in experiment_names()
    for name in experiment_names():
        assert load_experiment(name).name == name


def test_a_file_of_ones_own_takes_its_name_from_the_file(tmp_path):
    spec = load_experiment(str(write(tmp_path, GOOD)))
    assert spec.name == "mine"
    assert spec.axes["method"].names() == ["barlow", "byol"]


def test_an_unknown_experiment_is_answered_with_a_near_one():
    with pytest.raises(ConfigError) as error:
        load_experiment("shufle-test")
    assert "no experiment named `shufle-test`" in error.value.message
    assert "did you mean `shuffle-test`?" in error.value.hint


def test_a_preset_stands_over_the_common_one_of_its_name(tmp_path):
    text = GOOD + "[presets.cifar10-small]\nsettings.training.epochs = 3\n"
    spec = parse_experiment(write(tmp_path, text))
    common, own = common_presets()["cifar10-small"], spec.presets["cifar10-small"]
    assert own.summary == common.summary
    assert own.settings["training"] == {**common.settings["training"], "epochs": 3}
    assert spec.presets["recipe-lightly"] == common_presets()["recipe-lightly"]


def test_all_mistakes_of_a_file_are_reported_at_once_with_their_keys(tmp_path):
    text = GOOD.replace('summary = "S"', 'sumary = "S"').replace('question = "Q?"', "question = 3")
    text = text.replace("presets.quick", "presets.mini")
    with pytest.raises(ConfigError) as error:
        parse_experiment(write(tmp_path, text))
    problems = "\n".join(error.value.problems)
    assert "presets.mini.sumary: no such key; did you mean `summary`?" in problems
    assert "presets.mini.summary: field required" in problems
    assert "question: input should be a valid string, got 3" in problems


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('key = "method.name"', "a list of values needs `key`"),
        ('values = ["barlow", "byol"]', "at least one value"),
    ],
)
def test_an_axis_has_one_of_two_forms(tmp_path, change, message):
    text = GOOD.replace(change, "" if change.startswith("key") else "values = []")
    with pytest.raises(ConfigError, match=message):
        parse_experiment(write(tmp_path, text))


@pytest.mark.parametrize(
    ("wording", "message"),
    [
        ('says = "D = {vale}"', "axes.dims: `says` needs {value}, or all values have one name; got 'D = {vale}'"),
        ('words = { 61 = "small" }', "axis dims names the value `61` of `dims`"),
    ],
)
def test_an_axis_has_words_for_values_that_it_has_and_tells_them_apart(tmp_path, wording, message):
    dims = '[axes.dims]\nkey = "projector.dim"\nvalues = [16, 64]\n'
    right = dims + 'says = "D = {value}"\nwords = { 16 = "small" }\n'
    spec = parse_experiment(write(tmp_path, GOOD + right))
    assert [value_name(spec.axes, "dims", value) for value in ("16", "64")] == ["small", "D = 64"]
    with pytest.raises(ConfigError) as error:
        parse_experiment(write(tmp_path, GOOD + dims + wording))
    assert message in error.value.message


CLAIM = """
[[claims]]
id = "c"
title = "t"
test = "above"
arm = { method = "barlow" }
against = [{ method = "byol" }]
supported = "s"
refuted = "r"
inconclusive = "i"
"""


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ('{ method = "barlow" }', '{ shufle = "none" }', "claim c names the axis `shufle`"),
        ('"above"', '"equivalence"', "tested by `equivalence` needs `full`"),
    ],
)
def test_a_claim_names_axes_that_are_there_and_all_that_its_test_uses(tmp_path, right, wrong, message):
    assert parse_experiment(write(tmp_path, GOOD + CLAIM)).claims[0].id == "c"
    with pytest.raises(ConfigError, match=message):
        parse_experiment(write(tmp_path, GOOD + CLAIM.replace(right, wrong)))


def test_not_toml_is_named(tmp_path):
    with pytest.raises(ConfigError, match="is not valid TOML"):
        parse_experiment(write(tmp_path, "title = "))


def test_axis_values_as_text():
    assert axis_text(0.5) == "0.5"
    assert axis_text(True) == "on"
    assert axis_text([0.08, 1.0]) == "0.08-1"
    several = Axis.model_validate({"values": {"plain": {"views.flip": 0.0}, "flipped": {"views.flip": 0.5}}})
    assert several.names() == ["plain", "flipped"]
    assert several.settings("plain") == {"views.flip": 0.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('[[controls]]\nset = { target = "emma" }\n', "control 1 names the value `emma` of `target`"),
        ('[[controls]]\nset = { metric = "x" }\n', "control 1 names the axis `metric`"),
        ('[curve]\naxis = "dim"\nlabel = "D"\n', "curve names the axis `dim`"),
    ],
)
def test_an_arm_that_names_what_there_is_not_is_refused(tmp_path, change, message):
    table = "[axes.target.values]\nema = {}\n"
    with pytest.raises(ConfigError, match=message):
        parse_experiment(write(tmp_path, GOOD + table + change))


def test_a_control_that_no_method_is_called_by_is_refused_with_a_guess(tmp_path):
    text = (experiments_folder() / "dose-jitter.toml").read_text("utf-8").replace('"random-init"', '"random-int"')
    path = tmp_path / "own.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_experiment(str(path))
    assert "names the value `random-int` of `method`: did you mean `random-init`?" in caught.value.problems[0]
