"""The networks, the method and the views of a cell."""

import torch

from barlowcli.data.imageset import Dataset
from barlowcli.methods.base import Method, Networks
from barlowcli.networks.encoders import build_encoder
from barlowcli.networks.projectors import build_projector
from barlowcli.registry import METHODS
from barlowcli.settings.cell import CellConfig
from barlowcli.views.pipeline import AugmentedViews


def build_method(config: CellConfig, data: Dataset) -> Method:
    """The method of a cell. Seed k gives the same encoder whatever the method or the projector."""
    assert config.encoder is not None
    size = data.train.images.shape[-1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        encoder, features = build_encoder(config.encoder, image_size=size, channels=3 + random_bits(config))
        projector = build_projector(config.projector, features) if config.projector else None
        dim = config.projector.dim if config.projector else features
        networks = Networks(encoder, projector, features, dim, classes=len(data.classes))
        method: Method = METHODS.load(config.method.name)(config.method, networks)
    return method


def random_bits(config: CellConfig) -> int:
    """Channels of random bits that the encoder takes: those of the views it is trained on, if any."""
    return config.views.random_bits if config.views else 0


def make_views(config: CellConfig, data: Dataset) -> AugmentedViews:
    """The cell's views, normalised by the statistics of the training images."""
    assert config.views is not None
    mean, std = channel_statistics(data)
    return AugmentedViews(config.views, image_size=data.train.images.shape[-1], mean=mean, std=std, seed=config.seed)


def channel_statistics(data: Dataset) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each channel of the training images in [0, 1]."""
    mean, std = data.statistics
    return mean.tolist(), std.tolist()
