import json
import re
import subprocess
import sys

import pytest
from PIL import Image

from barlowcli.cli.run import going_on
from barlowcli.plan.freezing import freeze
from barlowcli.running.experiment import select
from barlowcli.running.request import Only
from tests.grids import TINY, tiny_plan

SIZE = [flag for key, value in TINY.items() for flag in ("--set", f"{key}={value}")]
RUN = ["run", "shuffle-test", "--preset", "quick", "--device", "cpu", "--seeds", "1", "--method", "barlow", *SIZE]
TWO = ("--shuffle", "none,pixels")


def test_jitter_off_then_on_runs_each_cell_once_and_reports_both(run, tmp_path):
    results = ["--results", str(tmp_path)]
    code, out, err = run(*RUN, *TWO, "--jitter", "off", *results)
    assert code == 0, err
    assert "7 of 7 cells to run" in err  # 2 arms; random-init, supervised x 3, histogram
    assert err.count("read colour-digits: 10 classes, 16 x 16 pixels") == 1
    assert "read colour-digits" in err.partition("[1/7]")[0]
    assert "warning" not in err
    assert "UNTESTED" in out
    code, _, err = run(*RUN, *TWO, "--jitter", "off", *results)
    assert code == 0
    assert "all 7 cells are done already; nothing to run" in err
    code, out, err = run(*RUN, *TWO, "--jitter", "on", *results)
    assert code == 0
    assert "2 of 7 cells to run, 2 at once, 5 done" in err
    folder = tmp_path / "shuffle-test" / "quick"
    rows = (folder / "runs.csv").read_text().splitlines()
    assert len(rows) == 1 + 9
    for name in (
        "plan.json",
        "summary.csv",
        "summary.md",
        "summary.tex",
        "contrasts.csv",
        "verdict.json",
        "report.html",
    ):
        assert (folder / name).stat().st_size > 100, name
    assert {path.suffix for path in (folder / "plots").iterdir()} == {".svg", ".png"}
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "cells" not in path.parts}
    code, again, _ = run("report", "shuffle-test", *results)
    assert code == 0
    assert again.split("\nreport:")[0] == out.split("\nreport:")[0]
    assert before == {path: path.read_bytes() for path in before}
    code, out, _ = run("status", *results)
    assert out.startswith("shuffle-test, preset quick: ")
    assert sum(int(count) for count in re.findall(r"(\d+) (?:ok|collapsed)", out.splitlines()[0])) == 9
    code, out, err = run(*RUN, *TWO, "--jitter", "off", *results, "--json")
    value = json.loads(out)
    assert value["partial"] is False
    assert (code, value["folder"]) == (0, str(folder))


def test_a_failed_cell_makes_a_partial_report_and_is_run_again_on_request(run, tmp_path):
    command = [*RUN, "--jitter", "off", "--shuffle", "none", "--results", str(tmp_path)]
    command += ["--workers", "2"]  # with more, three cells may fail before one is done, and that would end it early
    code, out, err = run(*command, "--set", "training.batch_size=5000")
    assert code == 1
    assert "FAILED: 270 training images do not fill one batch of 5000" in err
    assert "PARTIAL" in out
    code, _, err = run(*command, "--set", "training.batch_size=5000")
    assert code == 1
    assert "--rerun failed" in err
    code, _, err = run(*command, "--set", "training.batch_size=5000", "--rerun", "failed")
    assert code == 1
    assert "4 of 6 cells to run" in err
    code, out, _ = run("status", "--results", str(tmp_path))
    assert "3 failed" in out or "4 failed" in out  # three that fail alike end it; a fourth may have begun
    assert "270 training images do not fill one batch of 5000" in out


def test_data_that_are_refused_leave_the_plan_before_them_as_it_was(run, tmp_path):
    results, images = tmp_path / "results", tmp_path / "images"
    freeze(results / "shuffle-test" / "quick", tiny_plan())
    plan = (results / "shuffle-test" / "quick" / "plan.json").read_bytes()
    for split in ("train", "test"):
        for name in ("a", "b"):
            (images / split / name).mkdir(parents=True)
            for side in (16, 20):
                Image.new("RGB", (side, side), "red").save(images / split / name / f"{side}.png")
    code, _, err = run(*RUN, "--dataset", f"folder:{images}", "--results", str(results))
    assert code == 2
    assert "the preset's views and training were chosen for colour-digits" in err
    assert "--image-size" in err or "data.image_size" in err
    assert (results / "shuffle-test" / "quick" / "plan.json").read_bytes() == plan


