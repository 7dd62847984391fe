"""What a trained encoder is probed for: features of every split in every domain, and their metrics."""

import copy
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from barlowcli.cell.build import channel_statistics, make_views, random_bits
from barlowcli.data.imageset import Dataset, ImageSet
from barlowcli.evaluation.batchnorm import extract_features, reestimate_batchnorm
from barlowcli.evaluation.histogram import joint_histogram
from barlowcli.evaluation.matching import matching_accuracy
from barlowcli.evaluation.probes import Split, probe
from barlowcli.methods.base import JointEmbedding, Method
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.evaluation import MATCHING_BATCH
from barlowcli.views.pipeline import probe_images

PROBE_BATCH = 512
"""Images at a time when features are taken. BatchNorm statistics are averages over these batches."""


SPLIT_OFFSET = 100_000_000
"""Images of validation and test are numbered from multiples of this: no two images of a set share their draws."""


def evaluate(method: Method, config: CellConfig, data: Dataset) -> tuple[dict[str, float], dict[str, object]]:
    """Probe h and z in every domain, those of the averaged target too where that is asked for; and match views where
    the cell was trained on some."""
    metrics: dict[str, float] = {}
    settings: dict[str, object] = {}
    histograms = {name: joint_histogram(part.images) for name, part in parts_of(data).items()}
    for domain in config.evaluation.domains:
        spaces = features_in(method.encoder, method.projector, config, data, domain)
        if config.evaluation.target and isinstance(method, JointEmbedding) and method.target_encoder is not None:
            averaged = features_in(method.target_encoder, method.target_projector, config, data, domain)
            spaces |= {f"target-{space}": splits for space, splits in averaged.items()}
        for space, splits in spaces.items():
            found, chosen = probe(
                splits,
                config.evaluation,
                space=space,
                domain=domain,
                classes=class_counts(data),
                histograms=histograms,
            )
            metrics |= found
            settings |= chosen
    if config.views is not None and config.projector is not None:
        metrics["matching"], among = match_views(method, config, data)
        settings["matching"] = {"n": among, "chance": 1 / among}
    return metrics, settings


def features_in(
    encoder: nn.Module, projector: nn.Module | None, config: CellConfig, data: Dataset, domain: str
) -> dict[str, dict[str, Split]]:
    """space ("h", "z") -> split -> features in `domain`, BatchNorm re-estimated there on the training images."""
    encoder, projector = copy.deepcopy(encoder), copy.deepcopy(projector)
    whole = encoder if projector is None else nn.Sequential(encoder, projector)
    order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))  # files come class by class
    reestimate_batchnorm(whole, domain_batches(config, data, "train", domain, order))
    spaces: dict[str, dict[str, Split]] = {"h": {}} if projector is None else {"h": {}, "z": {}}
    for name in parts_of(data):
        batches = domain_batches(config, data, name, domain)
        for space, features in zip(spaces, extract_features(encoder, projector, batches), strict=False):
            assert features is not None
            spaces[space][name] = Split(features, labels_of(parts_of(data)[name]))
    return spaces


def domain_batches(
    config: CellConfig, data: Dataset, part: str, domain: str, order: Tensor | None = None
) -> Iterator[Tensor]:
    """Normalised images of a split in a probe domain, float32 (B, C, S, S), in batches of about one size.

    order: which images (N,) int64, in that order; all as they come if None.
    """
    mean, std = channel_statistics(data)
    images = parts_of(data)[part].images
    index = torch.arange(len(images)) if order is None else order
    offset = list(parts_of(data)).index(part) * SPLIT_OFFSET
    for rows in index.to(images.device).tensor_split(math.ceil(len(index) / PROBE_BATCH)):
        batch = probe_images(
            images[rows],
            rows + offset,
            domain=domain,
            seed=config.seed,
            mean=mean,
            std=std,
            random_bits=random_bits(config),
        )
        yield batch.contiguous(memory_format=torch.channels_last)


def match_views(method: Method, config: CellConfig, data: Dataset) -> tuple[float, int]:
    """In-batch matching accuracy on fresh views of validation images, and among how many: is the pretext task solved?

    BatchNorm uses the batch's statistics, view by view, as in training.
    """
    assert config.training is not None
    assert method.projector is not None
    images = data.validation.images
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(config.seed))  # files come by class
    index = order[:MATCHING_BATCH].to(images.device)
    views = make_views(config, data)
    network = copy.deepcopy(nn.Sequential(method.encoder, method.projector)).train()
    with torch.inference_mode():
        pair = [network(views(images, index, epoch=config.training.epochs, view=view)) for view in (0, 1)]
    return matching_accuracy(pair[0], pair[1]), len(index)


def parts_of(data: Dataset) -> dict[str, ImageSet]:
    """The three splits by name."""
    return {"train": data.train, "validation": data.validation, "test": data.test}


def labels_of(part: ImageSet) -> dict[str, Tensor]:
    """Everything that is probed: the label, then the factors."""
    return {"label": part.labels, **part.factors}


def class_counts(data: Dataset) -> dict[str, int]:
    """How many classes the label and each factor have."""
    return {"label": len(data.classes), **{name: len(values) for name, values in data.factor_classes.items()}}


def chance(labels: Tensor) -> float:
    """Accuracy of always answering the most frequent class."""
    return round(float(torch.bincount(labels).max()) / len(labels), 6)
