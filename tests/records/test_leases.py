"""One cell, many who want it: one gets it, and a dead or silent owner loses it."""

import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import pytest

from barlowcli.errors import ResultsError
from barlowcli.records.leases import Claim, Claims, latest_number, still_held


def test_of_two_who_want_a_cell_one_has_it_until_it_is_let_go_of(tmp_path):
    one, other = Claims(), Claims()
    assert one.take(tmp_path)
    assert not other.take(tmp_path)
    one.release(tmp_path)
    assert other.take(tmp_path)
    assert still_held(other.held[tmp_path])
    (tmp_path / "record.json").write_text("{}")
    other.release(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_an_owner_that_is_silent_for_long_enough_loses_it_and_learns_of_it(tmp_path):
    slow, other = Claims(), Claims(patience=0.2)
    assert slow.take(tmp_path)
    held = slow.held[tmp_path]
    assert not other.take(tmp_path)
    slow.keep()  # a beat: the watch starts again
    time.sleep(0.25)
    assert not other.take(tmp_path)
    time.sleep(0.25)
    assert other.take(tmp_path)
    assert not still_held(held)
    slow.keep()
    assert slow.held == {}
    slow.release(tmp_path)  # it is no longer its own to let go of
    assert still_held(other.held[tmp_path])


def test_an_owner_that_beats_keeps_it_whatever_its_clock_says(tmp_path, monkeypatch):
    owner, other = Claims(), Claims(patience=0.3)
    monkeypatch.setattr("barlowcli.records.leases.BEAT_SECONDS", 0.05)
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert owner.take(tmp_path)
    with owner.kept_alive():
        for _ in range(10):
            assert not other.take(tmp_path)
            time.sleep(0.1)


def test_the_claim_of_a_dead_process_of_this_machine_is_free_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path; from barlowcli.records.leases import Claims; "
        "Claims().take(Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=Path(__file__).parents[2])
    assert latest_number(tmp_path) == 1
    assert Claims().take(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["claim-2.json"]


@pytest.mark.parametrize("content", ["", '{"tok', "[]", '{"machine": "elsewhere", "pid": 1, "beat": 3}', "{}"])
def test_a_claim_that_is_half_written_or_of_elsewhere_is_waited_for(tmp_path, content):
    Claim(tmp_path, 7).path.write_text(content)
    other = Claims(patience=0.1)
    assert not other.take(tmp_path)
    time.sleep(0.15)
    assert other.take(tmp_path)
    assert other.held[tmp_path].number == 8


def test_one_who_comes_late_does_not_get_a_number_that_was_put_away(tmp_path):
    Claim(tmp_path, 1).path.write_text("{}")
    late, quick = Claims(patience=0.0), Claims(patience=0.0)
    seen = [claims.take(tmp_path) for claims in (late, quick)]
    assert seen == [False, False]  # the first look starts the watch
    assert quick.take(tmp_path)
    quick.release(tmp_path)
    third = Claims()
    assert third.take(tmp_path)  # number 3: 1 and 2 are gone
    assert not late._create(Claim(tmp_path, 3))
    assert not late.take(tmp_path)
    assert still_held(third.held[tmp_path])


def race(folder: str, barrier: "multiprocessing.synchronize.Barrier", won: "multiprocessing.SimpleQueue[int]") -> None:
    for turn in range(40):
        cell = Path(folder) / str(turn)
        claims = Claims(patience=0.0)
        claims.take(cell)  # sees the stale claim for the first time
        barrier.wait()
        if claims.take(cell):
            won.put(turn)
        barrier.wait()


def test_of_many_who_take_a_stale_claim_over_at_the_same_moment_one_wins(tmp_path):
    context = multiprocessing.get_context("spawn")
    for turn in range(40):
        (tmp_path / str(turn)).mkdir()
        Claim(tmp_path / str(turn), 1).path.write_text("{}")
    barrier, won = context.Barrier(4), context.SimpleQueue()
    processes = [context.Process(target=race, args=(str(tmp_path), barrier, won)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    winners = []
    while not won.empty():
        winners.append(won.get())
    assert sorted(winners) == list(range(40))


def test_a_folder_that_cannot_be_written_is_an_error_with_a_way_out(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match=r"cannot write .*claim-1\.json") as error:
        Claims().take(tmp_path / "file" / "cell")
    assert "--results" in error.value.hint
