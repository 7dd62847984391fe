"""Features that are too wide for an eigendecomposition: other ways to the same numbers, and the record says so."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from barlowcli.evaluation import linear, rank, ridge, spectrum
from barlowcli.evaluation.linear import fit_linear_probe
from barlowcli.evaluation.probes import Space, Split, probe_features
from barlowcli.evaluation.rank import rankme
from barlowcli.evaluation.ridge import fit_ridge
from barlowcli.evaluation.spectrum import lanczos_quadrature, leading_axes, random_signs
from barlowcli.settings.evaluation import EvaluationSettings
from tests.evaluation.test_linear_probe import scikit_learn

NARROW = 40
SPECTRA: dict[str, Callable[[Tensor], Tensor]] = {
    "flat": torch.ones_like,
    "a mean, and flat": lambda i: torch.where(i == 1, 100.0, 1.0),
    "of rank 100": lambda i: (i <= 100).double(),
    "1 / i": lambda i: 1 / i,
    "falling by e in 30": lambda i: torch.exp(-i / 30),
    "two levels": lambda i: torch.where(i <= 150, 1.0, 0.01),
}


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing wider than 40 is decomposed, but for what leads: 16 axes, 64 for RankMe."""
    for module in (spectrum, linear, ridge):
        monkeypatch.setattr(module, "WIDEST", NARROW)
    monkeypatch.setattr(linear, "LEADING", 16)
    monkeypatch.setattr(rank, "LEADING", 64)


