"""Signals and shards: what a batch system, a closed terminal and `afterok` meet; and cells that two versions made."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from barlowcli import __main__ as program
from barlowcli.cell.options import RunOptions
from barlowcli.cell.run import run_cell
from barlowcli.engines.base import Event
from barlowcli.engines.local import ECHO_SECONDS, Signals, run_cells
from barlowcli.engines.pool import Pool
from barlowcli.errors import InterruptError
from barlowcli.machine import provenance, stopping
from barlowcli.machine.stopping import StoppedError, heard, interrupted, stop_here
from barlowcli.plan.freezing import plan_of
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import Record, read_record, write_record
from barlowcli.registry import ENGINES
from barlowcli.report.caveats import caveats
from barlowcli.report.provenance import provenance_rows
from barlowcli.running import experiment
from barlowcli.training.loop import Hooks
from tests.cli.conftest import Command
from tests.cli.conftest import run as run  # the command
from tests.grids import options_for, tiny_plan

RUN = ("run", "shuffle-test", "--device", "cpu", "--method", "barlow", "--shuffle", "none", "--jitter", "on")


def trained_cell(epochs: int) -> PlannedCell:
    plan = tiny_plan({"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]}, {"training.epochs": epochs})
    return next(cell for cell in plan.cells if cell.axes["method"] == "barlow")


def children() -> list[int]:
    import multiprocessing

    return [child.pid for child in multiprocessing.active_children() if child.pid]


def test_a_batch_systems_warning_leaves_a_checkpoint(tmp_path):
    """The signal goes to the whole group: the workers, who get it too, go on until their parent says stop."""
    cell = trained_cell(60)

    def run_until_told() -> None:
        for event in run_cells([cell], options_for(tmp_path), workers=1):
            if event.kind == "progress" and event.step == 5:
                for child in children():
                    for number in stopping.stopping():
                        os.kill(child, number)
            if event.kind == "progress" and event.step == 20:
                os.kill(os.getpid(), signal.SIGUSR1)

    with pytest.raises(InterruptError, match="stopped by SIGUSR1; what was finished is kept") as error:
        run_until_told()
    assert error.value.exit_code == 138
    folder = ResultsFolder(tmp_path).cell(cell.id)
    assert folder.checkpoint.exists()
    assert not folder.record.exists()


class FakePool:
    """Counts what it is asked for."""

    def __init__(self) -> None:
        self.killed = 0
        self.stop = self

    def set(self) -> None:
        pass

    def kill(self) -> None:
        self.killed += 1


def test_the_same_signal_twice_at_once_is_one_and_a_later_one_ends_it(monkeypatch):
    """`timeout` signals its group and passes the signal on as well: the run hears it twice."""
    clock, pool = [100.0], FakePool()
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    listening = Signals(pool)  # type: ignore[arg-type]
    with listening:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert pool.killed == 0
        clock[0] += ECHO_SECONDS + 0.1
        os.kill(os.getpid(), signal.SIGINT)
        assert pool.killed == 1
    assert listening.error().exit_code == 143  # the first one decides


def test_under_nohup_a_closed_terminal_is_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with heard(stop_here):
            os.kill(os.getpid(), signal.SIGHUP)
            with pytest.raises(StoppedError, match="SIGUSR1"):
                os.kill(os.getpid(), signal.SIGUSR1)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_process_that_is_just_started_cannot_be_ended_by_what_is_meant_for_the_group():
    """They wait for it until it ignores them; its parent has them back at once."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    code = "import signal; print(*sorted(int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, [])))"
    with stopping.held_back():
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert {*map(int, said.split())} >= {*map(int, stopping.stopping())}
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


class Process:
    """A process that notes whether it was killed."""

    def __init__(self) -> None:
        self.killed = False

    def kill(self) -> None:
        self.killed = True


def test_cells_that_are_read_or_evaluated_do_not_hold_up_the_end(tmp_path):
    """They have nothing that is not in a checkpoint already; those in training end by themselves."""
    from barlowcli.engines.pool import Worker

    pool = Pool(2, options_for(tmp_path))
    reading, training = Process(), Process()
    pool.workers = [Worker(reading, None), Worker(training, None, training=True)]  # type: ignore[arg-type]
    pool.kill_idle()
    assert (reading.killed, training.killed) == (True, False)
    with pytest.raises(InterruptError):
        Hooks(stop=lambda: True).go_on()


