"""Verdicts where the truth is known by construction: the tint is the digit's (rho = 1), or has nothing to do with it.

Real training, real probes, the real report; SimCLR, since it learns within seconds.
"""

import pytest

from barlowcli.cell.run import run_cell
from barlowcli.report import write_report
from barlowcli.training.loop import Hooks
from barlowcli.verdicts import Verdict
from barlowcli.verdicts.findings import meaning
from tests.grids import options_for, run_grid, tiny_plan

SIZE = {
    "data.image_size": 14,
    "data.limit": 1000,
    "data.test_limit": 400,
    "training.epochs": 2,
    "training.batch_size": 64,
    "evaluation.linear_l2": [0.01],
    "evaluation.mlp_epochs": 4,
}


def verdicts(tmp_path, rho: float, hue: float, lr: float) -> dict[str, Verdict]:
    """Claim -> its judgement in the arms' own domains, from a grid of the arms that the claims need, three seeds."""
    settings = SIZE | {"data.colour_tie": rho, "views.hue": hue, "training.lr": lr}
    plan = tiny_plan({"method": ["simclr"]}, settings, seeds=3)
    needed = {("none", "on"), ("none", "off"), ("pixels", "off")}
    cells = [
        cell
        for cell in plan.cells
        if (cell.axes["shuffle"], cell.axes["jitter"]) in needed | {("-", "-")}
        and (cell.axes["method"], cell.axes["shuffle"]) != ("supervised", "none")
    ]
    run_grid(plan.with_cells(cells), tmp_path)
    report = write_report(tmp_path)
    assert not report.partial
    return {
        finding.claim.id: verdict
        for finding in report.findings
        for verdict in finding.verdicts
        if "own" in verdict.domains
    }


def test_with_the_tint_tied_to_the_digit_histograms_suffice(tmp_path):
    """Jitter leaves the tints apart here, a tenth of the circle from one another: the full model keeps them."""
    found = verdicts(tmp_path, rho=1.0, hue=0.05, lr=0.8)
    assert found["r1a-fair"].word == "supported"
    assert found["r1a-literal"].word == "supported"
    beyond = found["beyond-histograms"]  # refuted, or, where the arm is as good as they are, open
    histograms = [side.mean for side in beyond.accuracies if side.role == "against" and ".h." not in str(side.metric)]
    assert len(histograms) == 4, [side.metric for side in beyond.accuracies]
    assert max(histograms) > 0.99
    assert beyond.holm_supported is not None
    assert beyond.holm_supported > 0.5


def test_with_the_tint_independent_of_the_digit_histograms_do_not_suffice(tmp_path):
    """Jitter hides the tints, so that the full model has to learn the digits. Without it a larger learning rate would
    soon leave nothing but tints in the embeddings."""
    found = verdicts(tmp_path, rho=0.0, hue=0.5, lr=0.3)
    assert found["beyond-histograms"].word == "supported"
    for claim in ("r1a-fair", "r1a-literal"):
        assert found[claim].word == "refuted"
        assert meaning(found[claim]) == found[claim].claim.refuted  # worse, not better


@pytest.mark.parametrize("method", ["barlow", "byol", "simclr", "supervised"])
def test_equalised_and_shuffled_views_leave_chance(tmp_path, method):
    """Nothing is left to learn from, and nothing leaks: not through order, ties or the permutations themselves."""
    settings = {"data.limit": None, "data.test_limit": None, "training.epochs": 2}
    axes = {"method": ["barlow", "byol", "simclr"], "shuffle": ["equalise+pixels"], "jitter": ["off"]}
    wanted = {"method": method, "shuffle": "equalise+pixels"}
    cell = next(cell for cell in tiny_plan(axes, settings).cells if cell.axes.items() >= wanted.items())
    record = run_cell(cell, options_for(tmp_path), Hooks())
    names = [f"{probe}.h.equalise+pixels.{label}" for probe in ("linear", "knn20") for label in ("label", "colour")]
    for name in names:
        chance = record.chance[name.rsplit(".", 1)[1]]
        deviation = (chance * (1 - chance) / record.counts["test"]) ** 0.5
        assert abs(record.metrics[name] - chance) < 4 * deviation, name
