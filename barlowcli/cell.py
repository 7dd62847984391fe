"""One cell, from images to record: the only place where the stages meet."""

import copy
import functools
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn

from barlowcli.data.imageset import Dataset, ImageSet
from barlowcli.data.load import load_dataset
from barlowcli.device import Way, set_up
from barlowcli.encoders import build_encoder
from barlowcli.errors import CellError, ConfigError
from barlowcli.evaluation.batchnorm import extract_features, reestimate_batchnorm
from barlowcli.evaluation.histogram import joint_histogram
from barlowcli.evaluation.matching import matching_accuracy
from barlowcli.evaluation.probes import Split, probe, probe_histograms
from barlowcli.methods.base import JointEmbedding, Method
from barlowcli.options import RunOptions, identity
from barlowcli.plan import PlannedCell
from barlowcli.projectors import build_projector
from barlowcli.provenance import provenance
from barlowcli.records import Record, write_bytes, write_json, write_record
from barlowcli.registry import METHODS
from barlowcli.settings import CellConfig, DataSettings, HistogramSettings
from barlowcli.training import Hooks, Trained, train
from barlowcli.views.pipeline import Views, probe_images
from barlowcli.views.shuffle import check_arm

PROBE_BATCH = 512
"""Images at a time when features are taken. BatchNorm statistics are averages over these batches."""
MATCHING_BATCH = 256
"""Most images among which the other view of each must be found; chance is one over how many there are."""
SPLIT_OFFSET = 100_000_000
"""Images of validation and test are numbered from multiples of this: no two images of a set share their draws."""
ENCODER_SCHEMA = 1
"""Version of encoder.safetensors; rises when names or shapes in it get another meaning."""


@functools.lru_cache(maxsize=1)
def dataset_on(settings: DataSettings, root: Path, device: str) -> Dataset:
    """The data set on its device; kept, since one worker's cells mostly share it."""
    return load_dataset(settings, root=root).to(device)


def run_cell(cell: PlannedCell, options: RunOptions, hooks: Hooks) -> Record:
    """Train and probe one cell, write its folder, its record last, and return the record.

    Raises DataError, ConfigError (they would hit other cells too), CellError, ClaimLostError, InterruptError.
    """
    start = time.monotonic()
    config, folder = cell.config, options.folder / "cells" / cell.id
    torch.set_num_threads(config.training.threads if config.training else 1)
    set_up(options.device, deterministic=options.deterministic)
    data = dataset_on(config.data, options.data_root, options.device)
    _check_sides(config, data)
    write_json(folder / "config.json", config.model_dump(mode="json", by_alias=True))
    arm = ", ".join(f"{name} {value}" for name, value in cell.axes.items() if value != "-")
    hooks.note(f"{arm}, seed {cell.seed}: {len(data.pretrain)} images, {options.device}")
    for skipped in data.skipped:
        hooks.note(f"skipped: {skipped}")

    metrics: dict[str, float] = {}
    settings: dict[str, object] = {}
    trained = Trained("ok", 0)
    seconds = {"load": time.monotonic() - start}
    parameters = 0
    if not isinstance(config.method, HistogramSettings):
        method = build_method(config, data).to(options.device).to(memory_format=torch.channels_last)
        parameters = sum(p.numel() for p in method.encoder.parameters())
        before = time.monotonic()
        if config.method.trains:
            trained = pretrain(method, config, data, folder, hooks, options.way)
        seconds["train"] = time.monotonic() - before
        hooks.check()
        save_encoder(method, folder)
        before = time.monotonic()
        if trained.status != "diverged":
            metrics, settings = evaluate(method, config, data)
    else:
        before = time.monotonic()
        splits = {name: (part.images, labels_of(part)) for name, part in parts_of(data).items()}
        metrics, settings = probe_histograms(
            splits, config.method, config.evaluation, classes=class_counts(data), seed=cell.seed
        )
    seconds |= {"evaluate": time.monotonic() - before, "total": time.monotonic() - start}
    record = Record(
        **identity(cell, options),
        status=trained.status,
        message=trained.message,
        event_step=trained.step,
        domain=config.views.shuffle if config.views else "none",
        labels=tuple(labels_of(data.test)),
        label_names={"label": data.label_name, **{name: name for name in data.test.factors}},
        chance={name: chance(values) for name, values in labels_of(data.test).items()},
        metrics={name: round(float(value), 6) for name, value in metrics.items()},
        probes=settings,
        counts={
            **{name: len(part) for name, part in parts_of(data).items()},
            "pretrain": len(data.pretrain),
            "skipped": len(data.skipped),
            "steps": trained.steps,
            "encoder_parameters": parameters,
            **trained.cost.counts,
        },
        seconds={name: round(value, 2) for name, value in seconds.items()}
        | {name: round(value, 6) for name, value in trained.cost.seconds.items()},
        provenance={
            **provenance(options.device, list(options.command)),
            "data_digest": data.digest,
            "step": trained.way,
            "deterministic": options.deterministic or options.device == "cpu",
        },
    )
    hooks.check()
    write_record(folder, record)
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    return record


