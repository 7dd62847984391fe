"""What people type and write, taken as it is meant: paths, numbers, switches, files, folders."""

import codecs
import inspect
import json
import re
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import pytest

from barlowcli.analysis.results import Results
from barlowcli.cli import readers
from barlowcli.errors import BarlowError, ConfigError, ResultsError
from barlowcli.experiment.axes import Axis
from barlowcli.experiment.files import experiments_folder, load_experiment
from barlowcli.plan.freezing import freeze, read_plan
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import write_record
from barlowcli.registry import COMMANDS
from barlowcli.running import experiment
from barlowcli.running.again import find
from barlowcli.running.request import Request
from barlowcli.running.runs import find_runs
from tests.synthetic_results import quick_plan, record_of

QUICK = ["run", "shuffle-test", "--preset", "quick", "--device", "cpu"]
SMALL = [*QUICK, "--seeds", "1", "--method", "barlow", "--shuffle", "none", "--jitter", "on"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def asked(run, monkeypatch):
    """`asked("run", "dims", …)` -> the request that the command comes to; nothing is run."""

    def ask(*words: str) -> Request:
        got: list[Request] = []

        def note(request: Request, show: object) -> None:
            got.append(request)
            raise BarlowError("as far as this")

        monkeypatch.setattr(experiment, "run", note)
        _, _, err = run(*words)
        assert got, err
        return got[0]

    return ask


@pytest.fixture(scope="module")
def a_plan() -> Plan:
    return quick_plan(seeds=1, axes={"method": ["barlow"], "jitter": ["on"]})


@pytest.fixture
def results(a_plan: Plan, tmp_path: Path) -> Path:
    """A results folder with two runs of one experiment, without records."""
    for preset in ("quick", "quick-2"):
        freeze(tmp_path / "results" / "shuffle-test" / preset, a_plan)
    return tmp_path / "results"


# Paths


def test_a_tilde_in_results_is_the_home_folder(asked, run, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    request = asked(*SMALL, "--results=~/x", "--data-root=~/d")
    assert (request.results, request.data_root) == (tmp_path / "home" / "x", tmp_path / "home" / "d")
    assert run("cp", "shuffle-test", "~/y.toml")[0] == 0
    assert load_experiment("~/y.toml").name == "y"
    assert load_experiment("$HOME/y.toml").name == "y"
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def path_parameters() -> list[tuple[str, Any]]:
    """Every argument and option that is a path, of all commands, with what typer is told of it."""
    found = []
    for name in COMMANDS.entries:
        for parameter in inspect.signature(COMMANDS.load(name)).parameters.values():
            if get_origin(parameter.annotation) is Annotated:
                kind, info = get_args(parameter.annotation)[:2]
                if kind is Path or Path in get_args(kind):
                    found.append((f"{name} {parameter.name}", info))
    return found


def test_every_path_of_every_command_is_read_by_one_function():
    found = path_parameters()
    assert {name for name, _ in found} >= {"run results", "report results", "rerun out", "views out", "cp destination"}
    assert [name for name, info in found if info.parser is not readers.path] == []


@pytest.mark.parametrize("path", ["$PLACE/x", "${PLACE}/x", "'$PLACE/x'"])
def test_a_variable_in_a_path_is_what_it_stands_for(asked, monkeypatch, tmp_path, path):
    monkeypatch.setenv("PLACE", str(tmp_path / "there"))
    assert asked(*SMALL, "--results", path).results == tmp_path / "there" / "x"


@pytest.mark.parametrize(
    "words",
    [
        [*SMALL, "--results", "$NOPE_1/x"],
        [*SMALL, "--data-root=${NOPE_1}"],
        [*SMALL, "--dataset", "folder:$NOPE_1/x"],
        [*SMALL, "--set", "data.name=folder:$NOPE_1/x"],
        ["run", "$NOPE_1/my.toml"],
        ["report", "--results=$NOPE_1/x"],
        ["report", "$NOPE_1/x"],
        ["status", "$NOPE_1"],
        ["rerun", "$NOPE_1/record.json"],
        ["cp", "dims", "$NOPE_1/my.toml"],
        ["doctor", "--results", "$NOPE_1"],
        ["views", "-o", "$NOPE_1/a.png"],
    ],
)
def test_a_variable_that_is_not_set_is_named_and_no_folder_is_made_of_it(run, tmp_path, words):
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert "the variable NOPE_1 is not set" in err
    assert not list(tmp_path.iterdir())


def test_a_variable_that_is_empty_is_not_the_root_folder(run, monkeypatch):
    monkeypatch.setenv("NOPE_1", "")
    code, _, err = run(*SMALL, "--results", "$NOPE_1/results")
    assert code == 2
    assert "the variable NOPE_1 is empty" in err


def test_a_folder_with_a_dollar_in_its_name_is_that_folder(asked, tmp_path):
    (tmp_path / "$5").mkdir()
    (tmp_path / "a$b").mkdir()
    assert asked(*SMALL, "--results", "a$b").results == Path("a$b")
    assert asked(*SMALL, "--results", "$5/x").results == Path("$5/x")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*SMALL, "--results", "s3://bucket/x"], "s3://bucket/x: an address, not a path of this machine"),
        ([*SMALL, "--dataset", "folder:https://x.org/a"], "https://x.org/a: an address"),
        ([*SMALL, "--results", ""], "a path is needed"),
        ([*SMALL, "--results", "~nobody-here/x"], "there is no home folder ~nobody-here"),
        (["status", "~nobody-here/x"], "there is no home folder ~nobody-here"),
        (["cp", "dims", "~nobody-here/x.toml"], "there is no home folder ~nobody-here"),
    ],
)
def test_what_is_no_path_of_this_machine_is_said_to_be_none(run, tmp_path, words, message):
    code, _, err = run(*words)
    assert code == 2
    assert message in err
    assert "hint: " in err
    assert not list(tmp_path.iterdir())