def singular(values: Tensor, rows: int) -> Tensor:
    """Features (rows, D) float64 with these singular values (D,)."""
    generator = torch.Generator().manual_seed(1)
    sides = (torch.randn(side, len(values), generator=generator, dtype=torch.float64) for side in (rows, len(values)))
    left, right = (torch.linalg.qr(side).Q for side in sides)
    features: Tensor = (left * values) @ right.T
    return features


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("name", SPECTRA)
@pytest.mark.parametrize("rows", [500, 300])
def test_an_estimated_rank_is_within_two_per_cent(name: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = SPECTRA[name](torch.arange(1, 301).double())
    features = singular(values, rows)
    p = values / values.sum() + 1e-7
    exact = float((-p * p.log()).sum().exp())
    monkeypatch.setattr(torch.linalg, "eigvalsh", banned(torch.linalg.eigvalsh, 64))
    assert rankme(features) == pytest.approx(exact, rel=0.02)
    assert rankme(features.T) == pytest.approx(exact, rel=0.02)


@pytest.mark.usefixtures("narrow")
def test_an_estimated_rank_of_nothing_and_of_one_direction() -> None:
    assert rankme(torch.ones(60, 50)) == pytest.approx(1, abs=1e-2)
    assert rankme(torch.zeros(60, 50)) == pytest.approx(1, abs=1e-2)


def test_the_leading_axes_are_those_of_the_singular_values() -> None:
    features = singular(0.8 ** torch.arange(60).double(), 90)
    right = torch.linalg.svd(features, full_matrices=False).Vh[:8]
    found = leading_axes(features, 8)
    torch.testing.assert_close(found.T @ found, torch.eye(8, dtype=torch.float64))
    assert (right @ found).diagonal().abs().min() > 0.9999


def test_a_quadrature_sums_over_the_eigenvalues() -> None:
    matrix = torch.diag(torch.linspace(1, 9, 200, dtype=torch.float64))
    found = lanczos_quadrature(lambda vectors: matrix @ vectors, random_signs(200, matrix), 200)
    assert found.sum(torch.ones_like) == pytest.approx(200)
    assert found.sum(lambda values: values) == pytest.approx(1000)  # signs squared are 1: a diagonal is summed exactly
    assert found.sum(torch.sqrt) == pytest.approx(float(matrix.diagonal().sqrt().sum()), rel=1e-6)


@pytest.mark.parametrize("rows", [90, 700])
@pytest.mark.parametrize("widest", [NARROW, 95])
def test_a_ridge_by_solving_is_the_one_by_axes(
    digits: Any, monkeypatch: pytest.MonkeyPatch, rows: int, widest: int
) -> None:
    """More rows than features and fewer; with the exact trace and an estimated one."""
    generator = torch.Generator().manual_seed(0)
    features = (digits.train[:rows].float() @ torch.randn(64, 100, generator=generator)).relu()
    features += 20 * torch.randn(features.shape, generator=generator)
    targets = digits.train[:rows, ::7] / 16
    penalties = (1e-6, 1e-4, 1e-2, 1e-1, 1.0)
    exact = fit_ridge(features, targets, penalties=penalties)
    for module in (spectrum, ridge):
        monkeypatch.setattr(module, "WIDEST", widest)
    monkeypatch.setattr(ridge, "ROWS", 1000)  # in pieces of ten rows
    monkeypatch.setattr(torch.linalg, "eigh", banned(torch.linalg.eigh, 64))
    found = fit_ridge(features, targets, penalties=penalties)
    assert found.penalty == exact.penalty
    torch.testing.assert_close(found.weights, exact.weights, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(found.predict(features), exact.predict(features), rtol=1e-6, atol=1e-9)


def banned(decompose: Callable[[Tensor], Any], widest: int) -> Callable[[Tensor], Any]:
    """`decompose`, but for matrices above `widest`."""

    def limited(matrix: Tensor) -> Any:
        assert matrix.shape[-1] <= widest, f"a decomposition at {matrix.shape[-1]}"
        return decompose(matrix)

    return limited


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("penalty", [1e-3, 1e-1])
def test_a_linear_probe_without_all_axes_is_scikit_learns(digits: Any, penalty: float) -> None:
    scaler, model = scikit_learn(digits, penalty)
    labels = digits.labels, digits.validation_labels
    probe = fit_linear_probe(
        digits.train, labels[0], digits.validation, labels[1], classes=10, penalties=(penalty,), tolerance=1e-9
    )
    assert probe.chosen["leading_axes"] == 16
    assert probe.converged
    np.testing.assert_allclose(probe.weights.T, model.coef_, atol=2e-5)
    np.testing.assert_allclose(probe.bias, model.intercept_ - model.intercept_.mean(), atol=2e-5)
    np.testing.assert_array_equal(probe.predict(digits.test), model.predict(scaler.transform(digits.test)))


def test_the_leading_axes_spare_products(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "WIDEST", NARROW)
    generator = torch.Generator().manual_seed(0)
    scales = torch.cat([torch.logspace(3, 1, 20), torch.ones(44)])
    turned = torch.linalg.qr(torch.randn(64, 64, generator=generator)).Q
    features = (torch.randn(900, 64, generator=generator) * scales) @ turned
    labels = (features[:, 0] > 0).long()
    products = []
    product = linear._Objective.hessian_product

    def counted(*given: Any) -> Tensor:
        products.append(1)
        return product(*given)

    monkeypatch.setattr(linear._Objective, "hessian_product", counted)
    taken = []
    for leading in (1, 32):
        monkeypatch.setattr(linear, "LEADING", leading)
        products.clear()
        probe = fit_linear_probe(features, labels, features, labels, classes=2, penalties=(1e-5,), tolerance=1e-4)
        assert probe.converged
        taken.append(len(products))
    assert taken[1] < 0.8 * taken[0]


@pytest.mark.usefixtures("narrow")
def test_nothing_wide_is_decomposed_and_the_record_says_which_way(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("eigh", "eigvalsh", "svd", "svdvals"):
        monkeypatch.setattr(torch.linalg, name, banned(getattr(torch.linalg, name), 64 + spectrum.OVERSAMPLED))
    generator = torch.Generator().manual_seed(0)
    mixed = torch.randn(64, 100, generator=generator)
    rows = {"train": digits.train, "validation": digits.validation, "test": digits.test}
    labels = {"train": digits.labels, "validation": digits.validation_labels, "test": digits.test_labels}
    splits = {name: Split((of.float() @ mixed).relu(), {"label": labels[name]}) for name, of in rows.items()}
    histograms = {name: of[:, ::9].float() / 16 for name, of in rows.items()}
    settings = EvaluationSettings(linear_l2=(1e-2,))
    space = Space("z", "none", splits, {"label": 10}, settings, (20,), histograms=histograms)
    found = {str(metric): measured for metric, measured in probe_features(space).items()}
    assert found["linear.z.none.label"].settings["leading_axes"] == 16
    assert found["histogram_r2.z.none"].settings["trace"] == "estimated"
    assert found["rankme.z.none"].settings == {"n": 597, "spectrum": "estimated"}
    assert (found["linear.z.none.label"].value or 0) > 0.9
    assert (found["histogram_r2.z.none"].value or 0) > 0.5
