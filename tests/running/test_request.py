from pathlib import Path

import pytest

from barlowcli.errors import BarlowError, InterruptError
from barlowcli.experiment.files import load_experiment
from barlowcli.plan.freezing import freeze, read_plan
from barlowcli.plan.grid import Overrides
from barlowcli.registry import ENGINES
from barlowcli.running import experiment
from barlowcli.running.request import Request, choose_preset
from tests.grids import TINY, tiny_plan


def tiny_request(results: Path, **settings: int) -> Request:
    overrides = Overrides({"method": ["barlow"]}, TINY | settings, 1)
    return Request(load_experiment("shuffle-test"), device="cpu", overrides=overrides, results=results)


def engine_that_raises(monkeypatch: pytest.MonkeyPatch, error: BarlowError) -> None:
    def run_cells(*cells: object, **flags: object) -> None:
        raise error

    monkeypatch.setattr(ENGINES, "load", lambda name: run_cells)


def test_a_request_says_the_preset_that_suits_the_device_and_keeps_what_was_asked(tmp_path):
    request = tiny_request(tmp_path)
    assert (request.preset, request.folder) == ("quick", tmp_path / "shuffle-test" / "quick")
    assert request.heading.startswith("shuffle-test, preset quick (no GPU; cifar10 wants one")
    on_apple = choose_preset(load_experiment("shuffle-test"), "mps")
    assert on_apple == ("quick", "cifar10 is sized for CUDA; on mps it was never timed")
    asked = Request(load_experiment("shuffle-test"), preset="cifar10", device="cpu")
    assert asked.heading == "shuffle-test, preset cifar10 (as asked), on cpu"


@pytest.mark.parametrize("before", [True, False])
def test_a_plan_of_which_nothing_could_be_run_is_taken_back(tmp_path, monkeypatch, before):
    request = tiny_request(tmp_path, **{"training.epochs": 3})
    old = tiny_plan() if before else None
    if old is not None:
        freeze(request.folder, old)
    engine_that_raises(monkeypatch, BarlowError("refused"))
    with pytest.raises(BarlowError, match="refused"):
        experiment.run(request)
    assert read_plan(request.folder) == old


def test_a_plan_that_was_interrupted_is_kept_to_go_on_with(tmp_path, monkeypatch):
    request = tiny_request(tmp_path)
    engine_that_raises(monkeypatch, InterruptError("stopped"))
    with pytest.raises(InterruptError):
        experiment.run(request)
    kept = read_plan(request.folder)
    assert kept is not None
    assert {cell.id for cell in kept.cells} == {cell.id for cell in request.plan().cells}
