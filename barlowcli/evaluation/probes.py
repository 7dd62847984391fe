"""All probes of one space in one domain: from features, labels and settings to the metrics of a record.

A probe is one function and one line of `PROBES` in the registry; a record keeps their order.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from barlowcli.evaluation.features import as_float, check_features, check_probed_labels, share, standardisation
from barlowcli.evaluation.histogram import histogram_decodability, joint_histogram, marginal_histograms
from barlowcli.evaluation.knn import nearest, vote
from barlowcli.evaluation.linear import fit_linear_probe
from barlowcli.evaluation.mlp import fit_mlp_probe
from barlowcli.evaluation.rank import embedding_std, rankme
from barlowcli.evaluation.spectrum import too_wide
from barlowcli.records.metrics import INTACT, JOINED, Metric
from barlowcli.registry import PROBES
from barlowcli.settings.evaluation import EvaluationSettings
from barlowcli.settings.methods import HistogramSettings


@dataclass(frozen=True)
class Measured:
    """What a probe found, and the settings that it chose or was given.

    value: None for an accuracy where there are no test images; that on validation images stands among the settings.
    answers: of an accuracy, the classes predicted for the test images, int64 (N,).
    """

    value: float | None
    settings: dict[str, Any]
    answers: Tensor | None = field(default=None, compare=False, repr=False)


Found = dict[Metric, Measured]


@dataclass(frozen=True)
class Split:
    """Features (N, F) of the images of one split, and their labels, name -> int64 (N,)."""

    features: Tensor
    labels: dict[str, Tensor]


@dataclass(frozen=True)
class Space:
    """One space in one domain, and how it is probed.

    splits: "train", "validation" and, where test images may be touched, "test". classes: number of classes of every
    label. neighbours: the k of the vote of neighbours. raw: whether the features are square roots of the images' own
    histograms. histograms: of the images of every split, (N, B), where they are to be told from the features, or go
    beside them. seed: of a probe that draws.
    """

    name: str
    domain: str
    splits: Mapping[str, Split]
    classes: Mapping[str, int]
    settings: EvaluationSettings
    neighbours: Sequence[int]
    raw: bool = False
    histograms: Mapping[str, Tensor] = field(default_factory=dict)
    seed: int = 0

    @property
    def similarity(self) -> str:
        """What the cosine of two rows is called."""
        return "hellinger" if self.raw else "cosine"

    def metric(self, probe: str, label: str = "") -> Metric:
        """What `probe` measures here."""
        return Metric(probe, self.name, self.domain, label)

    @property
    def judged(self) -> Split:
        """The split that speaks of images not seen before: test, or validation where there is no test."""
        return self.splits.get("test", self.splits["validation"])

    def accuracy(self, label: str, answers: Tensor | None, settings: dict[str, Any]) -> Measured:
        """The fraction in [0, 1] of test images whose `label` was predicted, with `settings`.

        answers: the classes predicted for the test images, int64 (N,), None where there are none.
        """
        if answers is None:
            return Measured(None, settings)
        return Measured(share(answers == self.splits["test"].labels[label]), settings, answers)

    def check(self) -> None:
        """Raise CellError on features that are not finite, DataError on labels that do not fit."""
        for name, split in self.splits.items():
            check_features(split.features, f"features of {self.name}.{self.domain}, {name},")
            for label, count in self.classes.items():
                check_probed_labels(split.features, split.labels[label], count, f"{name} ({label})")


Probe = Callable[[Space], Found]


def probe_features(space: Space) -> Found:
    """Every probe of an encoder's features.

    Fractions in [0, 1] as linear and knn<k> for every label and k; histogram_r2 (at most 1, left out where the
    histograms of test do not differ or there is no test), rankme and std. Raises as `Space.check` does.
    """
    return _probed(space, PROBES.of_features())


def probe_together(space: Space) -> Found:
    """Every probe of features with the square roots of the images' joint histograms beside them, as space "h+joint".

    space: one with histograms (N, 8^3); its first label is probed. What such a probe reads beyond one of the histogram
    alone, features add to it.
    Each column is standardised by the probe. Raises as `Space.check` does.
    """
    splits = {
        name: replace(split, features=torch.cat([split.features, space.histograms[name].sqrt()], dim=1))
        for name, split in space.splits.items()
    }
    return _probed(_of_main_label(replace(space, name=JOINED, splits=splits)), PROBES.of_both())


def probe_histograms(
    images: Mapping[str, tuple[Tensor, dict[str, Tensor]]],
    method: HistogramSettings,
    settings: EvaluationSettings,
    *,
    classes: Mapping[str, int],
    seed: int,
) -> Found:
    """The control without an encoder: probes of raw colour histograms, spaces "joint" and "marginal", intact images.

    images: "train", "validation" and, where it may be touched, "test", each uint8 (N, 3, H, W) and labels, name ->
    int64 (N,). Fractions in [0, 1] as linear, knn<k> and mlp for every label. All get the square roots of the
    histograms: they are worth several points to the linear probe and the MLP, and their cosine orders neighbours as the
    Hellinger distance does.
    """
    found: Found = {}
    for name in ("joint", "marginal"):
        splits = {part: Split(_histograms(of, name, method).sqrt(), labels) for part, (of, labels) in images.items()}
        space = Space(name, INTACT, splits, classes, settings, (method.knn_k,), raw=True, seed=seed)
        found |= _probed(space, PROBES.of_histograms())
    return found


def _probed(space: Space, probes: Sequence[Probe]) -> Found:
    space.check()
    return {metric: measured for probe in probes for metric, measured in probe(space).items()}


def _histograms(images: Tensor, space: str, method: HistogramSettings) -> Tensor:
    if space == "joint":
        return joint_histogram(images, method.joint_bins)
    return marginal_histograms(images, method.marginal_bins)


class Classifier(Protocol):
    """What is fitted to features and one label."""

    @property
    def chosen(self) -> dict[str, Any]:
        """The settings that it was fitted with."""
        ...

    def predict(self, features: Tensor) -> Tensor:
        """Classes, int64 (N,), of features (N, F)."""
        ...


def linear(space: Space) -> Found:
    """Accuracy of a linear probe of every label."""
    return _of_every_label(space, "linear", fit_linear_probe, penalties=space.settings.linear_l2)


def mlp(space: Space) -> Found:
    """Accuracy of an MLP: of histograms for every label, of h for the main one where the settings ask for it."""
    settings = space.settings
    if not space.raw:
        if not (settings.mlp and space.name == "h"):
            return {}
        space = _of_main_label(_standardised(space))
    given = {"hidden": settings.mlp_hidden, "epochs": settings.mlp_epochs, "seed": space.seed}
    return _of_every_label(space, "mlp", fit_mlp_probe, **given)


def _of_main_label(space: Space) -> Space:
    """The space with its first label alone: what is compared with a histogram is compared on that."""
    return replace(space, classes=dict(list(space.classes.items())[:1]))


def _standardised(space: Space) -> Space:
    """The space with every feature standardised by the training images.

    The learning rate of the MLP is meant for rows of length 1; yet of h of the encoder `small` on CIFAR-10 it reads 1
    to 5 points less where rows are brought to length 1, as their length and their common mean are lost or in the way.
    """
    mean, std = standardisation(as_float(space.splits["train"].features))
    splits = {
        name: replace(split, features=(as_float(split.features) - mean) / std) for name, split in space.splits.items()
    }
    return replace(space, splits=splits)


def _of_every_label(space: Space, name: str, fit: Callable[..., Classifier], **given: Any) -> Found:
    train, validation = space.splits["train"], space.splits["validation"]
    found: Found = {}
    for label, classes in space.classes.items():
        fitted = fit(
            train.features,
            train.labels[label],
            validation.features,
            validation.labels[label],
            classes=classes,
            **given,
        )
        settings = {**fitted.chosen, "n_train": len(train.features)}
        answers = fitted.predict(space.splits["test"].features) if "test" in space.splits else None
        found[space.metric(name, label)] = space.accuracy(label, answers, settings)
    return found


def knn(space: Space) -> Found:
    """Accuracy of the vote of the k nearest neighbours, for every label and k; the neighbours are searched once."""
    train, ks = space.splits["train"], space.neighbours
    near = {
        part: nearest(train.features, split.features, k=max(ks))
        for part, split in space.splits.items()
        if part != "train"
    }
    given = {"temperature": space.settings.knn_temperature, "metric": space.similarity}
    count = len(train.features)
    found: Found = {}
    for label in space.classes:
        elected = {part: _elected(space, label, *near[part]) for part in near}
        truth = space.splits["validation"].labels[label]
        for k in ks:
            chosen = {"validation_accuracy": share(elected["validation"][k] == truth), "n_train": count}
            settings = {"k": min(k, count), **given, **chosen}
            found[space.metric(f"knn{k}", label)] = space.accuracy(label, elected.get("test", {}).get(k), settings)
    return found


def _elected(space: Space, label: str, similarities: Tensor, index: Tensor) -> dict[int, Tensor]:
    """k -> the class of `label`, int64 (M,), that the neighbours of each image elect."""
    return vote(
        similarities,
        space.splits["train"].labels[label][index],
        ks=space.neighbours,
        temperature=space.settings.knn_temperature,
        classes=space.classes[label],
    )


def histogram_r2(space: Space) -> Found:
    """How well the features tell the colour histograms of their images; nothing where there are no test images."""
    if "test" not in space.splits:
        return {}
    train, test = (space.splits[part].features for part in ("train", "test"))
    decoded = histogram_decodability(train, space.histograms["train"], test, space.histograms["test"])
    if math.isnan(decoded.r2):
        return {}
    settings = {"l2": decoded.penalty, "n_train": len(train), **({"trace": "estimated"} if too_wide(train) else {})}
    return {space.metric("histogram_r2"): Measured(decoded.r2, settings)}


def effective_rank(space: Space) -> Found:
    """RankMe of the features of test, or of validation where there is no test."""
    features = space.judged.features
    settings = {"n": len(features), **({"spectrum": "estimated"} if too_wide(features) else {})}
    return {space.metric("rankme"): Measured(rankme(features), settings)}


def spread(space: Space) -> Found:
    """Standard deviation a dimension of the normalised features of test, or of validation where there is no test."""
    features = space.judged.features
    return {space.metric("std"): Measured(float(embedding_std(features)), {"n": len(features)})}
