"""What a cell goes through: one class for each of the three kinds, which has what exists in it and nothing else."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import torch

from barlowcli.cell.build import build_method_on, make_views
from barlowcli.cell.clocks import Clocks
from barlowcli.cell.encoder_file import save_encoder
from barlowcli.cell.evaluate import match_views, probe_networks
from barlowcli.cell.needs import need_of
from barlowcli.data.imageset import Dataset
from barlowcli.evaluation.probes import Found, probe_histograms
from barlowcli.machine.devices import Way
from barlowcli.methods.base import Method
from barlowcli.records.folder import CellFolder
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.evaluation import EvaluationSettings
from barlowcli.settings.methods import HistogramSettings
from barlowcli.settings.stages import EncoderConfig, TrainedConfig, encoder_config
from barlowcli.training.loop import Ending, Hooks, train


@dataclass(frozen=True)
class Place:
    """Where and how a cell is run: on which device, into which folder, by which way of steps, and who is told. origin:
    what decides its numbers besides its config."""

    device: str
    folder: CellFolder
    hooks: Hooks
    way: Way | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Learned:
    """What there is when learning is over. encoder_parameters: 0 where there is no encoder."""

    ending: Ending
    encoder_parameters: int


@dataclass(frozen=True)
class Network(Learned):
    """The same, with the networks that learned."""

    method: Method


L = TypeVar("L", bound=Learned)


class Stage(ABC, Generic[L]):
    """A kind of cell: how it learns from a data set, and how what it learned is evaluated."""

    @abstractmethod
    def start(self, data: Dataset, device: str) -> L:
        """What there is before anything was learned."""

    @abstractmethod
    def learn(self, data: Dataset, place: Place, clocks: Clocks) -> L:
        """Train where there is something to train, and keep the encoder where there is one."""

    @abstractmethod
    def evaluate(self, learned: L, data: Dataset) -> Found:
        """Every metric of the cell."""


@dataclass(frozen=True)
class Histogram(Stage[Learned]):
    """The control without a network: the images' own colour histograms are probed."""

    method: HistogramSettings
    evaluation: EvaluationSettings
    seed: int

    def start(self, data: Dataset, device: str) -> Learned:
        """Nothing."""
        return Learned(Ending("ok", 0), 0)

    def learn(self, data: Dataset, place: Place, clocks: Clocks) -> Learned:
        """Nothing."""
        return self.start(data, place.device)

    def evaluate(self, learned: Learned, data: Dataset) -> Found:
        """Probes of the histograms."""
        splits = {name: (part.images, part.all_labels) for name, part in data.splits.items()}
        return probe_histograms(splits, self.method, self.evaluation, classes=data.class_counts, seed=self.seed)


@dataclass(frozen=True)
class Untrained(Stage[Network]):
    """The control whose encoder is probed as it was initialised."""

    config: EncoderConfig

    def start(self, data: Dataset, device: str) -> Network:
        """The networks as they are initialised."""
        method = build_method_on(device, self.config, data)
        return Network(Ending("ok", 0), sum(p.numel() for p in method.encoder.parameters()), method)

    def learn(self, data: Dataset, place: Place, clocks: Clocks) -> Network:
        """The networks as they are initialised, kept in the cell's folder."""
        network = self.start(data, place.device)
        place.hooks.room(need_of(network.method, self.config, data))
        with clocks.time("train"):
            network = self.trained(network, data, place)
        place.hooks.check()
        save_encoder(network.method, place.folder)
        return network

    def trained(self, network: Network, data: Dataset, place: Place) -> Network:
        """Nothing is done to it."""
        return network

    def evaluate(self, learned: Network, data: Dataset) -> Found:
        """Probes of h and z in every domain."""
        return probe_networks(learned.method, self.config, data)


@dataclass(frozen=True)
class Trained(Untrained):
    """A cell whose encoder is trained."""

    config: TrainedConfig

    def trained(self, network: Network, data: Dataset, place: Place) -> Network:
        """The networks after training."""
        return replace(network, ending=pretrain(network.method, self.config, data, place))

    def evaluate(self, learned: Network, data: Dataset) -> Found:
        """Probes, and the pretext task; nothing where training diverged."""
        if learned.ending.status == "diverged":
            return {}
        return super().evaluate(learned, data) | match_views(learned.method, self.config, data)


def stage_of(config: CellConfig) -> Stage[Any]:
    """The kind of cell that a config is of."""
    if isinstance(config.method, HistogramSettings):
        return Histogram(config.method, config.evaluation, config.seed)
    networks = encoder_config(config)
    return Trained(networks) if isinstance(networks, TrainedConfig) else Untrained(networks)


def pretrain(method: Method, config: TrainedConfig, data: Dataset, place: Place) -> Ending:
    """Train on the unlabelled images where there are some, else on train; a method that needs labels on train."""
    images = data.train.images if config.method.needs_labels else data.pretrain
    labels = data.train.labels if len(images) == len(data.train) else images.new_zeros(len(images), dtype=torch.long)
    return train(
        method,
        make_views(config, data),
        images,
        labels,
        config.training,
        seed=config.seed,
        folder=place.folder,
        collapse_std=config.evaluation.collapse_std,
        hooks=place.hooks,
        way=place.way,
        origin=place.origin,
    )
