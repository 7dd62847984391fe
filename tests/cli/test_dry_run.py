import json
import re
from pathlib import Path

import pytest

from barlowcli.cli.dry_run import effect_text, power_lines, range_of, rough
from barlowcli.experiment.claims import Along, Claim
from barlowcli.experiment.files import load_experiment
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import write_record
from barlowcli.running.dry_run import DryRun, stage_note, step_note
from barlowcli.running.spread import Spread
from barlowcli.verdicts.power import Detectable
from tests.grids import TINY
from tests.synthetic_results import record_of

SIZE = [flag for key, value in TINY.items() for flag in ("--set", f"{key}={value}")]
WORDS = {"supported": "yes", "refuted": "no", "inconclusive": "open"}
CLAIM = Claim(id="c", title="C", test="above", arm={"dims": "largest"}, against=[{"dims": "smallest"}], **WORDS)
COMMAND = ["run", "shuffle-test", "--preset", "quick", "--device", "cpu", "--seeds", "2", "--method", "barlow"]
DRY = [
    *COMMAND,
    "--shuffle",
    "none,pixels",
    "--jitter",
    "off",
    *SIZE,
    "--dry-run",
]


def finish(folder: Path, count: int, failed: int) -> None:
    """Records for the first cells of the command's plan, the last of them failed."""
    overrides = Overrides({"method": ["barlow"], "shuffle": ["none", "pixels"], "jitter": ["off"]}, TINY, 2)
    plan = build_plan(load_experiment("shuffle-test"), "quick", overrides, on_cuda=False)
    for index, cell in enumerate(plan.cells[:count]):
        bad = index >= count - failed
        record = record_of(plan, cell, {} if bad else {"linear.h.none.label": 0.5}, status="failed" if bad else "ok")
        write_record(ResultsFolder.of(folder, "shuffle-test", "quick").cell(cell.id), record)


def test_it_tells_cells_by_axis_and_what_the_rest_would_take(run, tmp_path):
    finish(tmp_path, 3, failed=1)
    code, out, err = run(*DRY, "--results", str(tmp_path))
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    start = lines.index(["axis", "value", "cells", "done", "failed", "to", "do"])
    assert lines[start + 1 : start + 10] == [
        ["method", "barlow", "4", "2", "1", "1"],
        ["histogram", "2", "0", "0", "2"],
        ["random-init", "2", "0", "0", "2"],
        ["supervised", "6", "0", "0", "6"],
        ["shuffle", "none", "4", "2", "0", "2"],
        ["pixels", "4", "0", "1", "3"],
        ["-", "4", "0", "0", "4"],
        ["equalise+pixels", "2", "0", "0", "2"],
        ["jitter", "off", "10", "2", "1", "7"],
    ]
    assert "14 cells, 2 done, 1 failed, 11 to do" in out
    last = out.splitlines()[-1]
    assert last.startswith("about ")
    assert "for the 11 cells to do, 2 at once (Barlow Twins" in last
    assert "s a cell training, " in last
    assert "untrained encoder" in last
    assert last.endswith(" MiB of training memory a cell")
    assert "measuring a few training steps and probes" in err