def build_method(config: CellConfig, data: Dataset) -> Method:
    """The method of a cell. Seed k gives the same encoder whatever the method or the projector."""
    assert config.encoder is not None
    size = data.train.images.shape[-1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        encoder, features = build_encoder(config.encoder, image_size=size, channels=3 + random_bits(config))
        projector = build_projector(config.projector, features) if config.projector else None
        dim = config.projector.dim if config.projector else features
        build = METHODS.load(config.method.name)
        method: Method = build(
            config.method,
            encoder,
            projector,
            feature_dim=features,
            embedding_dim=dim,
            classes=len(data.classes),
        )
    return method


def random_bits(config: CellConfig) -> int:
    """Channels of random bits that the encoder takes: those of the views it is trained on, if any."""
    return config.views.random_bits if config.views else 0


def make_views(config: CellConfig, data: Dataset) -> Views:
    """The cell's views, normalised by the statistics of the training images."""
    assert config.views is not None
    mean, std = channel_statistics(data)
    return Views(config.views, image_size=data.train.images.shape[-1], mean=mean, std=std, seed=config.seed)


def pretrain(
    method: Method, config: CellConfig, data: Dataset, folder: Path, hooks: Hooks, way: Way | None = None
) -> Trained:
    """Train on the unlabelled images where there are some, else on train; the supervised control on train."""
    assert config.training is not None
    supervised = config.method.name == "supervised"
    images = data.train.images if supervised else data.pretrain
    labels = data.train.labels if len(images) == len(data.train) else images.new_zeros(len(images), dtype=torch.long)
    return train(
        method,
        make_views(config, data),
        images,
        labels,
        config.training,
        seed=config.seed,
        folder=folder,
        collapse_std=config.evaluation.collapse_std,
        hooks=hooks,
        way=way,
    )


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


def channel_statistics(data: Dataset) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel of the training images in [0, 1]."""
    mean, std = data.statistics
    return mean.tolist(), std.tolist()


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


def save_encoder(method: Method, folder: Path) -> None:
    """Write the weights of encoder and projector to encoder.safetensors.

    Its metadata have one entry, "barlow", JSON with schema_version and the cell's id: of several, safetensors shuffles
    the order.
    """
    modules = {"encoder": method.encoder, "projector": method.projector}
    tensors = {
        f"{name}.{key}": value.detach().cpu().contiguous()
        for name, module in modules.items()
        if module is not None
        for key, value in module.state_dict().items()
    }
    about = json.dumps({"schema_version": ENCODER_SCHEMA, "cell": folder.name})
    write_bytes(folder / "encoder.safetensors", save(tensors, metadata={"barlow": about}))


def _check_sides(config: CellConfig, data: Dataset) -> None:
    """Every arm must be possible at this size of images; raises CellError, since other arms may be."""
    for arm in {*config.evaluation.domains, *([config.views.shuffle] if config.views else [])}:
        try:
            check_arm(arm, data.train.images.shape[-1])
        except ConfigError as error:
            raise CellError(error.message, hint=error.hint) from error