def test_a_path_in_an_experiment_file_means_the_same_as_in_a_flag(run, monkeypatch, tmp_path):
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            folder = tmp_path / "home" / "pets" / split / name
            folder.mkdir(parents=True)
            (folder / "1.png").write_bytes(name.encode())
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PETS", str(tmp_path / "home" / "pets"))
    spec = load_experiment("shuffle-test")
    names = ("folder:~/pets", "folder:$PETS", f"folder:{tmp_path}/home/pets")
    plans = [build_plan(spec, "quick", Overrides(settings={"data.name": name}), on_cuda=False) for name in names]
    assert len({plan.hash for plan in plans}) == len({plan.base for plan in plans}) == 1
    assert {cell.model_dump(mode="json")["config"]["data"]["name"] for cell in plans[1].cells} == {"folder:pets"}


# Numbers and switches


SPELLINGS = ["0.05", ".05", "5e-2", "0.050", "+.05", " 0.05 ", '"0.05"', "5.0E-2", "0.0_5", "０．０５", "'.05'"]


def test_a_number_spelled_otherwise_keeps_the_cells_and_the_report(asked, tmp_path):
    plan = asked(*SMALL, "--set", "training.lr=0.05").plan()
    freeze(tmp_path, plan)
    for spelling in SPELLINGS:
        again = asked(*SMALL, "--set", f"training.lr={spelling}").plan()
        assert again == plan, spelling
        assert freeze(tmp_path, again) == (plan, 0)


@pytest.mark.parametrize("spelling", ["1000", "1_000", "1e3", "1000.0", "+1000", "0x3e8", "１０００"])
def test_a_whole_number_spelled_otherwise_is_the_same_flag_and_setting(asked, spelling):
    request = asked(*SMALL, "--limit", spelling, "--epochs", spelling, "--set", f"data.test_limit={spelling}")
    config = request.plan().cells[0].config
    assert config.training is not None
    assert (config.data.limit, config.data.test_limit, config.training.epochs) == (1000, 1000, 1000)


