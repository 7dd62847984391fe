import json
import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor

from barlowcli.data.load import load_dataset
from barlowcli.errors import CellError, InterruptError
from barlowcli.methods.base import Method, Output
from barlowcli.records.folder import CellFolder
from barlowcli.settings.data import DataSettings
from barlowcli.settings.methods import BarlowSettings, ByolSettings
from barlowcli.settings.training import TrainingSettings
from barlowcli.settings.views import ViewSettings
from barlowcli.training.log import TrainingLog
from barlowcli.training.loop import Ending, Hooks, epoch_order, train
from barlowcli.training.optimisers import build_optimizer
from barlowcli.training.step import EagerStep, Row
from barlowcli.views.pipeline import AugmentedViews
from tests.small_methods import small_method

DATA = load_dataset(DataSettings(limit=160, image_size=8), root=Path("no-data-root"))
SETTINGS = TrainingSettings(epochs=3, batch_size=32, lr=0.1, lr_scaling="none", warmup_epochs=1)  # 4 steps an epoch


def method_of(settings: BarlowSettings | ByolSettings, seed: int = 0) -> Method:
    return small_method(settings, side=8, dim=16, hidden=32, layers=2, seed=seed)


def run(folder: Path, method: Method, hooks: Hooks | None = None, settings: TrainingSettings = SETTINGS) -> Ending:
    folder.mkdir(exist_ok=True)
    views = AugmentedViews(ViewSettings(), image_size=8, mean=[0.2] * 3, std=[0.3] * 3, seed=0)
    return train(
        method,
        views,
        DATA.train.images,
        DATA.train.labels,
        settings,
        seed=0,
        folder=CellFolder(folder),
        collapse_std=0.05,
        hooks=hooks or Hooks(),
    )


def stop_after(steps: int) -> Hooks:
    hooks = Hooks()
    seen = iter(range(1, 1000))
    hooks.stop = lambda: next(seen) >= steps
    return hooks


def bits(method: Method) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in method.state_dict().items()}


@pytest.mark.parametrize("settings", [BarlowSettings(), ByolSettings(tau=0.9)], ids=["barlow", "byol"])
@pytest.mark.parametrize("steps", [1, 4, 6])
def test_a_resumed_run_gives_the_same_bits_as_an_undisturbed_one(tmp_path, settings, steps):
    whole = method_of(settings)
    undisturbed = run(tmp_path / "whole", whole)
    with pytest.raises(InterruptError, match=f"stopped at step {steps} of 12"):
        run(tmp_path / "cut", method_of(settings), stop_after(steps))
    with (tmp_path / "cut" / "metrics.jsonl").open("a") as file:
        file.write('{"step": 12, "epoch": 9, "half a li')  # what a killed run may leave behind
    resumed = method_of(settings, seed=5)
    trained = run(tmp_path / "cut", resumed)
    assert (trained.status, trained.steps) == ("ok", 12)
    assert trained.cost.counts == undisturbed.cost.counts
    for name, value in bits(whole).items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    files = [(tmp_path / name / "metrics.jsonl").read_bytes() for name in ("whole", "cut")]
    assert files[0] == files[1]
    assert [json.loads(line)["epoch"] for line in files[0].splitlines()] == [1, 2, 3]


def test_the_log_tells_the_loss_its_terms_and_the_spread(tmp_path):
    run(tmp_path, method_of(BarlowSettings()))
    line = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    terms = {"term.invariance", "term.redundancy"}
    assert set(line) == {"schema_version", "step", "epoch", "lr", "loss", "std", "correlation", *terms}
    assert line["loss"] == pytest.approx(line["term.invariance"] + 0.005 * line["term.redundancy"], rel=1e-5)


def test_a_damaged_checkpoint_costs_time_and_no_number(tmp_path):
    whole = method_of(BarlowSettings())
    run(tmp_path / "whole", whole)
    with pytest.raises(InterruptError):
        run(tmp_path / "cut", method_of(BarlowSettings()), stop_after(5))
    path = tmp_path / "cut" / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    notes: list[str] = []
    again = method_of(BarlowSettings())
    run(tmp_path / "cut", again, Hooks(note=notes.append))
    assert "checkpoint.pt cannot be read" in notes[0]
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in bits(whole).items())


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('executed')",))