def test_the_command_that_goes_on_does_not_run_again_what_is_done():
    assert going_on(["barlow", "run", "x", "--rerun", "all", "-q"]) == ["barlow", "run", "x", "-q"]
    assert going_on(["barlow", "run", "x", "--rerun=all"]) == ["barlow", "run", "x"]


def test_the_command_that_goes_on_runs_failed_cells_again_that_it_had_not_come_to():
    for command in (["barlow", "run", "x", "--rerun", "failed", "-q"], ["barlow", "run", "x", "--rerun=failed"]):
        assert going_on(command) == command


def test_a_results_folder_below_a_file_is_an_error_with_a_hint(run, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run(*RUN, "--results", str(tmp_path / "file" / "results"))
    assert code == 2
    assert "cannot write" in err
    assert "--results" in err


@pytest.mark.usefixtures("brief")
def test_dry_run_tells_the_cells_and_writes_nothing(run, tmp_path):
    code, out, _ = run("run", "shuffle-test", "--preset", "quick", "--dry-run", "--json", "--results", str(tmp_path))
    plan = json.loads(out)
    assert code == 0
    assert (plan["experiment"], plan["preset"], len(plan["cells"])) == ("shuffle-test", "quick", 95)
    assert set(plan["cells"][0]) >= {"id", "axes", "seed", "status"}
    assert {cell["status"] for cell in plan["cells"]} == {"todo"}
    assert not list(tmp_path.iterdir())
    code, out, _ = run("run", "shuffle-test", "--preset", "quick", "--dry-run", "--results", str(tmp_path))
    assert "95 cells, 95 to do" in out.splitlines()


def test_shards_share_the_cells_out(run, tmp_path):
    plan = tiny_plan(seeds=3)
    ids = {cell.id for cell in plan.cells}
    parts = [select(plan.cells, tmp_path, Only(part=i, parts=3)) for i in (1, 2, 3)]
    assert sorted(cell.id for part in parts for cell in part) == sorted(ids)
    assert {len(part) for part in parts} == {19}


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["run", "shuffel-test"], "no experiment named `shuffel-test`", "did you mean `shuffle-test`?"),
        (["run", "shuffle-test", "--preset", "quik"], "has no preset `quik`", "did you mean `quick`?"),
        (["run", "shuffle-test", "--dataset", "/my/images"], "images of your own are folder:/my/images", ""),
        (["run", "shuffle-test", "--dataset", "cifar"], "no dataset named `cifar`", "did you mean `cifar10`?"),
        (
            ["run", "shuffle-test", "--dataset", "folder:/no/where"],
            "/no/where: no such file or folder",
            "check the path",
        ),
        (["run", "shuffle-test", "--set", "training.lr"], "--set training.lr: expected key=value", "for example"),
        (["run", "shuffle-test", "--method", ","], "--method: at least one value is needed", ""),
        (["run", "shuffle-test", "--shard", "5/4"], "--shard 5/4: expected I/N", "--shard 1/4"),
        (["run", "shuffle-test", "--device", "tpu"], "no device named `tpu`", "auto, cpu, cuda or mps"),
        (["run", "shuffle-test", "--engine", "loca"], "no engine named `loca`", "did you mean `local`?"),
        (["run", "shuffle-test", "--set", "method=5"], "method: expected settings of its own", ""),
        (["run", "shuffle-test", "--set", "seed=7"], "seed: the seeds are 0 to n - 1", ""),
        (["run", "shuffle-test", "--set", 'views={jitter="off"}'], "views.jitter is what the axis `jitter` varies", ""),
        (["run", "shuffle-test", "--set", "evaluation.knn_k=[]"], "evaluation.knn_k: ", ""),
        (
            ["run", "shuffle-test", "--shuffle", "patch-8", "--image-size", "20"],
            "patch-8 does not tile images of 20",
            "",
        ),
        (["run", "shuffle-test", "--axis", "flip=0.1"], "no axis `flip`", "--set"),
        (["report", "dims"], "no results of dims", "barlow run dims"),
        (["report", "../x"], "../x is not the folder of a run", "plan.json"),
        (["report", "--preset", "../x"], "a preset is given by name", "barlow status"),
        (["views", "--jitter", "maybe"], "--jitter: no value `maybe`", "on, off, histogram"),
        (["views", "-o", "x.txt"], "expected a name that ends in .png or .svg", ""),
    ],
)
def test_a_mistake_is_an_error_with_a_hint_and_exit_code_2(run, tmp_path, monkeypatch, arguments, message, hint):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert message in err
    assert hint in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ["cp", "dims", "{}/x.toml"],
        ["run", "dims", "--preset", "quick", "--dry-run", "--results", "{}"],
        ["run", "dims", "--preset", "quick", "--dataset", "folder:{}"],
        ["run", "./{}.toml"],
        ["report", "dims", "--results", "{}"],
        ["status", "--results", "{}"],
        ["rerun", "{}"],
        ["validate", "{}.toml"],
        ["views", "-o", "{}.png"],
    ],
)
def test_a_name_that_no_file_can_have_is_an_error_like_any_other(run, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*(word.format("a" * 300) for word in words))
    assert code == 2
    assert out == ""
    assert "error: " in err
    assert "hint: " in err
    assert not list(tmp_path.iterdir())


