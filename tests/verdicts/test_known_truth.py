"""Verdicts where the truth is known by construction: the tint is the digit's (rho = 1), tells half of it, or nothing.

Real training, real probes, the real report; SimCLR, since it learns within seconds.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from barlowcli.cell.run import run_cell
from barlowcli.experiment.claims import Claim
from barlowcli.report import write_report
from barlowcli.training.loop import Hooks
from barlowcli.verdicts import Verdict
from barlowcli.verdicts.findings import meaning
from tests.grids import options_for, run_grid, tiny_plan
from tests.synthetic_results import with_claims

SIZE: dict[str, Any] = {
    "data.image_size": 14,
    "data.limit": 1000,
    "data.test_limit": 400,
    "training.epochs": 3,
    "training.batch_size": 32,
    "evaluation.linear_l2": [0.001, 0.01],
    "evaluation.mlp": False,
    "evaluation.beside_histogram": False,
}
FULL_MODEL = Claim(
    id="beyond",
    title="The full model has more than a histogram can give",
    test="above",
    arm={"shuffle": "none", "jitter": "on"},
    against=[
        {"method": "supervised", "shuffle": "pixels", "metric": "linear.h.pixels.label"},
        {"method": "supervised", "shuffle": "pixels", "metric": "linear.h.none.label"},
        {"method": "histogram", "metric": "linear.joint.none.label"},
    ],
    learned={"method": "random-init"},
    domains=("none",),
    supported="more",
    refuted="less",
    inconclusive="open",
)
"""Jitter hides the tints, so the full model has to learn the digits: its truth is known at every rho."""
Arms = Collection[tuple[str, str, str]]
"""Method, shuffle, jitter."""
CONTROLS = {("random-init", "-", "-"), ("supervised", "pixels", "off"), ("histogram", "-", "-")}


def verdicts(tmp_path: Path, arms: Arms, seeds: int = 3, **settings: Any) -> dict[tuple[str, str], Verdict]:
    """(Claim, domain) -> its verdict for SimCLR, from a grid of these arms and the controls that the claims need."""
    given = SIZE | {name.replace("__", "."): value for name, value in settings.items()}
    plan = tiny_plan({"method": ["simclr"], "shuffle": ["none", "pixels"]}, given, seeds=seeds)
    plan = with_claims(plan, [*plan.experiment.claims, FULL_MODEL])
    wanted = {*arms, *CONTROLS}
    cells = [c for c in plan.cells if (c.axes["method"], c.axes["shuffle"], c.axes["jitter"]) in wanted]
    assert {(c.axes["method"], c.axes["shuffle"], c.axes["jitter"]) for c in cells} == wanted
    run_grid(plan.with_cells(cells), tmp_path)
    report = write_report(tmp_path)
    assert not report.partial
    found = [verdict for finding in report.findings for verdict in finding.verdicts]
    return {(verdict.claim.id, domain): verdict for verdict in found for domain in verdict.domains}


def histogram(verdict: Verdict) -> float:
    """What a linear probe of joint histograms has."""
    return next(side.mean for side in verdict.accuracies if str(side.metric) == "linear.joint.none.label")


FULL, SHUFFLED = ("simclr", "none", "on"), ("simclr", "pixels", "off")


def test_with_the_tint_tied_to_the_digit_histograms_suffice(tmp_path: Path) -> None:
    """On shuffled images the encoder of shuffled views is as good as a supervised one, and no model is above a
    histogram, which tells everything."""
    found = verdicts(tmp_path, {FULL, SHUFFLED}, seeds=5, data__colour_tie=1.0, views__hue=0.05)
    assert found["r1a-literal", "own"].word == "supported"
    assert found["beyond", "none"].word != "supported"
    assert histogram(found["beyond", "none"]) > 0.99


def test_with_the_tint_independent_of_the_digit_histograms_do_not_suffice(tmp_path: Path) -> None:
    found = verdicts(tmp_path, {FULL, SHUFFLED}, data__colour_tie=0.0)
    assert found["beyond", "none"].word == "supported"
    assert histogram(found["beyond", "none"]) < 0.2
    literal = found["r1a-literal", "none"]
    assert literal.word == "refuted"
    assert meaning(literal) == literal.claim.refuted  # worse, not better


def test_where_the_tint_tells_half_of_the_digits_it_is_between(tmp_path: Path) -> None:
    found = verdicts(tmp_path, {FULL, SHUFFLED}, data__colour_tie=0.5)
    beyond = found["beyond", "none"]
    assert 0.45 < histogram(beyond) < 0.65  # half are tied, and of the others a tenth by chance
    assert beyond.word == "supported"
    assert found["r1a-literal", "none"].word == "refuted"
    assert found["r1a-literal", "own"].plain != "refuted"  # the histogram is all that shuffled images tell


def test_an_untrained_arm_that_is_passed_off_as_trained_has_not_learned(tmp_path: Path) -> None:
    """Steps so small that the weights stay where they were: no claim that an arm has to carry is decided."""
    plain = ("simclr", "none", "off")
    found = verdicts(tmp_path, {FULL, plain}, data__colour_tie=0.0, training__lr=1e-12, training__epochs=1)
    for claim in ("beyond", "beyond-histograms"):
        verdict = found[claim, "none"]
        assert verdict.word == "not learned", claim
        assert verdict.outcome is not None
        assert verdict.outcome.p_supported is not None
        assert verdict.accuracies[0].mean - histogram(verdict) > 0.2  # though it is far above a histogram


@pytest.mark.parametrize("method", ["barlow", "byol", "simclr", "supervised"])
def test_equalised_and_shuffled_views_leave_chance(tmp_path: Path, method: str) -> None:
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
