"""One cell, many who want it: one gets it, and a dead or silent owner loses it."""

import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import pytest

from barlowcli.errors import ResultsError
from barlowcli.records.folder import CellFolder
from barlowcli.records.leases import Lease, Leases, still_held


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cell(tmp_path) -> CellFolder:
    return CellFolder(tmp_path)


def test_of_two_who_want_a_cell_one_has_it_until_it_is_let_go_of(cell):
    one, other = Leases(), Leases()
    assert one.take(cell)
    assert not other.take(cell)
    one.release(cell)
    assert other.take(cell)
    assert still_held(other.held[cell])
    cell.record.write_text("{}")
    other.release(cell)
    assert [path.name for path in cell.path.iterdir()] == ["record.json"]


def test_an_owner_that_is_silent_for_long_enough_loses_it_and_learns_of_it(cell, clock):
    slow, other = Leases(), Leases(patience=30, clock=clock)
    assert slow.take(cell)
    held = slow.held[cell]
    assert not other.take(cell)
    clock.now += 31
    slow.keep()  # a beat: the watch starts again
    assert not other.take(cell)
    clock.now += 29
    assert not other.take(cell)
    clock.now += 1
    assert other.take(cell)
    assert not still_held(held)
    slow.keep()
    assert slow.held == {}
    slow.release(cell)  # it is no longer its own to let go of
    assert still_held(other.held[cell])


def test_an_owner_that_beats_keeps_it_whatever_its_clock_says(cell, clock, monkeypatch):
    owner, other = Leases(clock=lambda: 0.0), Leases(patience=30, clock=clock)
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert owner.take(cell)
    for _ in range(10):
        assert not other.take(cell)
        clock.now += 29
        owner.keep()
    assert still_held(owner.held[cell])


def test_while_it_is_kept_alive_it_beats_by_itself(cell, monkeypatch):
    monkeypatch.setattr("barlowcli.records.leases.BEAT_SECONDS", 0.01)
    owner = Leases()
    assert owner.take(cell)
    first = cell.lease(1).read_text()
    with owner.kept_alive():
        until = time.monotonic() + 60
        while cell.lease(1).read_text() == first and time.monotonic() < until:
            time.sleep(0.01)
    last = cell.lease(1).read_text()
    assert last != first
    assert {path.name for path in cell.path.iterdir()} == {"claim-1.json"}


def test_the_lease_of_a_dead_process_of_this_machine_is_free_at_once(cell):
    code = (
        "import sys; from pathlib import Path; from barlowcli.records.folder import CellFolder; "
        "from barlowcli.records.leases import Leases; Leases().take(CellFolder(Path(sys.argv[1])))"
    )
    subprocess.run([sys.executable, "-c", code, str(cell.path)], check=True, cwd=Path(__file__).parents[2])
    assert cell.latest_lease() == 1
    assert Leases().take(cell)
    assert [path.name for path in cell.path.iterdir()] == ["claim-2.json"]


@pytest.mark.parametrize("content", ["", '{"tok', "[]", '{"machine": "elsewhere", "pid": 1, "beat": 3}', "{}"])
def test_a_lease_that_is_half_written_or_of_elsewhere_is_waited_for(cell, clock, content):
    cell.lease(7).write_text(content)
    other = Leases(patience=30, clock=clock)
    assert not other.take(cell)
    clock.now += 29
    assert not other.take(cell)
    clock.now += 1
    assert other.take(cell)
    assert other.held[cell].number == 8


def test_one_who_comes_late_does_not_get_a_number_that_was_put_away(cell):
    cell.lease(1).write_text("{}")
    late, quick = Leases(patience=0.0), Leases(patience=0.0)
    seen = [leases.take(cell) for leases in (late, quick)]
    assert seen == [False, False]  # the first look starts the watch
    assert quick.take(cell)
    quick.release(cell)
    third = Leases()
    assert third.take(cell)  # number 3: 1 and 2 are gone
    assert not late._create(Lease(cell, 3))
    assert not late.take(cell)
    assert still_held(third.held[cell])


def race(folder: str, barrier: "multiprocessing.synchronize.Barrier", won: "multiprocessing.SimpleQueue[int]") -> None:
    for turn in range(40):
        cell = CellFolder(Path(folder) / str(turn))
        leases = Leases(patience=0.0)
        leases.take(cell)  # sees the stale lease for the first time
        barrier.wait()
        if leases.take(cell):
            won.put(turn)
        barrier.wait()


def test_of_many_who_take_a_stale_lease_over_at_the_same_moment_one_wins(tmp_path):
    context = multiprocessing.get_context("spawn")
    for turn in range(40):
        (tmp_path / str(turn)).mkdir()
        CellFolder(tmp_path / str(turn)).lease(1).write_text("{}")
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
        Leases().take(CellFolder(tmp_path / "file" / "cell"))
    assert "--results" in error.value.hint
