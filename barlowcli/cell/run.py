"""One cell, from images to record: the only place where the stages meet."""

import functools
import json
import time
from pathlib import Path

import torch
from safetensors.torch import save

from barlowcli.cell.build import build_method, make_views
from barlowcli.cell.evaluate import chance, class_counts, evaluate, labels_of, parts_of
from barlowcli.cell.options import RunOptions, identity
from barlowcli.data.imageset import Dataset
from barlowcli.data.load import load_dataset
from barlowcli.errors import CellError, ConfigError
from barlowcli.evaluation.probes import probe_histograms
from barlowcli.machine.devices import Way, set_up
from barlowcli.machine.provenance import provenance
from barlowcli.methods.base import Method
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.files import write_bytes, write_json
from barlowcli.records.folder import CellFolder
from barlowcli.records.record import Record, write_record
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.data import DataSettings
from barlowcli.settings.methods import HistogramSettings
from barlowcli.training.loop import Hooks, Trained, train
from barlowcli.views.shuffle import check_arm

ENCODER_SCHEMA = 1
"""Version of encoder.safetensors; rises when names or shapes in it get another meaning."""


@functools.lru_cache(maxsize=1)
def dataset_on(settings: DataSettings, root: Path, device: str) -> Dataset:
    """The data set on its device; kept, since one worker's cells mostly share it."""
    return load_dataset(settings, root=root).to(device)


def run_cell(cell: PlannedCell, options: RunOptions, hooks: Hooks) -> Record:
    """Train and probe one cell, write its folder, its record last, and return the record.

    Raises DataError, ConfigError (they would hit other cells too), CellError, LeaseLostError, InterruptError.
    """
    start = time.monotonic()
    config, folder = cell.config, options.folder_of(cell)
    torch.set_num_threads(config.training.threads if config.training else 1)
    set_up(options.device, deterministic=options.deterministic)
    data = dataset_on(config.data, options.data_root, options.device)
    _check_sides(config, data)
    write_json(folder.config, config.model_dump(mode="json", by_alias=True))
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
    folder.checkpoint.unlink(missing_ok=True)
    return record


def pretrain(
    method: Method, config: CellConfig, data: Dataset, folder: CellFolder, hooks: Hooks, way: Way | None = None
) -> Trained:
    """Train on the unlabelled images where there are some, else on train; a method that needs labels on train."""
    assert config.training is not None
    images = data.train.images if config.method.needs_labels else data.pretrain
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


def save_encoder(method: Method, folder: CellFolder) -> None:
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
    about = json.dumps({"schema_version": ENCODER_SCHEMA, "cell": folder.id})
    write_bytes(folder.encoder, save(tensors, metadata={"barlow": about}))


def _check_sides(config: CellConfig, data: Dataset) -> None:
    """Every arm must be possible at this size of images; raises CellError, since other arms may be."""
    for arm in {*config.evaluation.domains, *([config.views.shuffle] if config.views else [])}:
        try:
            check_arm(arm, data.train.images.shape[-1])
        except ConfigError as error:
            raise CellError(error.message, hint=error.hint) from error
