"""Cells on the fake card: what they leave in memory, and what an error costs."""

import pytest

from tests.gpu.card.child import answer
from tests.gpu.card.fixtures import card as card

FINITE = {"FAKE_CUDA_ANSWERS": "1"}
"""So that no loss is NaN, and nothing that is asked of features is denied."""


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
