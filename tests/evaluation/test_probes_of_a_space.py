import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from barlowcli.errors import CellError, DataError
from barlowcli.evaluation.histogram import joint_histogram, marginal_histograms
from barlowcli.evaluation.linear import fit_linear_probe
from barlowcli.evaluation.mlp import fit_mlp_probe
from barlowcli.evaluation.probes import Found, Space, Split, probe_features, probe_histograms, probe_together
from barlowcli.evaluation.rank import embedding_std, rankme
from barlowcli.settings.evaluation import EvaluationSettings
from barlowcli.settings.methods import HistogramSettings
from tests.evaluation.neighbours import knn_accuracies

SETTINGS = EvaluationSettings(knn_k=(20, 2000), mlp_epochs=3, mlp_hidden=32)


def splits_of(digits: Any) -> dict[str, Split]:
    """Digits, and as a second label whether they are even."""
    parts = {
        "train": (digits.train, digits.labels),
        "validation": (digits.validation, digits.validation_labels),
        "test": (digits.test, digits.test_labels),
    }
    return {name: Split(x.float(), {"label": y, "even": 1 - y % 2}) for name, (x, y) in parts.items()}


def histograms_of(splits: dict[str, Split]) -> dict[str, Tensor]:
    return {name: split.features[:, :16] / split.features.sum(1, keepdim=True) for name, split in splits.items()}


def probe_digits(splits: dict[str, Split], histograms: dict[str, Tensor]) -> tuple[dict[str, float], dict[str, Any]]:
    classes = {"label": 10, "even": 2}
    return named(probe_features(Space("z", "pixels", splits, classes, SETTINGS, (20, 2000), histograms=histograms)))


def named(found: Found) -> tuple[dict[str, float], dict[str, Any]]:
    """As a record has them."""
    values = {str(m): of.value for m, of in found.items() if of.value is not None}
    return values, {str(m): of.settings for m, of in found.items()}


def test_the_metrics_are_those_of_the_single_probes(digits: Any) -> None:
    splits = splits_of(digits)
    metrics, chosen = probe_digits(splits, histograms_of(splits))
    assert set(metrics) == {
        *(f"{name}.z.pixels.{label}" for name in ("linear", "knn20", "knn2000") for label in ("label", "even")),
        *(f"{name}.z.pixels" for name in ("histogram_r2", "rankme", "std")),
    }
    train, validation, test = splits.values()
    for label, classes in (("label", 10), ("even", 2)):
        y, v, t = (split.labels[label] for split in (train, validation, test))
        linear = fit_linear_probe(
            train.features, y, validation.features, v, classes=classes, penalties=SETTINGS.linear_l2
        )
        assert metrics[f"linear.z.pixels.{label}"] == linear.accuracy(test.features, t)
        assert chosen[f"linear.z.pixels.{label}"]["l2"] == linear.penalty
        neighbours = knn_accuracies(
            train.features, y, test.features, t, ks=(20, 2000), temperature=0.1, classes=classes
        )
        assert {k: metrics[f"knn{k}.z.pixels.{label}"] for k in (20, 2000)} == neighbours
        neighbours = knn_accuracies(
            train.features, y, validation.features, v, ks=(20, 2000), temperature=0.1, classes=classes
        )
        for k, accuracy in neighbours.items():
            assert chosen[f"knn{k}.z.pixels.{label}"]["validation_accuracy"] == accuracy
    assert metrics["rankme.z.pixels"] == rankme(test.features)
    assert metrics["std.z.pixels"] == float(embedding_std(test.features))
    assert 0 < metrics["histogram_r2.z.pixels"] < 1


def test_the_settings_of_every_probe_stand_beside(digits: Any) -> None:
    splits = splits_of(digits)
    metrics, chosen = probe_digits(splits, histograms_of(splits))
    assert set(chosen) == set(metrics)
    neighbours = chosen["knn20.z.pixels.label"]
    given = {"k": 20, "temperature": 0.1, "metric": "cosine", "n_train": 900}
    assert neighbours == given | {"validation_accuracy": neighbours["validation_accuracy"]}
    assert chosen["knn2000.z.pixels.label"]["k"] == 900
    assert chosen["linear.z.pixels.label"]["n_train"] == 900
    assert chosen["rankme.z.pixels"] == {"n": 597}
    assert list(chosen["linear.z.pixels.label"]) == ["l2", "validation_accuracy", "converged", "n_train"]
    assert json.loads(json.dumps(chosen)) == chosen


def test_without_test_images_the_same_probes_are_fitted_and_none_has_an_accuracy(digits: Any) -> None:
    splits = splits_of(digits)
    _, with_test = probe_digits(splits, histograms_of(splits))
    del splits["test"]
    metrics, chosen = probe_digits(splits, histograms_of(splits))
    validation = splits["validation"].features
    assert metrics == {"rankme.z.pixels": rankme(validation), "std.z.pixels": float(embedding_std(validation))}
    assert chosen["rankme.z.pixels"] == {"n": 300}
    accuracies = {name: settings for name, settings in with_test.items() if name.startswith(("linear", "knn"))}
    assert {name: settings for name, settings in chosen.items() if name not in metrics} == accuracies


