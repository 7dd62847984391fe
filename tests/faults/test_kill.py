"""A short version of `kill.py`: one kill of a run alone, and of one of two on the same folder."""

import pytest

from tests.faults.kill import disturb


@pytest.mark.parametrize(("processes", "kills"), [(1, 1), (2, 1)])
def test_a_grid_that_is_killed_and_resumed_ends_with_the_files_of_one_that_was_not(tmp_path, processes, kills):
    kinds = ("SIGKILL to all", "SIGKILL to the parent")
    outcome = disturb(tmp_path, kills=kills, processes=processes, seed=processes, kinds=kinds, epochs=3)
    assert outcome.problems == []
    assert sum(outcome.kills.values()) == kills
    assert outcome.cells == 6