def test_for_programs_it_is_the_same_and_the_cells_to_do_are_those_that_would_run(run, tmp_path):
    finish(tmp_path, 3, failed=1)
    before = sorted(tmp_path.rglob("*"))
    for flags, cells in ((["--rerun", "failed"], 12), (["--rerun", "all", "--shard", "1/2"], 7)):
        code, out, _ = run(*DRY, *flags, "--results", str(tmp_path), "--json", "--workers", "2")
        value = json.loads(out)
        assert code == 0
        shard = value.pop("shard", None)
        assert list(value) == ["experiment", "preset", "axes", "power", "estimate", "cells"]
        assert (None if shard is None else shard["cells"]) == (7 if "--shard" in flags else None)
        estimate = value["estimate"]
        assert sum(group["cells"] for group in estimate["groups"]) == cells
        spent = [group["train_seconds"] + group["probe_seconds"] for group in estimate["groups"]]
        total = sum(seconds * group["cells"] for seconds, group in zip(spent, estimate["groups"], strict=True))
        assert estimate["seconds"] == pytest.approx(max(total / 2, *spent), abs=0.1)
        assert estimate["memory_bytes"] == max(group["memory_bytes"] for group in estimate["groups"]) > 2**20
        assert (estimate["workers"], estimate["notes"]) == (2, [])
        for counts in value["axes"].values():
            states = [sum(count[state] for count in counts.values()) for state in ("cells", "done", "failed", "todo")]
            assert states == [14, 2, 1, 11]
    trained = next(group for group in estimate["groups"] if group["method"] == "barlow")
    assert trained["axes"].items() >= {"method": "barlow"}.items()
    assert trained["steps"] == 2 * (270 // 64)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.usefixtures("brief")
def test_a_shard_is_counted_beside_the_whole(run, tmp_path):
    finish(tmp_path, 3, failed=1)
    said = []
    for part in (1, 2, 3, 4):
        code, out, _ = run(*DRY, "--results", str(tmp_path), "--shard", f"{part}/4")
        assert code == 0
        said += [line for line in out.splitlines() if line.startswith("shard ")]
    assert [line.split("; ")[1] for line in said] == ["the whole grid: 14 cells, 2 done, 1 failed, 11 to do"] * 4
    shares = [[int(number) for number in re.findall(r"(\d+) (?:cells|to do)", line.split("; ")[0])] for line in said]
    assert [cells for cells, _ in shares] == [4, 4, 3, 3]
    assert sum(todo for _, todo in shares) == 11


def test_where_nothing_is_to_do_nothing_is_measured(run, tmp_path):
    finish(tmp_path, 14, failed=0)
    code, out, err = run(*DRY, "--results", str(tmp_path))
    assert code == 0
    assert out.splitlines()[-1] == "14 cells, 14 done, 0 to do"
    assert "measuring" not in err
    _, out, _ = run(*DRY, "--results", str(tmp_path), "--json")
    assert json.loads(out)["estimate"] == {"seconds": 0.0, "workers": 0, "memory_bytes": 0, "groups": [], "notes": []}


@pytest.mark.usefixtures("brief")
def test_what_cannot_be_measured_is_said_and_the_plan_is_shown(run, tmp_path):
    command = [*DRY, "--shuffle", "none", "--set", "training.batch_size=5000", "--results", str(tmp_path)]
    code, out, err = run(*command)
    assert code == 0
    assert "Traceback" not in err
    assert "270 training images do not fill one batch of 5000" in out
    assert "raw colour histogram" in out  # what is not trained is measured all the same
    code, out, err = run(*DRY, "--set", "data.limit=5", "--results", str(tmp_path))
    assert (code, out.splitlines()[-2]) == (0, "no estimate of the time they take")
    assert out.splitlines()[-1].startswith("14 cells cannot be measured and are left out: data.limit = 5 is less than")
    _, out, _ = run(*DRY, "--set", "data.limit=5", "--results", str(tmp_path), "--json")
    assert json.loads(out)["estimate"]["seconds"] is None


@pytest.mark.usefixtures("brief")
def test_data_that_a_run_would_download_are_not(run, tmp_path, monkeypatch):
    monkeypatch.setattr("socket.socket.connect", lambda *address: pytest.fail(f"a connection to {address[1:]}"))
    root = tmp_path / "root"
    command = [*DRY, "--shuffle", "none", "--dataset", "svhn", "--data-root", str(root), "--results", str(tmp_path)]
    code, out, _ = run(*command)
    assert code == 0
    lines = out.splitlines()
    said = lines.index(
        f"svhn is not in {root} yet and a run would download it; measured on noise of its published size"
    )
    assert lines[said - 1].startswith("about ")  # below it, what there was no time to measure on a busy machine
    assert not list(tmp_path.iterdir())


def test_a_screening_that_is_open_has_a_second_stage_to_come():
    screened = load_experiment("hybrid")
    plans = [build_plan(screened, "quick", Overrides(), on_cuda=False, winner=winner) for winner in ("", "ema")]
    assert [len(stage_note(plan)) for plan in plans] == [1, 0]
    plain = build_plan(load_experiment("shuffle-test"), "quick", Overrides(), on_cuda=False)
    assert stage_note(plain) == ()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"), (4.12, "4.1 s"), (9.97, "10 s"), (89, "89 s"), (90, "1.5 min"), (720, "12 min"),
        (5400, "1.5 h"), (47 * 3600, "47 h"), (90 * 3600, "3.8 days"), (40 * 86400, "40 days"), (5e9, "57,870 days"),
    ],
)  # fmt: skip
def test_times_are_in_the_unit_that_suits_them(seconds, text):
    assert rough(seconds) == text


def test_times_that_differ_are_a_span():
    assert range_of([4.1, 5.25, 4.5]) == "4.1 to 5.2 s"
    assert range_of([4.12, 4.13]) == "4.1 s"
    assert range_of([50, 120]) == "50 s to 2.0 min"


def test_a_gpu_is_said_to_be_faster_than_the_steps_that_were_timed():
    assert step_note("cpu") == ()
    assert "CUDA graph" in step_note("cuda")[0]


@pytest.mark.parametrize(
    ("test", "along", "text"),
    [
        ("above", None, "a difference of 2.1 points or more"),
        ("below", "doubling of D", "slopes that differ by 2.1 points per doubling of D or more"),
        ("falls", "bit", "a slope of 2.1 points per bit or more"),
        ("interaction", None, "that two gains differ by 2.1 points or more"),
        ("equivalence", None, "that two equal arms differ by less than 2.1 points"),
        ("recovers-at-least", None, "a gain that is 2.1 points or more beyond its bound"),
    ],
)
def test_what_a_claim_can_show_is_said_in_the_words_of_its_test(test, along, text):
    claim = CLAIM.model_copy(update={"test": test, "along": Along(axis="dims", per=along) if along else None})
    assert effect_text(Detectable(claim, 5, 1, 0.0213)) == text


def test_what_the_seeds_can_show_stands_above_the_count(run, tmp_path):
    found = [Detectable(CLAIM, 5, 2, 0.0213), Detectable(CLAIM, 5, 1, 0.0213), Detectable(CLAIM, 2, 1, None)]
    plan = build_plan(load_experiment("shuffle-test"), "quick", Overrides(), on_cuda=False)
    lines = power_lines(DryRun(plan, {}, [], Spread(0.0123, 20, "here"), found))
    given = "in 80 % of runs, if accuracies of one arm scatter by 1.2 points over seeds (seen in 20 cells here)."
    assert lines == [
        f'With 5 seeds the claim "c", one of 2 verdicts, can show a difference of 2.1 points or more {given}',
        f'With 5 seeds the claim "c" can show a difference of 2.1 points or more {given}',
        'With 2 seeds the claim "c" can show nothing: it needs 3.',
    ]
    finish(tmp_path, 14, failed=0)
    _, out, _ = run(*DRY, "--results", str(tmp_path))
    assert out.splitlines()[-2].startswith('With 2 seeds the claim "')
