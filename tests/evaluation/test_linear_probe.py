from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from barlowcli.errors import DataError
from barlowcli.evaluation import linear
from barlowcli.evaluation.linear import LinearProbe, fit_linear_probe

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)


def fit(digits: Any, penalties: tuple[float, ...], dtype: torch.dtype = torch.float32, **options: Any) -> LinearProbe:
    train, validation = digits.train.to(dtype), digits.validation.to(dtype)
    labels = digits.labels, digits.validation_labels
    return fit_linear_probe(train, labels[0], validation, labels[1], classes=10, penalties=penalties, **options)


def scikit_learn(digits: Any, penalty: float) -> tuple[StandardScaler, LogisticRegression]:
    scaler = StandardScaler().fit(digits.train)
    model = LogisticRegression(C=1 / (penalty * len(digits.train)), solver="newton-cholesky", tol=1e-10)
    return scaler, model.fit(scaler.transform(digits.train), digits.labels)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_weights_are_those_of_scikit_learn(digits: Any, penalty: float) -> None:
    scaler, model = scikit_learn(digits, penalty)
    probe = fit(digits, (penalty,), torch.float64, tolerance=1e-9)
    assert probe.converged
    np.testing.assert_allclose(probe.weights.T, model.coef_, atol=2e-5)
    np.testing.assert_allclose(probe.bias, model.intercept_ - model.intercept_.mean(), atol=2e-5)
    np.testing.assert_array_equal(probe.predict(digits.test), model.predict(scaler.transform(digits.test)))


@pytest.mark.parametrize("penalty", PENALTIES)
def test_in_float32_too(digits: Any, penalty: float) -> None:
    scaler, model = scikit_learn(digits, penalty)
    probe = fit(digits, (penalty,))
    assert probe.converged
    assert probe.weights.dtype == torch.float32
    assert np.abs(probe.weights.T.numpy() - model.coef_).max() < 0.01 * np.abs(model.coef_).max()
    expected = model.predict(scaler.transform(digits.test))
    assert (probe.predict(digits.test).numpy() != expected).sum() <= 1
    assert probe.accuracy(digits.test, digits.test_labels) == pytest.approx(
        float((expected == digits.test_labels.numpy()).mean()), abs=2 / 597
    )


def test_the_penalty_is_the_best_on_validation(digits: Any) -> None:
    alone = {penalty: fit(digits, (penalty,)).validation_accuracy for penalty in (*PENALTIES, 10.0)}
    assert len(set(alone.values())) > 2
    best = max(alone, key=lambda penalty: (alone[penalty], penalty))
    path = fit(digits, (*PENALTIES, 10.0))
    assert path.penalty == best
    assert path.validation_accuracy == alone[best]
    assert path.accuracy(digits.validation, digits.validation_labels) == alone[best]
    alone_weights = fit(digits, (best,)).weights
    assert (path.weights - alone_weights).abs().max() < 0.01 * alone_weights.abs().max()


def test_weaker_penalties_are_not_tried_once_they_overfit(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels that features tell nothing of: scikit-learn's validation loss says from where on."""
    noise = torch.randint(10, (len(digits.labels),), generator=torch.Generator().manual_seed(0))
    data = digits._replace(labels=noise)
    path = (1.0, *sorted(PENALTIES, reverse=True))
    losses = []
    for penalty in path:
        scaler, model = scikit_learn(data, penalty)
        losses.append(log_loss(digits.validation_labels, model.predict_proba(scaler.transform(digits.validation))))
    last = next(k for k, loss in enumerate(losses) if loss > linear.OVERFITTED * min(losses[: k + 1]))
    assert 0 < last < len(path) - 1
    tried = []
    minimise = linear._minimise

    def watched(objective: Any, *given: Any) -> Any:
        tried.append(float(objective.penalty[0]))
        return minimise(objective, *given)

    monkeypatch.setattr(linear, "_minimise", watched)
    fit(data, path)
    assert tried == pytest.approx(path[: last + 1])


def test_the_stronger_penalty_wins_a_tie(digits: Any) -> None:
    pair = digits.labels < 2
    train, labels = digits.train[pair], digits.labels[pair]
    probe = fit_linear_probe(train, labels, train, labels, classes=2, penalties=(1e-3, 1e-2, 1e-4))
    assert probe.validation_accuracy == 1
    assert probe.penalty == 1e-2


def test_constant_features_get_no_weight(digits: Any) -> None:
    constant = digits.train.std(0) == 0
    assert constant.sum() >= 3
    shifted = torch.where(constant, 0.1, digits.train).float()
    probe = fit_linear_probe(shifted, digits.labels, shifted, digits.labels, classes=10, penalties=(1e-3,))
    assert probe.converged
    assert probe.weights[constant].abs().max() < 1e-5
    assert torch.equal(probe.std[constant], torch.ones(int(constant.sum())))
    torch.testing.assert_close(probe.weights, fit(digits, (1e-3,)).weights, atol=2e-3, rtol=0.01)


def test_separable_classes_more_features_than_images_and_an_absent_class(digits: Any) -> None:
    train, labels = digits.train[:50].float(), digits.labels[:50].clone()
    labels[labels == 4] = 5
    probe = fit_linear_probe(train, labels, train, labels, classes=10, penalties=(1e-6,))
    assert probe.converged
    assert probe.accuracy(train, labels) == 1
    assert 4 not in probe.predict(digits.test)


def test_duplicated_features_share_their_weight(digits: Any) -> None:
    twice = torch.cat([digits.train, digits.train], 1)
    doubled = fit_linear_probe(
        twice, digits.labels, twice, digits.labels, classes=10, penalties=(1e-2,), tolerance=1e-8
    )
    assert doubled.converged
    torch.testing.assert_close(doubled.weights[:64], doubled.weights[64:])
    # w / 2 on each copy costs half the penalty of w on one.
    torch.testing.assert_close(2 * doubled.weights[:64], fit(digits, (5e-3,), torch.float64, tolerance=1e-8).weights)


def test_the_same_twice(digits: Any) -> None:
    assert torch.equal(fit(digits, PENALTIES).weights, fit(digits, PENALTIES).weights)


def test_it_says_when_it_did_not_converge(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "MAX_NEWTON", 1)
    assert not fit(digits, (1e-4,)).converged


def test_labels_that_do_not_fit_are_refused(digits: Any) -> None:
    with pytest.raises(DataError, match=r"labels of validation lie in -1 … 8, but there are 10 classes"):
        fit_linear_probe(
            digits.train,
            digits.labels,
            digits.validation,
            digits.validation_labels - 1,
            classes=10,
            penalties=(0.1,),
        )
