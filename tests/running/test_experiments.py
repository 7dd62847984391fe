"""One tiny pass over every experiment that comes with barlow: plan, cells, second stage, report."""

import json
from pathlib import Path

import pytest

from barlowcli.analysis.results import Results
from barlowcli.cell.run import run_cell
from barlowcli.experiment.files import experiment_names, load_experiment
from barlowcli.experiment.first_stage import TUNING
from barlowcli.experiment.model import Experiment
from barlowcli.plan.choosing import choose
from barlowcli.plan.freezing import freeze
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Choice, Plan
from barlowcli.records.folder import ResultsFolder
from barlowcli.records.record import read_record, read_records
from barlowcli.report import write_report
from barlowcli.training.loop import Hooks
from tests.grids import options_for

SIZE = {
    "data.limit": 200,
    "data.test_limit": 100,
    "training.epochs": 1,
    "training.warmup_epochs": 0,
    "evaluation.knn_k": [5],
    "evaluation.linear_l2": [0.001, 0.01],
}
FEW = {
    "dims": {"dims": ["16", "64"], "method": ["barlow", "byol"]},
    "ema-dims": {"dims": ["16", "64"], "target": ["symmetric", "ema-.9"]},
    "batch-size": {"batch": ["16", "32"]},
    "dose-bits": {"bits": ["0", "4"]},
    "dose-patch": {"shuffle": ["pixels", "patch-4", "none"], "method": ["barlow"]},
    "dose-jitter": {"strength": ["0", "1"]},
    "augmentations": {"augmentation": ["baseline", "no-jitter", "crop-only"]},
    "hybrid": {"arm": ["barlow", "barlow-c/D", "ema", "byol"], "condition": ["full", "narrow"]},
}
UNTESTED = {"hybrid": {"robust-colour", "byol-colour"}}
"""Claims whose arms are cut away here."""


def tiny(name: str, winner: str = "") -> Plan:
    size = SIZE if name == "batch-size" else SIZE | {"training.batch_size": 32}
    return build_plan(
        load_experiment(name), "quick", Overrides(FEW.get(name, {}), size, 1), on_cuda=False, winner=winner
    )


def run(plan: Plan, folder: Path) -> None:
    freeze(folder, plan)
    for cell in plan.all_cells:
        if read_record(ResultsFolder(folder).cell(cell.id)) is None:
            run_cell(cell, options_for(folder), Hooks())


@pytest.mark.parametrize("name", experiment_names())
def test_every_experiment_runs_from_plan_to_report(name: str, tmp_path: Path) -> None:
    plan = tiny(name)
    run(plan, tmp_path)
    if plan.experiment.screen is not None:
        records = read_records(ResultsFolder(tmp_path), (cell.id for cell in plan.first))
        _, winner = choose(plan, records)
        assert winner in plan.experiment.screen.candidates
        plan = tiny(name, winner)
        run(plan, tmp_path)
    report = write_report(tmp_path)
    assert not report.partial
    assert report.counts["done"] == len(plan.cells)
    verdicts = {claim["id"]: claim for claim in json.loads((tmp_path / "verdict.json").read_text())["claims"]}
    assert list(verdicts) == [claim.id for claim in plan.experiment.claims]
    judged = {
        claim_id: {verdict["verdict"] for verdict in claim["verdicts"] if verdict["accuracies"]}
        for claim_id, claim in verdicts.items()
    }
    assert {claim_id for claim_id, words in judged.items() if not words} == UNTESTED.get(name, set())
    assert set().union(*judged.values()) == {"inconclusive"}  # one seed decides nothing
    page = (tmp_path / "report.html").read_text()
    assert "Controlled mode: everything is equal but the axes" in page
    curve = (tmp_path / "plots" / "curve.png").is_file()
    assert curve == (plan.experiment.curve is not None)


def decided(spec: Experiment, preset: str) -> Plan:
    """The plan of the last stage, where tuning chose the first candidate of each group and screening `ema`."""
    first = build_plan(spec, preset, Overrides(), on_cuda=False).first
    tried = {tuple(cell.group.items()): cell for cell in reversed(first) if cell.stage == TUNING}
    tuned = [Choice(group=cell.group, settings=cell.candidate) for cell in tried.values()]
    winner = "ema" if spec.screen else ""
    return build_plan(spec, preset, Overrides(), on_cuda=False, winner=winner, tuned=tuned)


@pytest.mark.parametrize("name", experiment_names())
def test_every_claim_can_be_judged_under_every_preset(name: str) -> None:
    """No claim names an arm that its preset's own grid lacks."""
    from barlowcli.verdicts import judge

    spec = load_experiment(name)
    for preset in spec.presets:
        plan = decided(spec, preset)
        words: dict[str, set[str]] = {}
        for verdict in judge(Results(plan, {})):
            words.setdefault(verdict.claim.id, set()).add(verdict.word)
        untested = {claim.id for claim in spec.claims if "incomplete" not in words.get(claim.id, set())}
        assert not untested, preset
