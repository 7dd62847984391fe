"""The networks, the method, the views and the training step of a cell."""

import torch
from torch import Tensor

from barlowcli.data.imageset import Dataset
from barlowcli.methods.base import Method, Networks
from barlowcli.networks.encoders import build_encoder
from barlowcli.networks.projectors import build_projector
from barlowcli.registry import METHODS
from barlowcli.settings.stages import EncoderConfig, TrainedConfig
from barlowcli.training.optimisers import build_optimizer
from barlowcli.training.step import EagerStep
from barlowcli.views.pipeline import AugmentedViews


def build_method(config: EncoderConfig, data: Dataset) -> Method:
    """The method of a cell, where torch makes tensors by default. Seed k gives the same encoder whatever the method or
    the projector."""
    size = data.train.images.shape[-1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        encoder, features = build_encoder(config.encoder, image_size=size, channels=3 + config.random_bits)
        projector = build_projector(config.projector, features) if config.projector else None
        dim = config.projector.dim if config.projector else features
        networks = Networks(encoder, projector, features, dim, classes=len(data.classes))
        method: Method = METHODS.load(config.method.name)(config.method, networks)
    return method


def build_method_on(device: str, config: EncoderConfig, data: Dataset) -> Method:
    """The same on `device`, its weights laid out as convolutions are fastest."""
    return build_method(config, data).to(device).to(memory_format=torch.channels_last)


def make_views(config: TrainedConfig, data: Dataset) -> AugmentedViews:
    """The cell's views, normalised by the statistics of the training images."""
    mean, std = channel_statistics(data)
    return AugmentedViews(config.views, image_size=data.train.images.shape[-1], mean=mean, std=std, seed=config.seed)


def build_step(device: str, config: TrainedConfig, data: Dataset, images: Tensor, labels: Tensor) -> EagerStep:
    """A training step of the cell on `images` uint8 (N, 3, H, W) and `labels` (N,), on `device` as they are."""
    method = build_method_on(device, config, data)
    method.train()
    optimizer = build_optimizer(config.training, method)
    return EagerStep(method, optimizer, make_views(config, data), images, labels, config.training)


def channel_statistics(data: Dataset) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel of the training images in [0, 1]."""
    mean, std = data.statistics
    return mean.tolist(), std.tolist()
