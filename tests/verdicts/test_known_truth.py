"""Verdicts where the truth is known by construction: the tint is the digit's (rho = 1), or has nothing to do with it.

Real training, real probes, the real report; SimCLR, since it learns within seconds.
"""

import pytest

from barlowcli.cell.run import run_cell
from barlowcli.report import write_report
from barlowcli.training.loop import Hooks
from barlowcli.verdicts.findings import meaning
from barlowcli.verdicts.judgement import Verdict
from tests.grids import options_for, run_grid, tiny_plan

SIZE = {
    "data.limit": 1600,
    "data.test_limit": 600,
    "training.epochs": 8,
    "training.batch_size": 64,
    "training.lr": 0.8,
    "evaluation.mlp_epochs": 4,
}


def verdicts(tmp_path, rho: float, hue: float) -> dict[str, Verdict]:
    """Claim -> its judgement in the arms' own domains, from a grid of the arms that the claims need, three seeds."""
    settings = SIZE | {"data.colour_tie": rho, "views.hue": hue}
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
    found = verdicts(tmp_path, rho=1.0, hue=0.05)
    assert found["r1a-fair"].word == "supported"
    assert found["r1a-literal"].word == "supported"
    assert found["beyond-histograms"].word in {"refuted", "inconclusive"}


def test_with_the_tint_independent_of_the_digit_histograms_do_not_suffice(tmp_path):
    """Jitter hides the tints, so that the full model has to learn the digits."""
    found = verdicts(tmp_path, rho=0.0, hue=0.5)
    assert found["beyond-histograms"].word == "supported"
    for claim in ("r1a-fair", "r1a-literal"):
        assert found[claim].word == "refuted"
        assert meaning(found[claim]) == found[claim].claim.refuted  # worse, not better


@pytest.mark.parametrize("method", ["barlow", "byol", "simclr", "supervised"])
def test_equalised_and_shuffled_views_leave_chance(tmp_path, method):
    """Nothing is left to learn from, and nothing leaks: not through order, ties or the permutations themselves."""
    settings = {"data.limit": None, "data.test_limit": None, "training.epochs": 2}
    axes = {"method": ["barlow", "byol", "simclr"], "shuffle": ["equalise+pixels"], "jitter": ["off"]}
    cell = next(cell for cell in tiny_plan(axes, settings).cells if cell.axes["method"] == method)
    record = run_cell(cell, options_for(tmp_path), Hooks())
    for name, value in record.metrics.items():
        if name.startswith(("linear.h.equalise", "knn20.h.equalise")):
            chance = record.chance[name.rsplit(".", 1)[1]]
            assert abs(value - chance) < 4 * (chance * (1 - chance) / record.counts["test"]) ** 0.5, (name, value)