@pytest.mark.parametrize("word", ["True", "true", "TRUE", "on", "Yes", "1"])
def test_a_switch_is_on_in_every_word_for_it(asked, word):
    plans = [asked(*SMALL, "--set", f"evaluation.mlp={one}").plan() for one in (word, "true")]
    assert plans[0] == plans[1]
    assert plans[0].cells[0].config.evaluation.mlp is True


def test_jitter_is_on_in_every_word_for_it(asked):
    plans = [asked(*SMALL[:-1], word).plan() for word in ("on", "ON", "True", "yes")]
    assert all(plan == plans[0] for plan in plans)
    assert asked(*SMALL[:-1], "False").plan().axes["jitter"] == ["off"]


@pytest.mark.parametrize("word", ["none", "None", "null"])
def test_nothing_is_a_value_where_a_setting_may_be_empty(asked, word):
    assert asked(*SMALL, "--set", f"data.limit={word}").plan().cells[0].config.data.limit is None


def test_a_setting_that_has_its_value_anyway_is_no_mistake(asked):
    before = asked(*SMALL).plan()
    for text in ("[0.75, 1.3333333333333333]", "0.750,1.3333333333333333"):
        assert {cell.id for cell in asked(*SMALL, "--set", f"views.crop_ratio={text}").plan().cells} == {
            cell.id for cell in before.cells
        }


def test_none_is_a_name_where_a_setting_has_it(asked):
    training = asked(*SMALL, "--set", "training.lr_scaling=None").plan().cells[0].config.training
    assert training is not None
    assert training.lr_scaling == "none"


@pytest.mark.parametrize("text", ["0.3,1", "[.3, 1]", "[0.30, 1.0]", "(0.3, 1)", '["0.3", "1"]'])
def test_a_range_is_read_with_and_without_brackets(asked, text):
    views = asked(*SMALL, "--set", f"views.crop_scale={text}").plan().cells[0].config.views
    assert views is not None
    assert views.crop_scale == (0.3, 1.0)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--set", "training.lr=0,05"], "training.lr: "),
        (["--set", "training.lr=0,05"], "a number is written with a point: 0.05"),
        (["--set", "training.lr=05"], "training.lr: expected a number, got '05'"),
        (["--set", "training.lr=true"], "training.lr: expected a number, got true"),
        (["--set", "training.epochs=True"], "training.epochs: "),
        (["--set", "training.epochs=0.5"], "training.epochs: input should be a valid integer"),
        (["--set", "training.lr=5²"], "training.lr: "),
        (["--set", "training.lr=50%"], "training.lr: "),
        (["--epochs", "0.5"], "--epochs: expected a whole number of at least 1, got '0.5'"),
        (["--limit", "1,000"], "--limit: expected a whole number of at least 1, got '1,000'"),
        (["--seeds", "0"], "--seeds: expected a whole number of at least 1, got '0'"),
        (["--seeds", "−3"], "--seeds: expected a whole number of at least 1"),
        (["--workers", "two"], "--workers: expected a whole number"),
        (["--checkpoint-seconds", "nan"], "--checkpoint-seconds: expected a number of at least 0, got 'nan'"),
        (["--jitter", "maybe"], "--jitter: no value `maybe`"),
        (["--dims", "16 64"], "projector.dim: input should be a valid integer"),
        (["--dims", "1,024"], "projector.dim: expected a number, got '024'"),
    ],
)
def test_a_number_that_may_be_meant_otherwise_is_refused_by_name(run, tmp_path, flags, message):
    code, out, err = run(*SMALL, *flags)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dims", ["16,64", "64, 16", "'16,64'", '"16","64"', "64.0,1.6e1", "0x10,64"])
def test_an_axis_has_the_values_that_are_meant_and_each_once(asked, dims):
    command = ["sweep", "dims", "--preset", "quick", "--device", "cpu", "--seeds", "1", "--method", "byol"]
    plan = asked(*command, "--dims", dims).plan()
    assert plan == asked(*command, "--dims", "16,64,16").plan()
    assert plan.axes["dims"] == ["16", "64"]


