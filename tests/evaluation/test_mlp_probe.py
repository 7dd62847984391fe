from typing import Any

import pytest
import torch
import torch.nn.functional as F
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import Tensor, nn

from barlowcli.errors import DataError
from barlowcli.evaluation.linear import fit_linear_probe
from barlowcli.evaluation.mlp import MlpProbe, fit_mlp_probe


def unit(features: Tensor) -> Tensor:
    return F.normalize(features.float(), dim=1)


def fit(digits: Any, *, seed: int = 0, epochs: int = 12, hidden: int = 64) -> MlpProbe:
    return fit_mlp_probe(
        unit(digits.train),
        digits.labels,
        unit(digits.validation),
        digits.validation_labels,
        classes=10,
        hidden=hidden,
        epochs=epochs,
        seed=seed,
    )


def test_training_is_that_of_torch_layers_and_scheduler(digits: Any) -> None:
    epochs, size = 3, len(digits.train)
    generator = torch.Generator().manual_seed(5)
    network = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    for parameter, width in zip(network.parameters(), (64, 64, 48, 48), strict=True):
        nn.init.uniform_(parameter, -(width**-0.5), width**-0.5, generator=generator)
    optimizer = torch.optim.AdamW(network.parameters(), 0.01, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * 29)
    inputs, kept, best = unit(digits.train), -1.0, dict[str, Tensor]()
    for _ in range(epochs):
        order = torch.randperm(size, generator=generator)
        for start in range(0, size, 32):
            batch = order[start : start + 32]
            optimizer.zero_grad()
            torch.autograd.backward(F.cross_entropy(network(inputs[batch]), digits.labels[batch]))
            optimizer.step()
            schedule.step()
        accuracy = float((network(unit(digits.validation)).argmax(1) == digits.validation_labels).double().mean())
        if accuracy > kept:
            kept, best = accuracy, {name: value.clone() for name, value in network.state_dict().items()}
    found = fit(digits, epochs=epochs, seed=5, hidden=48)
    assert found.validation_accuracy == pytest.approx(kept)
    for ours, theirs in zip(found.parameters, best.values(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


def test_it_does_as_well_as_scikit_learn(digits: Any) -> None:
    model = MLPClassifier(64, learning_rate_init=0.01, batch_size=32, max_iter=20, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(unit(digits.train), digits.labels)
    accuracy = fit(digits, epochs=20).accuracy(unit(digits.test), digits.test_labels)
    assert accuracy == pytest.approx(model.score(unit(digits.test), digits.test_labels), abs=0.02)


def test_it_learns_what_a_linear_probe_cannot() -> None:
    """The label is whether two coordinates have the same sign."""
    points = F.normalize(torch.randn(3000, 2, generator=torch.Generator().manual_seed(0)), dim=1)
    labels = (points.prod(1) > 0).long()
    split = (points[:2000], labels[:2000], points[2000:2500], labels[2000:2500])
    linear = fit_linear_probe(*split, classes=2, penalties=(1e-2,))
    probe = fit_mlp_probe(*split, classes=2, hidden=32, epochs=20, seed=0)
    assert linear.accuracy(points[2500:], labels[2500:]) < 0.65
    assert probe.accuracy(points[2500:], labels[2500:]) > 0.97


def test_pure_in_inputs_and_seed(digits: Any) -> None:
    state = torch.get_rng_state()
    first, again, other = fit(digits), fit(digits), fit(digits, seed=1)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters, again.parameters, strict=True))
    assert not torch.equal(first.parameters[0], other.parameters[0])


def test_the_best_epoch_on_validation_is_kept(digits: Any) -> None:
    probe = fit(digits, epochs=20)
    assert 1 <= probe.epoch <= 20
    assert probe.validation_accuracy == probe.accuracy(unit(digits.validation), digits.validation_labels)
    # Labels of validation unlike those of train: the first, least trained epoch is then the least wrong one or ties.
    wrong = fit_mlp_probe(
        unit(digits.train),
        digits.labels,
        unit(digits.train),
        (digits.labels + 1) % 10,
        classes=10,
        hidden=64,
        epochs=8,
        seed=0,
    )
    assert wrong.epoch <= 2
    assert not any(value.requires_grad for value in probe.parameters)


def test_labels_that_do_not_fit_are_refused(digits: Any) -> None:
    with pytest.raises(DataError, match=r"labels of train lie in 0 … 9, but there are 3 classes"):
        fit_mlp_probe(
            digits.train, digits.labels, digits.test, digits.test_labels, classes=3, hidden=8, epochs=1, seed=0
        )