def test_all_mistakes_in_settings_at_once(run, tmp_path):
    code, _, err = run(
        "run", "shuffle-test", "--preset", "quick", "--device", "cpu", "--results", str(tmp_path),
        "--set", "training.epochs=-1", "--set", "views.flipp=0.2", "--set", "encoder.name=resnet19",
    )  # fmt: skip
    assert code == 2
    assert "training.epochs: input should be greater than or equal to 1, got -1" in err
    assert "views.flipp: no such key; did you mean `flip`?" in err
    assert "encoder.name: no encoder named `resnet19`; did you mean `resnet18`?" in err


def test_a_method_that_does_not_exist_is_named_once(run, tmp_path):
    code, _, err = run("run", "dims", "--preset", "quick", "--method", "bylo", "--results", str(tmp_path))
    assert code == 2
    lines = err.splitlines()
    assert lines[0] == "error: method.name: no method named `bylo`; did you mean `byol`?"
    assert sum("bylo" in line for line in lines) == 1


def test_ls_names_everything(run):
    _, out, _ = run("ls")
    for name in ("shuffle-test", "quick", "barlow", "byol", "colour-digits", "resnet18", "equalise+pixels", "lars"):
        assert name in out
    assert run("ls", "engines")[1].split()[0] == "local"
    _, out, _ = run("ls", "methods", "--json")
    assert set(json.loads(out)["methods"]) >= {"barlow", "byol", "simclr", "random-init", "supervised", "histogram"}


def test_doctor_finds_nothing_wrong_here(run, tmp_path):
    code, out, _ = run("doctor", "--results", str(tmp_path))
    assert code == 0
    assert "would use: device" in out


def test_views_draws_a_picture(run, tmp_path):
    code, out, _ = run("views", "-n", "2", "--shuffle", "none,pixels", "-o", str(tmp_path / "v.png"))
    assert code == 0
    assert "2 images of colour-digits" in out
    assert (tmp_path / "v.png").read_bytes()[:4] == b"\x89PNG"


def test_python_m_and_version():
    done = subprocess.run([sys.executable, "-m", "barlowcli", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("barlow 0.")


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize(("preset", "kept"), [("quick", True), ("cifar10", False)])
def test_other_data_than_a_presets_own_are_said_to_be(run, tmp_path, preset, kept):
    data = "svhn" if preset == "quick" else "colour-digits"
    command = ["run", "shuffle-test", "--device", "cpu", "--dry-run", "--results", str(tmp_path)]
    _, _, err = run(*command, "--preset", preset, "--dataset", data)
    assert "the preset's views and training were chosen for" in err
    assert ("at most 1000 training images" in err) == kept
    assert "None" not in err