def test_a_named_value_of_an_axis_is_found_by_its_number():
    table = Axis(values={"0.5": {"training.lr": 0.5}, "1": {"training.lr": 1.0}, "tied": {"training.lr": 2.0}})
    assert table.cut("rate", ["1.0", ".5", "Tied"]).names() == ["0.5", "1", "tied"]
    with pytest.raises(ConfigError, match=r"rate: no value `\.7`"):
        table.cut("rate", [".7"])


def test_a_range_on_an_axis_is_read_as_tables_write_it():
    axis = Axis(key="views.crop_scale", values=[[0.4, 1], [0.08, 1.0]])
    assert axis.names() == ["0.08-1", "0.4-1"]
    cut = axis.cut("crop", ["0.40-1.0", ".3-1"])
    assert cut.values == [[0.3, 1.0], [0.4, 1.0]]


def test_two_values_that_differ_far_behind_the_point_are_two_arms():
    axis = Axis(key="training.lr", values=[0.12345671, 0.12345672, "0.5", 0.5])
    assert axis.names() == ["0.12345671", "0.12345672", "0.5"]


def test_a_file_that_spells_numbers_as_text_is_the_same_experiment():
    spec = load_experiment("dose-jitter")
    preset = spec.presets["quick"]
    spelled = preset.model_copy(update={"axes": {"strength": ["2", "1e0", ".5", "0"]}})
    other = spec.model_copy(update={"presets": {**spec.presets, "quick": spelled}})
    plans = [build_plan(one, "quick", Overrides(seeds=1), on_cuda=False) for one in (spec, other)]
    assert plans[0].cells == plans[1].cells
    assert plans[0].base == plans[1].base


def test_a_control_and_a_claim_name_a_number_as_a_number(tmp_path):
    text = (experiments_folder() / "dims.toml").read_text(encoding="utf-8").replace('dims = "64"', "dims = 64")
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    mine, theirs = load_experiment("./mine.toml"), load_experiment("dims")
    assert (mine.claims, mine.controls) == (theirs.claims, theirs.controls)


# The order of what is listed


def test_dimensions_typed_in_any_order_stand_by_number(asked, tmp_path):
    command = ["sweep", "dims", "--preset", "quick", "--device", "cpu", "--seeds", "1", "--axis", "lambda=fixed"]
    typed = ["8,16,32,64", "64,8,32,16"]
    plans = [asked(*command, "--method", "barlow", "--dims", dims).plan() for dims in typed]
    assert plans[0] == plans[1]
    freeze(tmp_path, plans[1])
    plan = read_plan(tmp_path)
    assert plan is not None
    rows = [arm.axes["dims"] for arm in Results(plan, {}).grid]
    assert [row for row in rows if row.isdecimal()] == ["8", "16", "32", "64"]
    assert plan.axes["dims"] == ["8", "16", "32", "64"]


def test_a_plan_frozen_in_another_order_is_read_by_number(asked, tmp_path):
    command = ["sweep", "dims", "--preset", "quick", "--device", "cpu", "--seeds", "1", "--method", "barlow"]
    freeze(tmp_path, asked(*command, "--dims", "8,16,64").plan())
    path = ResultsFolder(tmp_path).plan
    value = json.loads(path.read_text(encoding="utf-8"))
    value["cells"].reverse()
    axis = value["experiment"]["axes"]["dims"]
    axis["values"] = [str(one) for one in reversed(axis["values"])]
    path.write_text(json.dumps(value), encoding="utf-8")
    plan = read_plan(tmp_path)
    assert plan is not None
    assert plan.axes["dims"] == ["8", "16", "64"]
    assert plan == asked(*command, "--dims", "8,16,64").plan()


