"""Cells and runs on the fake card: what they leave in memory, and what an error costs."""

import json
from collections import Counter

import pytest

from tests.gpu.card.child import answer, python
from tests.gpu.card.fixtures import card as card

FINITE = {"FAKE_CUDA_ANSWERS": "1"}
"""So that no loss is NaN, and nothing that is asked of features is denied."""
SMALL = ("data.limit=100", "data.test_limit=60", "data.image_size=16", "training.batch_size=32")
RUN = ("run", "shuffle-test", "--preset", "quick", "--device", "cuda", "--workers", "1", "--step", "eager")
GRID = ("--method", "barlow", "--shuffle", "pixels", "--jitter", "off", "--seeds", "1", "--epochs", "1")
SETTINGS = [f"--set={setting}" for setting in (*SMALL, "projector.hidden=32", "projector.dim=32")]
COMMAND = ("-m", "barlowcli", *RUN, *GRID, *SETTINGS)
"""The shuffle test with one arm and its controls."""


@pytest.fixture(scope="module")
def cells(card, tmp_path_factory):
    return answer(card, "tests.gpu.card.cells", str(tmp_path_factory.mktemp("cells")), told=FINITE)


def test_a_cell_leaves_no_memory_behind(cells):
    assert cells["first"]["status"] == "collapsed"  # all numbers are 0, and nothing else is wrong
    assert cells["first"]["left"] == {"tensors": 0, "card": 0}


def test_nor_does_one_that_ran_out_of_it_and_the_next_one_runs(cells):
    assert cells["out of memory"]["status"] == "OutOfMemoryError"
    assert cells["out of memory"]["left"] == {"tensors": 0, "card": 0}
    assert cells["after it"]["status"] == "collapsed"


def test_a_cell_that_is_stopped_goes_on_from_its_checkpoint(cells):
    assert cells["stopped"]["status"] == "InterruptError"
    assert cells["resumed"]["status"] == "collapsed"
    assert "resumed at step 2" in cells["resumed"]["notes"]
    assert cells["resumed"]["steps"] == cells["first"]["steps"]


def recorded(folder):
    """What the cells of a run into `folder` came to: how many of each status, and of those that failed why."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("**/cells/*/record.json")]
    why = [record["message"] for record in records if record["status"] == "failed"]
    return Counter(record["status"] for record in records), why


def test_a_broken_context_costs_one_cell_of_a_run_and_the_shuffle_test_ends_when_it_is_run_again(card, tmp_path):
    results = tmp_path / "results"
    fault = {"FAKE_CUDA_BREAK_AT": "3000", "FAKE_CUDA_ONCE": str(tmp_path / "broken")}
    done = python(card, *COMMAND, "--results", str(results), told=FINITE | fault)
    statuses, (why,) = recorded(results)
    assert done.returncode == 1, done.stderr[-4000:]
    assert why.startswith("the GPU failed: an illegal memory access was encountered; --rerun failed runs it again")
    assert (statuses["failed"], statuses["ok"] + statuses["collapsed"]) == (1, 5)

    again = python(card, *COMMAND, "--results", str(results), "--rerun", "failed", told=FINITE)
    assert again.returncode == 0, again.stderr[-4000:]
    assert recorded(results) == (Counter(ok=2, collapsed=4), [])
    report = next(results.glob("**/report.html")).read_text(encoding="utf-8")
    assert "Fake H100 (computes nothing)" in report