def test_code_in_a_checkpoint_is_never_executed(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(pickle.dumps({"step": 3, "method": Bomb()}))
    notes: list[str] = []
    assert run(tmp_path, method_of(BarlowSettings()), Hooks(note=notes.append)).steps == 12
    assert "cannot be read" in notes[0]


def test_a_checkpoint_of_another_cell_is_refused(tmp_path):
    with pytest.raises(InterruptError):
        run(tmp_path, method_of(BarlowSettings()), stop_after(2))
    with pytest.raises(CellError, match="is not a checkpoint of this cell"):
        run(tmp_path, method_of(ByolSettings()))


def test_a_loss_that_is_not_finite_ends_the_cell_and_names_the_step(tmp_path):
    method = method_of(BarlowSettings())
    assert method.projector is not None
    with torch.no_grad():
        next(method.projector.parameters()).mul_(1e30)
    trained = run(tmp_path, method, settings=SETTINGS.model_copy(update={"lr": 1e30}))
    assert trained.status == "diverged"
    assert trained.step is not None
    assert 1 <= trained.step <= 12
    assert trained.message == f"the loss was not finite at step {trained.step} of 12"


def test_byol_without_predictor_and_averaging_collapses_and_says_since_when(tmp_path):
    settings = ByolSettings(target="ema", tau=0.0, tau_schedule="constant", predictor=False)
    trained = run(tmp_path, method_of(settings), settings=SETTINGS.model_copy(update={"epochs": 40, "lr": 1.0}))
    assert trained.status == "collapsed"
    assert trained.step is not None
    assert trained.message.startswith("the embeddings of all images have been nearly one since step ")


def test_the_redundancy_term_alone_collapses_in_its_own_way(tmp_path):
    training = SETTINGS.model_copy(update={"epochs": 40, "lr": 0.02})
    trained = run(tmp_path, method_of(BarlowSettings(terms="redundancy", lambda_=1.0)), settings=training)
    assert trained.status == "collapsed"
    assert trained.message.startswith("the two views of an image have had nothing in common since step ")
    both = run(tmp_path / "both", method_of(BarlowSettings()), settings=training)
    assert both.status == "ok"


def test_a_spread_that_comes_back_is_no_collapse(tmp_path):
    log = TrainingLog(tmp_path / "metrics.jsonl", collapse_std=0.05)
    healthy, flat = torch.randn(64, 8), torch.ones(64, 8)
    for step, z in enumerate([healthy, flat, flat, healthy, flat], start=1):
        log.add(step, Row.of(Output(torch.tensor(1.0), {}, (z, z))))
    log.drain()
    assert log.collapsed_since == 5


def test_views_without_anything_in_common_are_remembered_by_a_checkpoint(tmp_path):
    log = TrainingLog(tmp_path / "metrics.jsonl", collapse_std=0.0)
    z_a, z_b = torch.randn(2, 512, 8, generator=torch.Generator().manual_seed(0))
    for epoch in (1, 2):
        for step in (2 * epoch - 1, 2 * epoch):
            log.add(step, Row.of(Output(torch.tensor(1.0), {}, (z_a, z_b))))
        log.end_epoch(2 * epoch, epoch, 0.1)
    later = TrainingLog(tmp_path / "metrics.jsonl", collapse_std=0.0)
    later.resume(log.state(), 4)
    assert later.collapse == log.collapse == (1, "the two views of an image have had nothing in common")


def test_fewer_images_than_a_batch_is_an_error_with_a_way_out(tmp_path):
    with pytest.raises(CellError, match=f"{len(DATA.train)} training images do not fill one batch of 500") as error:
        run(tmp_path, method_of(BarlowSettings()), settings=SETTINGS.model_copy(update={"batch_size": 500}))
    assert "--set training.batch_size=35" in error.value.hint


def test_an_order_is_a_permutation_and_hangs_on_seed_and_epoch_alone():
    orders = {(s, e): epoch_order(s, e, 50) for s in (0, 1) for e in (0, 1)}
    assert all(torch.equal(order.sort().values, torch.arange(50)) for order in orders.values())
    assert len({tuple(order.tolist()) for order in orders.values()}) == 4
    assert torch.equal(orders[1, 1], epoch_order(1, 1, 50))


def test_clipping_bounds_the_gradient_that_is_applied():
    def moved(clip: float | None) -> float:
        method = method_of(BarlowSettings())
        settings = SETTINGS.model_copy(update={"clip_gradient": clip, "momentum": 0.0, "weight_decay": 0.0})
        before = torch.cat([p.detach().flatten().clone() for p in method.parameters()])
        views = AugmentedViews(ViewSettings(), image_size=8, mean=[0.2] * 3, std=[0.3] * 3, seed=0)
        optimizer = build_optimizer(settings, method)
        index = torch.arange(32)
        take_step = EagerStep(method, optimizer, views, DATA.train.images, DATA.train.labels, settings)
        take_step(index, epoch=0, lr=0.1, progress=0.0)
        after = torch.cat([p.detach().flatten() for p in method.parameters()])
        return float((after - before).norm()) / 0.1

    assert moved(None) > 1.0
    assert moved(1.0) == pytest.approx(1.0, rel=1e-3)