def test_patches_stand_by_their_size_and_words_stay_where_they_are(asked):
    plan = asked(
        "run", "dose-patch", "--preset", "quick", "--device", "cpu", "--shuffle", "none,patch-8,patch-1"
    ).plan()
    assert plan.axes["shuffle"] == ["patch-1", "patch-8", "none"]
    assert Axis(key="projector.hidden", values=["tied", 2048, 64]).names() == ["tied", "64", "2048"]


def test_an_arm_at_several_values_has_one_name_in_whatever_order_they_were_typed(asked, tmp_path):
    command = [
        "sweep",
        "dims",
        "--preset",
        "quick",
        "--device",
        "cpu",
        "--method",
        "byol",
        "--set",
        "projector.layers=1",
    ]
    freeze(tmp_path, asked(*command, "--seeds", "2", "--axis", "hidden=64,256").plan())
    plan, left_out = freeze(tmp_path, asked(*command, "--seeds", "1", "--axis", "hidden=256,64,32").plan())
    assert left_out == 0
    several = {cell.axes["hidden"] for cell in plan.cells if "|" in cell.axes["hidden"]}
    assert all(text.split("|") == sorted(text.split("|"), key=int) for text in several)


# Files as Windows writes them


@pytest.mark.parametrize("value", ["True", ".05", "05", "“0.05”"])
def test_what_toml_does_not_have_is_shown_with_its_line(run, tmp_path, value):
    (tmp_path / "my.toml").write_text(f"settings.training.lr = {value}\n{copied()}", encoding="utf-8")
    code, _, err = run("validate", "./my.toml")
    said = " ".join(err.split())
    assert code == 2
    assert f"settings.training.lr = {value}" in said
    assert "TOML writes 0.05, true" in said


def copied() -> str:
    """The text of an experiment of one's own."""
    return (experiments_folder() / "shuffle-test.toml").read_text(encoding="utf-8")


def test_a_byte_order_mark_and_windows_line_ends_make_no_difference(run, tmp_path):
    theirs = load_experiment("shuffle-test")
    marks = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    for encoding, mark in marks.items():
        (tmp_path / "my.toml").write_bytes(mark + copied().replace("\n", "\r\n").encode(encoding))
        mine = load_experiment("./my.toml")
        assert mine.model_copy(update={"name": theirs.name}) == theirs
    code, _, err = run("cp", "./my.toml", "other.toml")
    assert (code, err) == (0, "")
    copy = (tmp_path / "other.toml").read_bytes()
    assert not copy.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_BE))
    assert b"\r" not in copy
    assert load_experiment("./other.toml").claims == theirs.claims


@pytest.mark.parametrize("content", ["title = 'caf\xe9'".encode("latin-1"), "title = 'x'".encode("utf-16-le")])
def test_a_file_in_another_encoding_is_named_with_the_way_out(run, tmp_path, content):
    (tmp_path / "my.toml").write_bytes(content)
    code, _, err = run("validate", "./my.toml")
    assert code == 2
    assert "cannot read my.toml: it is not UTF-8 text" in err
    assert "save it as UTF-8" in err


@pytest.mark.parametrize(
    ("name", "hint"),
    [("my", "`./my.toml` is a file here"), ("./my", "did you mean my.toml?"), ("./there", "in it: b.toml")],
)
def test_the_file_that_is_meant_is_named(run, tmp_path, name, hint):
    (tmp_path / "my.toml").write_text(copied(), encoding="utf-8")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "b.toml").write_text(copied(), encoding="utf-8")
    code, _, err = run("validate", name)
    assert code == 2
    assert hint in err


# The folder of a run


def test_a_report_is_written_from_inside_the_folder_and_from_beside_it(run, results, monkeypatch, tmp_path):
    (results / "shuffle-test" / "quick").rename(tmp_path / "myrun")
    code, out, err = run("report", "myrun")
    assert code == 1, err  # nothing was run yet
    assert "report: myrun/report.html" in out
    monkeypatch.chdir(tmp_path / "myrun")
    for place in (".", "./", "../myrun"):
        assert run("status", place)[0] == 0


