"""All probes of one space in one domain: from features, labels and settings to the metrics of a record.

A metric's name is `<probe>.<space>.<domain>[.<label>]`, for example `linear.h.pixels.label`. Beside the metrics
stand the settings that each probe chose or was given, under the same names.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from barlowcli.evaluation.features import check_features, check_labels, share
from barlowcli.evaluation.histogram import histogram_decodability, joint_histogram, marginal_histograms
from barlowcli.evaluation.knn import Metric, nearest, vote
from barlowcli.evaluation.linear import fit_linear_probe
from barlowcli.evaluation.mlp import fit_mlp_probe
from barlowcli.evaluation.rank import embedding_std, rankme
from barlowcli.settings.evaluation import EvaluationSettings
from barlowcli.settings.methods import HistogramSettings

Metrics = dict[str, float]
Chosen = dict[str, object]


@dataclass(frozen=True)
class Split:
    """Features (N, F) of the images of one split, and their labels, name -> int64 (N,)."""

    features: Tensor
    labels: dict[str, Tensor]


def probe(
    splits: Mapping[str, Split],
    settings: EvaluationSettings,
    *,
    space: str,
    domain: str,
    classes: Mapping[str, int],
    histograms: Mapping[str, Tensor],
) -> tuple[Metrics, Chosen]:
    """Every probe of an encoder's features, "h" or "z", of images in `domain`.

    splits: "train", "validation" and "test". classes: number of classes of every label. histograms: of the images of
    "train" and "test", (N, B). Returns fractions in [0, 1] as linear.*.<label> and knn<k>.*.<label> for every label
    and k; histogram_r2.* (at most 1, left out where the histograms of test do not differ), rankme.* and std.*, the
    last two on test. Raises CellError on features that are not finite, DataError on labels that do not fit.
    """
    place = f"{space}.{domain}"
    _check(splits, classes, place)
    train, test = splits["train"].features, splits["test"].features
    metrics, chosen = _linear(splits, place, classes, settings)
    _add((metrics, chosen), _knn(splits, place, classes, settings, ks=settings.knn_k, metric="cosine"))
    decoded = histogram_decodability(train, histograms["train"], test, histograms["test"])
    if not math.isnan(decoded.r2):
        metrics[f"histogram_r2.{place}"] = decoded.r2
        chosen[f"histogram_r2.{place}"] = {"l2": decoded.penalty, "n_train": len(train)}
    metrics[f"rankme.{place}"] = rankme(test)
    metrics[f"std.{place}"] = float(embedding_std(test))
    chosen |= {f"{name}.{place}": {"n": len(test)} for name in ("rankme", "std")}
    return metrics, chosen


def probe_histograms(
    images: Mapping[str, tuple[Tensor, dict[str, Tensor]]],
    method: HistogramSettings,
    settings: EvaluationSettings,
    *,
    classes: Mapping[str, int],
    seed: int,
) -> tuple[Metrics, Chosen]:
    """The control without an encoder: probes of raw colour histograms, spaces "joint" and "marginal", domain "none".

    images: "train", "validation" and "test", each uint8 (N, 3, H, W) and labels, name -> int64 (N,). Returns
    linear.*, knn<k>.* (Hellinger) and mlp.* for every label, as fractions in [0, 1]. The linear probe and the MLP get
    the square roots of the histograms, which are worth several points over the histograms themselves.
    """
    metrics: Metrics = {}
    chosen: Chosen = {}
    for space in ("joint", "marginal"):
        place = f"{space}.none"
        splits = {name: Split(_histograms(part, space, method), labels) for name, (part, labels) in images.items()}
        _check(splits, classes, place)
        neighbours = _knn(splits, place, classes, settings, ks=(method.knn_k,), metric="hellinger")
        roots = {name: Split(split.features.sqrt(), split.labels) for name, split in splits.items()}
        for found in (
            _linear(roots, place, classes, settings),
            neighbours,
            _mlp(roots, place, classes, settings, seed),
        ):
            _add((metrics, chosen), found)
    return metrics, chosen


def _histograms(images: Tensor, space: str, method: HistogramSettings) -> Tensor:
    if space == "joint":
        return joint_histogram(images, method.joint_bins)
    return marginal_histograms(images, method.marginal_bins)


def _check(splits: Mapping[str, Split], classes: Mapping[str, int], place: str) -> None:
    for name, split in splits.items():
        check_features(split.features, f"features of {place}, {name},")
        for label, count in classes.items():
            check_labels(split.features, split.labels[label], count, f"{name} ({label})")


def _add(to: tuple[Metrics, Chosen], found: tuple[Metrics, Chosen]) -> None:
    to[0].update(found[0])
    to[1].update(found[1])


def _linear(
    splits: Mapping[str, Split], place: str, classes: Mapping[str, int], settings: EvaluationSettings
) -> tuple[Metrics, Chosen]:
    train, validation, test = (splits[name] for name in ("train", "validation", "test"))
    metrics: Metrics = {}
    chosen: Chosen = {}
    for label, count in classes.items():
        fitted = fit_linear_probe(
            train.features,
            train.labels[label],
            validation.features,
            validation.labels[label],
            classes=count,
            penalties=settings.linear_l2,
        )
        name = f"linear.{place}.{label}"
        metrics[name] = fitted.accuracy(test.features, test.labels[label])
        chosen[name] = {
            "l2": fitted.penalty,
            "validation_accuracy": fitted.validation_accuracy,
            "converged": fitted.converged,
            "n_train": len(train.features),
        }
    return metrics, chosen


def _knn(
    splits: Mapping[str, Split],
    place: str,
    classes: Mapping[str, int],
    settings: EvaluationSettings,
    *,
    ks: tuple[int, ...],
    metric: Metric,
) -> tuple[Metrics, Chosen]:
    train, test = splits["train"], splits["test"]
    similarities, index = nearest(train.features, test.features, k=max(ks), metric=metric)
    temperature = settings.knn_temperature
    metrics: Metrics = {}
    chosen: Chosen = {}
    for label, count in classes.items():
        elected = vote(similarities, train.labels[label][index], ks=ks, temperature=temperature, classes=count)
        for k in ks:
            name = f"knn{k}.{place}.{label}"
            metrics[name] = share(elected[k] == test.labels[label])
            used = min(k, len(train.features))
            chosen[name] = {"k": used, "temperature": temperature, "metric": metric, "n_train": len(train.features)}
    return metrics, chosen


def _mlp(
    splits: Mapping[str, Split], place: str, classes: Mapping[str, int], settings: EvaluationSettings, seed: int
) -> tuple[Metrics, Chosen]:
    train, validation, test = (splits[name] for name in ("train", "validation", "test"))
    metrics: Metrics = {}
    chosen: Chosen = {}
    for label, count in classes.items():
        fitted = fit_mlp_probe(
            train.features,
            train.labels[label],
            validation.features,
            validation.labels[label],
            classes=count,
            hidden=settings.mlp_hidden,
            epochs=settings.mlp_epochs,
            seed=seed,
        )
        name = f"mlp.{place}.{label}"
        metrics[name] = fitted.accuracy(test.features, test.labels[label])
        chosen[name] = {
            "hidden": settings.mlp_hidden,
            "epoch": fitted.epoch,
            "validation_accuracy": fitted.validation_accuracy,
            "n_train": len(train.features),
        }
    return metrics, chosen
