"""One cell, from images to record: the one way of it through the stages."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from barlowcli.cell.clocks import Clocks
from barlowcli.cell.evaluate import chance
from barlowcli.cell.footprint import SMALLER, Counts, misfit
from barlowcli.cell.options import RunOptions, identity
from barlowcli.cell.stages import Learned, Place, stage_of
from barlowcli.data.imageset import Dataset
from barlowcli.data.load import load_dataset
from barlowcli.errors import CellError, ConfigError
from barlowcli.evaluation.probes import Found
from barlowcli.machine.devices import ON_THE_PROCESSOR, set_up
from barlowcli.machine.needs import Need, most_on
from barlowcli.machine.private import message_without_folders
from barlowcli.machine.provenance import deciding, provenance
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.answers import write_answers
from barlowcli.records.files import write_json
from barlowcli.records.folder import CellFolder
from barlowcli.records.metrics import INTACT, JOINED
from barlowcli.records.record import Record, write_record
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.data import DataSettings
from barlowcli.training.loop import Hooks
from barlowcli.views.random import check_draws
from barlowcli.views.shuffle import check_arm

ANSWERING = ("h", JOINED, "joint", "marginal")
"""Spaces whose probes' answers are kept, a byte a test image."""


def run_cell(cell: PlannedCell, options: RunOptions, hooks: Hooks) -> Record:
    """Train and probe one cell, write its folder, its record last, and return the record.

    Raises DataError, ConfigError (they would hit other cells too), CellError, LeaseLostError, InterruptError.
    """
    with Clocks() as clocks:
        with clocks.time("load"):
            data = open_data(cell, options, hooks)
            made = provenance(options.device, list(options.command))
        place = Place(options.device, options.folder_of(cell), hooks, options.way, deciding(made))
        stage = stage_of(cell.config)
        learned = stage.learn(data, place, clocks)
        with clocks.time("evaluate"):
            found = stage.evaluate(learned, data)
    record = record_of(cell, options, data, learned, found, clocks, made)
    hooks.check()
    keep_answers(place.folder, data, found)
    write_record(place.folder, record)
    place.folder.checkpoint.unlink(missing_ok=True)
    return record


def open_data(cell: PlannedCell, options: RunOptions, hooks: Hooks) -> Dataset:
    """The cell's data set on the device, which is set up for it; the cell's config is written and its notes begun."""
    config = cell.config
    torch.set_num_threads(config.training.threads if config.training else 1)
    set_up(options.device, deterministic=options.deterministic)
    if options.device in ON_THE_PROCESSOR:
        check_draws(options.device)
    hooks.go_on()
    data = dataset_on(config.data, options.data_root, options.device, test=config.evaluation.test, ask=hooks.room)
    hooks.go_on()
    if data.inventory is not None:
        hooks.read(data.inventory)
    _check_sides(config, data)
    _check_memory(config, data, options.device)
    write_json(options.folder_of(cell).config, config.model_dump(mode="json", by_alias=True))
    hooks.note(f"{cell.label()}, seed {cell.seed}: {len(data.pretrain)} images, {options.device}")
    if options.device in ON_THE_PROCESSOR:
        hooks.note(f"on {options.device}, {ON_THE_PROCESSOR[options.device]}")
    for skipped in data.skipped:
        hooks.note(f"skipped: {skipped}")
    return data


class Opened:
    """The data set that was opened last on its device: one worker's cells mostly share it. It is let go of before
    another is read, so that there are never two in memory."""

    def __init__(self) -> None:
        self.key: tuple[DataSettings, Path, str, bool] | None = None
        self.data: Dataset | None = None

    def __call__(
        self,
        settings: DataSettings,
        root: Path,
        device: str,
        *,
        test: bool = True,
        ask: Callable[[Need], bool] = lambda need: True,
    ) -> Dataset:
        """The data set of `settings`, without its test images if so asked."""
        key = (settings, root, device, test)
        if self.data is None or self.key != key:
            self.cache_clear()
            data = load_dataset(settings, root=root, ask=ask)
            self.key, self.data = key, (data if test else data.without_test()).to(device)
        return self.data

    def cache_clear(self) -> None:
        """Let go of it."""
        self.key, self.data = None, None


dataset_on = Opened()
"""Of this process."""


def record_of(
    cell: PlannedCell,
    options: RunOptions,
    data: Dataset,
    learned: Learned,
    found: Found,
    clocks: Clocks,
    made: Mapping[str, Any],
) -> Record:
    """All that is kept of a cell. made: its provenance."""
    ending, config, judged = learned.ending, cell.config, data.judged
    return Record(
        **identity(cell, options),
        status=ending.status,
        message=ending.message,
        event_step=ending.step,
        domain=config.views.shuffle if config.views else INTACT,
        labels=tuple(judged.all_labels),
        label_names={"label": data.label_name, **{name: name for name in judged.factors}},
        chance={name: chance(values) for name, values in judged.all_labels.items()},
        metrics={
            str(metric): round(measured.value, 6) for metric, measured in found.items() if measured.value is not None
        },
        probes={str(metric): measured.settings for metric, measured in found.items()},
        counts=counts_of(data, learned),
        data=data.inventory,
        seconds={name: round(value, 2) for name, value in clocks.seconds.items()}
        | {name: round(value, 6) for name, value in ending.cost.seconds.items()},
        provenance={
            **made,
            "data_digest": data.digest,
            "step": ending.way,
            **({"slower": [message_without_folders(why) for why in ending.slower]} if ending.slower else {}),
            "deterministic": options.deterministic or options.device == "cpu",
            **({"earlier": list(ending.earlier)} if ending.earlier else {}),
        },
    )


def counts_of(data: Dataset, learned: Learned) -> dict[str, int]:
    """Images in each split and left out, steps, parameters, and what training cost in bytes."""
    return {
        **{name: len(part) for name, part in data.splits.items()},
        "pretrain": len(data.pretrain),
        "skipped": len(data.skipped),
        "steps": learned.ending.steps,
        "encoder_parameters": learned.encoder_parameters,
        **learned.ending.cost.counts,
    }


def keep_answers(folder: CellFolder, data: Dataset, found: Found) -> None:
    """Write what every probe of the main label, of h and of raw histograms, predicted for each test image."""
    predicted = {
        str(metric): measured.answers.cpu().numpy()
        for metric, measured in found.items()
        if measured.answers is not None and metric.label == "label" and metric.space in ANSWERING
    }
    if predicted and data.test is not None:
        write_answers(folder, data.test.labels.cpu().numpy(), predicted)


def _check_memory(config: CellConfig, data: Dataset, device: str) -> None:
    """Raise CellError where the cell takes more memory than there is: it would fail late, and hours of it with it."""
    if reason := misfit(config, image_counts(data), most_on(device)):
        raise CellError(reason, hint=SMALLER)


def image_counts(data: Dataset) -> Counts:
    """How many images it has, of how many bytes."""
    test = len(data.test) if data.test is not None else 0
    images = data.train.images
    return Counts(len(data.pretrain), len(data.train), len(data.validation), test, images[0].nbytes)


def _check_sides(config: CellConfig, data: Dataset) -> None:
    """Every arm must be possible at this size of images; raises CellError, since other arms may be."""
    for arm in {*config.evaluation.domains, *([config.views.shuffle] if config.views else [])}:
        try:
            check_arm(arm, data.train.images.shape[-1])
        except ConfigError as error:
            raise CellError(error.message, hint=error.hint) from error