@pytest.mark.parametrize(
    "place",
    [
        "results/shuffle-test/quick",
        "results/shuffle-test/quick/",
        "results/shuffle-test/quick/plan.json",
        "results/shuffle-test/quick/report.html",
        "results/shuffle-test/quick/cells",
        "results/shuffle-test/quick/cells/0123456789ab/record.json",
        "link",
    ],
)
def test_a_run_is_found_by_its_folder_and_by_whatever_lies_in_it(results, tmp_path, place):
    run_folder = results / "shuffle-test" / "quick"
    (run_folder / "report.html").write_text("")
    (run_folder / "cells" / "0123456789ab").mkdir(parents=True)
    (run_folder / "cells" / "0123456789ab" / "record.json").write_text("")
    (tmp_path / "link").symlink_to(run_folder)
    assert [path.resolve() for path in find_runs(Path("nowhere"), place)] == [run_folder]


def test_a_folder_above_runs_is_all_of_them(results):
    both = [results / "shuffle-test" / name for name in ("quick", "quick-2")]
    assert [path.resolve() for path in find_runs(Path("nowhere"), "results/shuffle-test")] == both
    assert [path.resolve() for path in find_runs(Path("nowhere"), "results")] == both
    assert find_runs(results / "shuffle-test") == both
    assert find_runs(both[0]) == both[:1]
    with pytest.raises(ResultsError, match="no run of the preset cifar10 at results/shuffle-test"):
        find_runs(Path("nowhere"), "results/shuffle-test", "cifar10")


def test_a_name_is_the_experiment_also_where_a_folder_here_is_called_the_same(run, results, tmp_path):
    freeze(tmp_path / "shuffle-test", quick_plan(seeds=2))
    code, out, err = run("status", "shuffle-test", "--json")
    assert code == 0
    assert len(json.loads(out)) == 2
    assert "shuffle-test is read as the experiment in results/; the folder here is ./shuffle-test" in err
    code, out, err = run("status", "./shuffle-test", "--json")
    assert (code, len(json.loads(out)), err) == (0, 1, "")


def test_results_are_found_by_the_experiment_file_they_are_of(run, results, tmp_path):
    (tmp_path / "my.toml").write_text(copied(), encoding="utf-8")
    freeze(results / "my" / "quick", quick_plan(seeds=1))
    assert [path.parent.name for path in find_runs(results, "./my.toml")] == ["my"]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere/", "nowhere/ is not the folder of a run: there is nothing of that name"),
        ("./dangling", "is a link to /gone, which is not there"),
        ("./loop/x", "Too many levels of symbolic links"),
        ("./empty", "./empty is not the folder of a run: it has no plan.json"),
        ("./file.txt", "./file.txt is not the folder of a run: it has no plan.json"),
        ("shuffle-tset", "no results of shuffle-tset in results/"),
    ],
)
def test_where_there_is_no_run_the_reason_is_said(results, tmp_path, place, message):
    (tmp_path / "dangling").symlink_to("/gone")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("")
    with pytest.raises(ResultsError, match=re.escape(message)) as error:
        find_runs(Path("results"), place)
    assert "shorter name" not in error.value.hint


def test_a_rerun_takes_what_leads_to_one_record_and_asks_where_there_are_several(a_plan, results):
    folder = ResultsFolder(results / "shuffle-test" / "quick")
    first, second = a_plan.cells[:2]
    write_record(folder.cell(first.id), record_of(a_plan, first, {}))
    folder.cell(first.id).config.write_text("{}")
    for place in (folder.path, folder.cell(first.id).path, folder.cell(first.id).record, folder.cell(first.id).config):
        assert find(place)[1].id == first.id
    write_record(folder.cell(second.id), record_of(a_plan, second, {}))
    with pytest.raises(ResultsError, match="is the folder of a run, and has 2 records"):
        find(folder.path)


def test_help_says_what_a_flag_takes(run):
    _, out, _ = run("run", "--help")
    assert "--seeds <int>" in out
    assert "--results <path>" in out
    assert "--jitter <on|off|both|histogram>" in out