class Imported(ModuleType):
    """The command line's module: who hears Ctrl-C when it is imported, and when it runs."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.heard: list[object] = []

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name != "main":
            raise AttributeError(name)
        self.heard.append(signal.getsignal(signal.SIGINT))
        return lambda: self.heard.append(signal.getsignal(signal.SIGINT))


@pytest.mark.parametrize("ignored", [False, True])
def test_while_the_command_line_is_imported_there_is_nothing_to_say(monkeypatch, ignored):
    """Python would show where in the imports it was."""
    own = signal.SIG_IGN if ignored else signal.default_int_handler
    imported = Imported("barlowcli.cli.main")
    monkeypatch.setitem(sys.modules, imported.__name__, imported)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = signal.signal(signal.SIGINT, own)
    try:
        program.main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert imported.heard == [own if ignored else signal.SIG_DFL, own]


@pytest.mark.parametrize("moment", ["plan", "report"])
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGUSR1", 138), ("SIGINT", 130)])
def test_before_the_first_cell_and_while_the_report_is_written(run: Command, monkeypatch, tmp_path, moment, name, code):
    def hit(*given: object, **named: object) -> None:
        os.kill(os.getpid(), signal.Signals[name])
        raise AssertionError("it went on")

    monkeypatch.setattr(experiment, "execute", lambda *given, **named: None)  # every cell "ran"
    target = "barlowcli.running.experiment.freeze" if moment == "plan" else "barlowcli.report.write_report"
    monkeypatch.setattr(target, hit)
    before = signal.getsignal(signal.Signals[name])
    command = (*RUN, "--results", str(tmp_path), "--rerun", "all")
    got, _, err = run(*command)
    assert got == code
    assert f"error: stopped by {name}; what was finished is kept" in err
    assert f"hint: to go on: barlow {' '.join(RUN)} --results {tmp_path}\n" in err
    assert signal.getsignal(signal.Signals[name]) is before


def fake_engine(monkeypatch: pytest.MonkeyPatch, fails: Sequence[int] = ()) -> list[list[str]]:
    """An engine that writes a record of each cell and computes nothing; the cells it was given, call by call."""
    calls: list[list[str]] = []

    def engine(cells: list[PlannedCell], options: RunOptions, *, workers: int, anew: bool) -> Iterator[Event]:
        calls.append([cell.id for cell in cells])
        for number, cell in enumerate(cells):
            status = "failed" if number in fails else "ok"
            record = Record(
                id=cell.id,
                experiment=options.experiment,
                preset=options.preset,
                axes=cell.axes,
                seed=cell.seed,
                control=cell.control,
                status=status,
                metrics={} if status == "failed" else {"linear.h.none.label": 0.5},
                probes={} if status == "failed" else {"linear.h.none.label": {"validation_accuracy": 0.5}},
                config=cell.config.model_dump(mode="json", by_alias=True),
            )
            write_record(options.folder_of(cell), record)
            yield Event("done", cell.id, status=status)

    monkeypatch.setattr(ENGINES, "load", lambda name: engine)
    return calls


def test_a_shard_that_has_done_its_part_is_a_success(run: Command, monkeypatch, tmp_path):
    """What depends on it in a batch system (`afterok`) must run."""
    calls = fake_engine(monkeypatch)
    command = (*RUN, "--seeds", "2", "--results", str(tmp_path), "-q")
    code, out, _ = run(*command, "--shard", "1/2")
    folder = tmp_path / "shuffle-test" / "quick"
    cells = len(plan_of(folder).cells)
    own = (cells + 1) // 2
    assert code == 0
    assert "PARTIAL" in out
    assert out.splitlines()[-1] == (
        f"shard 1/2 is done: {own} of {own} cells. The report waits for {cells - own} of {cells - own} cells of other "
        f"shards; then, with their cells/ in one folder: barlow report {folder}"
    )
    code, out, _ = run(*command, "--shard", "1/2", "--json")
    value = json.loads(out)
    assert (code, value["partial"]) == (0, True)
    assert value["shard"] == {
        "part": 1,
        "parts": 2,
        "cells": own,
        "done": own,
        "failed": 0,
        "finished": True,
        "others_missing": cells - own,
        "waits_for": [],
    }
    code, out, _ = run(*command, "--shard", "2/2")
    assert (code, "PARTIAL" in out) == (0, False)
    assert out.splitlines()[-1].endswith("No cell of another shard is missing.")
    assert len(calls) == 2
    assert sorted(calls[0] + calls[1]) == sorted(cell.id for cell in plan_of(folder).cells)


def test_a_shard_of_which_a_cell_failed_is_none(run: Command, monkeypatch, tmp_path):
    fake_engine(monkeypatch, fails=[1])
    code, out, _ = run(*RUN, "--seeds", "2", "--results", str(tmp_path), "--shard", "1/2", "-q")
    assert code == 1
    assert "1 failed; --rerun failed runs those again" in out.splitlines()[-1]


def test_more_shards_than_cells(run: Command, monkeypatch, tmp_path):
    fake_engine(monkeypatch)
    code, out, err = run(*RUN, "--seeds", "1", "--results", str(tmp_path), "--shard", "90/90")
    assert code == 0
    assert "this shard has no cells: there are fewer cells than shards" in err
    assert "shard 90/90 has no cells" in out.splitlines()[-1]


def test_shards_of_folders_with_other_pasts_share_no_cell(run: Command, monkeypatch, tmp_path):
    """One machine ran a part of the grid before; its frozen plan has the cells in another order."""
    calls = fake_engine(monkeypatch)
    run(*RUN[:-6], "--method", "byol", "--jitter", "off", "--seeds", "1", "--results", str(tmp_path / "b"), "-q")
    calls.clear()
    for part, name in ((1, "a"), (2, "b")):
        run(
            *RUN[:-6], "--seeds", "1", "--results", str(tmp_path / name), "--shard", f"{part}/2", "--rerun", "all", "-q"
        )
    assert not {*calls[0]} & {*calls[1]}
    everything = {cell.id for cell in plan_of(tmp_path / "a" / "shuffle-test" / "quick").cells}
    assert {*calls[0], *calls[1]} == everything


def test_a_shard_whose_first_stage_waits_for_the_others(run: Command, monkeypatch, tmp_path):
    """Tuning needs the cells of all shards: each ends as a success, and the same commands run what follows."""
    from tests.running.test_first_stages import TINY

    fake_engine(monkeypatch)
    path = tmp_path / "tuned.toml"
    path.write_text(TINY)
    command = ("run", str(path), "--device", "cpu", "--results", str(tmp_path), "-q")
    code, out, _ = run(*command, "--shard", "1/2")
    assert code == 0
    assert "The tuning needs the cells of all shards: once all shards have run theirs" in out.splitlines()[-1]
    code, out, _ = run(*command, "--shard", "2/2", "--json")  # it is decided now, and this shard goes on
    assert (code, json.loads(out)["shard"]["waits_for"]) == (0, [])
    assert json.loads(out)["shard"]["others_missing"] > 0
    code, out, _ = run(*command, "--shard", "1/2", "--json")
    assert (code, json.loads(out)["partial"]) == (0, False)


def cut_and_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **then: object) -> Record:
    """A cell that was stopped in its second epoch, and finished where `then` of the provenance is another."""
    cell, options, seen = trained_cell(2), options_for(tmp_path), [0]

    def count(step: int, total: int) -> None:
        seen[0] = step

    with pytest.raises(InterruptError):
        run_cell(cell, options, Hooks(progress=count, stop=lambda: seen[0] == 6))
    for name, value in then.items():
        monkeypatch.setattr(provenance, name, lambda *given, value=value: value)
    run_cell(cell, options, Hooks())
    record = read_record(options.folder_of(cell))
    assert record is not None
    return record


def test_a_cell_that_two_versions_made_names_both(tmp_path, monkeypatch):
    record = cut_and_finished(tmp_path, monkeypatch, commit="beef", device_name="another processor")
    assert record.provenance["commit"] == "beef"
    (first,) = record.provenance["earlier"]
    assert (first["until_step"], first["until_epoch"]) == (6, 1.5)
    assert first["commit"] != "beef"
    assert first["device_name"] != "another processor"
    assert first["versions"] == record.provenance["versions"]
    assert "command" not in first  # it names whose folder it was
    rows = dict(provenance_rows({record.id: record}))
    assert "another processor" in rows["device"]
    assert first["device_name"] in rows["device"]
    assert rows["in two parts"] == "1 cell was begun by one version or machine and finished by another"


def test_a_cell_that_one_version_made_in_two_goes_names_none(tmp_path, monkeypatch):
    record = cut_and_finished(tmp_path, monkeypatch)
    assert "earlier" not in record.provenance
    assert "in two parts" not in dict(provenance_rows({record.id: record}))


def test_a_rerun_of_a_cell_that_two_versions_made_says_so(run: Command, tmp_path, monkeypatch):
    record = cut_and_finished(tmp_path, monkeypatch, commit="beef")
    _, _, err = run("rerun", str(ResultsFolder(tmp_path).cell(record.id).path))
    assert "until epoch 1.5 it was trained by another: commit " in err


def test_a_report_of_cells_that_two_versions_made_says_so(tmp_path):
    from barlowcli.analysis.results import Results
    from tests.synthetic_results import BEYOND, quick_plan, records_of

    plan = quick_plan()
    records = records_of(plan, BEYOND)
    for name in list(records)[:2]:
        both = {**records[name].provenance, "earlier": [{"commit": "old", "until_step": 3, "until_epoch": 1.0}]}
        records[name] = records[name].model_copy(update={"provenance": both})
    said = (
        "2 cells were begun by one version or machine and finished by another; what each did stands in its record.json."
    )
    assert said in caveats(Results(plan, records), [])
    assert "old" in dict(provenance_rows(records))["commit"]


def test_exit_codes_of_all_signals():
    codes = {number.name: interrupted(number).exit_code for number in stopping.stopping()}
    assert codes == {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129, "SIGUSR1": 138, "SIGUSR2": 140}
