"""What a trained encoder is probed for: features of every split in every domain, and their metrics."""

import copy
import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from barlowcli.cell.build import channel_statistics, make_views
from barlowcli.data.imageset import Dataset
from barlowcli.evaluation.batchnorm import extract_features, reestimate_batchnorm
from barlowcli.evaluation.histogram import joint_histogram
from barlowcli.evaluation.matching import matching_accuracy
from barlowcli.evaluation.probes import Found, Measured, Space, Split, probe_features, probe_together
from barlowcli.methods.base import JointEmbedding, Method
from barlowcli.records.metrics import TARGET, Metric
from barlowcli.settings.evaluation import MATCHING_BATCH
from barlowcli.settings.stages import EncoderConfig, TrainedConfig
from barlowcli.views.pipeline import probe_images

PROBE_BATCH = 512
"""Images at a time when features are taken. BatchNorm statistics are averages over these batches."""
SPLIT_OFFSET = 100_000_000
"""Images of validation and test are numbered from multiples of this: no two images of a set share their draws."""


def probe_networks(method: Method, config: EncoderConfig, data: Dataset) -> Found:
    """Probe h and z in every domain, those of the averaged target too where that is asked for."""
    histograms = {name: joint_histogram(part.images) for name, part in data.splits.items()}
    found: Found = {}
    for domain in config.evaluation.domains:
        found |= probe_domain(method, config, data, domain, histograms)
    return found


def probe_domain(
    method: Method, config: EncoderConfig, data: Dataset, domain: str, histograms: dict[str, Tensor]
) -> Found:
    """The same in one domain, whose features are let go of at its end."""
    settings = config.evaluation
    spaces = features_in(method.encoder, method.projector, config, data, domain)
    if settings.target and isinstance(method, JointEmbedding) and method.target_encoder is not None:
        averaged = features_in(method.target_encoder, method.target_projector, config, data, domain)
        spaces |= {f"{TARGET}{space}": splits for space, splits in averaged.items()}
    found: Found = {}
    for name, splits in spaces.items():
        counts, seed = data.class_counts, config.seed
        space = Space(name, domain, splits, counts, settings, settings.knn_k, histograms=histograms, seed=seed)
        found |= probe_features(space)
        if name == "h" and settings.beside_histogram:
            found |= probe_together(space)
    return found


def features_in(
    encoder: nn.Module, projector: nn.Module | None, config: EncoderConfig, data: Dataset, domain: str
) -> dict[str, dict[str, Split]]:
    """space ("h", "z") -> split -> features in `domain`, BatchNorm re-estimated there on the training images."""
    encoder, projector = copy.deepcopy(encoder), copy.deepcopy(projector)
    whole = encoder if projector is None else nn.Sequential(encoder, projector)
    order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))  # files come class by class
    reestimate_batchnorm(whole, domain_batches(config, data, "train", domain, order))
    spaces: dict[str, dict[str, Split]] = {"h": {}} if projector is None else {"h": {}, "z": {}}
    for name, part in data.splits.items():
        found = extract_features(encoder, projector, domain_batches(config, data, name, domain))
        for space, features in zip(spaces, found, strict=True):
            spaces[space][name] = Split(features, part.all_labels)
    return spaces


def domain_batches(
    config: EncoderConfig, data: Dataset, part: str, domain: str, order: Tensor | None = None
) -> Iterator[Tensor]:
    """Normalised images of a split in a probe domain, float32 (B, C, S, S), in batches of about one size.

    order: which images (N,) int64, in that order; all as they come if None.
    """
    mean, std = channel_statistics(data)
    images = data.splits[part].images
    index = torch.arange(len(images)) if order is None else order
    offset = list(data.splits).index(part) * SPLIT_OFFSET
    for rows in index.to(images.device).tensor_split(math.ceil(len(index) / PROBE_BATCH)):
        batch = probe_images(
            images[rows],
            rows + offset,
            domain=domain,
            seed=config.seed,
            mean=mean,
            std=std,
            random_bits=config.random_bits,
        )
        yield batch.contiguous(memory_format=torch.channels_last)


def match_views(method: Method, config: TrainedConfig, data: Dataset) -> Found:
    """In-batch matching accuracy on fresh views of validation images, and among how many: is the pretext task solved?

    BatchNorm uses the batch's statistics, view by view, as in training. Nothing where there is no projector.
    """
    if method.projector is None:
        return {}
    images = data.validation.images
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(config.seed))  # files come by class
    index = order[:MATCHING_BATCH].to(images.device)
    views = make_views(config, data)
    network = copy.deepcopy(nn.Sequential(method.encoder, method.projector)).train()
    with torch.inference_mode():
        pair = [network(views(images, index, epoch=config.training.epochs, view=view)) for view in (0, 1)]
    among = {"n": len(index), "chance": 1 / len(index)}
    return {Metric("matching"): Measured(matching_accuracy(pair[0], pair[1]), among)}


def chance(labels: Tensor) -> float:
    """Accuracy of always answering the most frequent class."""
    return round(float(torch.bincount(labels).max()) / len(labels), 6)