def test_an_mlp_of_h_is_one_of_standardised_features_and_only_on_request(digits: Any) -> None:
    splits = splits_of(digits)
    asked = SETTINGS.model_copy(update={"mlp": True})
    space = Space("h", "none", splits, {"label": 10, "even": 2}, asked, (20,), histograms=histograms_of(splits), seed=4)
    metrics, _ = named(probe_features(space))
    scaler = StandardScaler().fit(splits["train"].features)
    x, v, t = (torch.from_numpy(scaler.transform(split.features)).float() for split in splits.values())
    y, w, u = (split.labels["label"] for split in splits.values())
    alone = fit_mlp_probe(x, y, v, w, classes=10, hidden=32, epochs=3, seed=4)
    assert metrics["mlp.h.none.label"] == pytest.approx(alone.accuracy(t, u), abs=2 / 597)
    assert "mlp.h.none.even" not in metrics  # of the main label alone
    for other in (replace(space, name="z"), replace(space, settings=SETTINGS)):
        assert not any(name.startswith("mlp") for name in named(probe_features(other))[0])


def test_a_probe_of_h_beside_the_histogram_is_a_linear_probe_of_both(digits: Any) -> None:
    splits = splits_of(digits)
    histograms = histograms_of(splits)
    space = Space("h", "none", splits, {"label": 10, "even": 2}, SETTINGS, (20,), histograms=histograms)
    metrics, _ = named(probe_together(space))
    assert set(metrics) == {"linear.h+joint.none.label"}  # the main label alone
    both = {name: torch.cat([part.features, histograms[name] ** 0.5], 1) for name, part in splits.items()}
    scaler = StandardScaler().fit(both["train"])
    y, w, u = (split.labels["label"] for split in splits.values())
    found = {}
    for l2 in sorted(SETTINGS.linear_l2):
        model = LogisticRegression(C=1 / (l2 * len(y)), solver="newton-cholesky", tol=1e-8)
        model.fit(scaler.transform(both["train"]), y)
        found[l2] = [model.score(scaler.transform(both[part]), of) for part, of in (("validation", w), ("test", u))]
    best = max(found.values())
    assert metrics["linear.h+joint.none.label"] == pytest.approx(best[1], abs=3 / 597)


def test_what_cannot_be_measured_is_left_out(digits: Any) -> None:
    splits = splits_of(digits)
    equal = {name: torch.full((len(split.features), 8), 1 / 8) for name, split in splits.items()}
    metrics, chosen = probe_digits(splits, equal)
    assert "histogram_r2.z.pixels" not in metrics
    assert "histogram_r2.z.pixels" not in chosen


def test_features_of_a_diverged_encoder_are_refused(digits: Any) -> None:
    splits = splits_of(digits)
    bad = splits["test"].features.clone()
    bad[3, 4] = torch.nan
    with pytest.raises(CellError, match=r"features of z.pixels, test, are not finite") as error:
        probe_digits(splits | {"test": Split(bad, splits["test"].labels)}, histograms_of(splits))
    assert "training diverged" in error.value.hint


def test_labels_that_do_not_fit_are_refused(digits: Any) -> None:
    splits = splits_of(digits)
    labels = splits["test"].labels | {"even": splits["test"].labels["even"] + 1}
    with pytest.raises(DataError, match=r"labels of test \(even\) lie in 1 … 2, but there are 2 classes"):
        probe_digits(splits | {"test": Split(splits["test"].features, labels)}, histograms_of(splits))


def test_the_histogram_control(patches: tuple[Tensor, Tensor]) -> None:
    images, photograph = patches
    parts = {"train": slice(0, 300), "validation": slice(300, 400), "test": slice(400, None)}
    splits = {name: (images[part], {"label": photograph[part]}) for name, part in parts.items()}
    metrics, chosen = named(probe_histograms(splits, HistogramSettings(), SETTINGS, classes={"label": 2}, seed=0))
    names = ("linear", "knn50", "mlp")
    assert set(metrics) == {f"{name}.{space}.none.label" for name in names for space in ("joint", "marginal")}
    assert set(chosen) == set(metrics)
    assert list(metrics) == [f"{name}.{space}.none.label" for space in ("joint", "marginal") for name in names]
    assert all(0.85 < value <= 1 for value in metrics.values())
    neighbours = chosen["knn50.joint.none.label"]
    given = {"k": 50, "temperature": 0.1, "metric": "hellinger", "n_train": 300}
    assert neighbours == given | {"validation_accuracy": neighbours["validation_accuracy"]}
    assert list(chosen["mlp.joint.none.label"]) == ["hidden", "epoch", "validation_accuracy", "n_train"]
    assert chosen["mlp.joint.none.label"]["hidden"] == 32
    for space, histograms in (("joint", joint_histogram(images)), ("marginal", marginal_histograms(images))):
        train, test = histograms[:300].sqrt(), histograms[400:].sqrt()
        expected = knn_accuracies(
            train,
            photograph[:300],
            test,
            photograph[400:],
            ks=(50,),
            temperature=0.1,
            classes=2,
        )
        assert metrics[f"knn50.{space}.none.label"] == expected[50]
        root = histograms.sqrt()
        linear = fit_linear_probe(
            root[:300],
            photograph[:300],
            root[300:400],
            photograph[300:400],
            classes=2,
            penalties=SETTINGS.linear_l2,
        )
        assert metrics[f"linear.{space}.none.label"] == linear.accuracy(root[400:], photograph[400:])
