"""A short version of `kill.py`: a few kills of one process, and of one of three on the same folder."""

import pytest

from tests.faults.kill import disturb


@pytest.mark.parametrize(("processes", "kills"), [(1, 2), (3, 1)])
def test_a_grid_that_is_killed_and_resumed_ends_with_the_files_of_one_that_was_not(tmp_path, processes, kills):
    kinds = ("SIGKILL to all", "SIGKILL to the parent")
    outcome = disturb(tmp_path, kills=kills, processes=processes, seed=processes, kinds=kinds)
    assert outcome.problems == []
    assert sum(outcome.kills.values()) == kills
    assert outcome.cells == 6
