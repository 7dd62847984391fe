"""What a cell's config is once it is known which stages the cell has: nothing in it is optional that must be there."""

from dataclasses import dataclass

from barlowcli.settings.any_method import MethodSettings
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.data import DataSettings
from barlowcli.settings.evaluation import EvaluationSettings
from barlowcli.settings.networks import EncoderSettings, ProjectorSettings
from barlowcli.settings.training import TrainingSettings
from barlowcli.settings.views import ViewSettings


@dataclass(frozen=True)
class EncoderConfig:
    """The config of a cell that has an encoder, trained or not."""

    data: DataSettings
    method: MethodSettings
    encoder: EncoderSettings
    projector: ProjectorSettings | None
    evaluation: EvaluationSettings
    seed: int

    @property
    def random_bits(self) -> int:
        """Channels of random bits that the encoder takes beside the three colours."""
        return 0


@dataclass(frozen=True)
class TrainedConfig(EncoderConfig):
    """The config of a cell whose encoder is trained, and on which views."""

    views: ViewSettings
    training: TrainingSettings

    @property
    def random_bits(self) -> int:
        """Channels of random bits that the views have, and so the encoder."""
        return self.views.random_bits


def encoder_config(config: CellConfig) -> EncoderConfig:
    """The config as that of a cell with an encoder, a `TrainedConfig` where it is trained; raises ValueError where it
    has none."""
    if config.encoder is None:
        raise ValueError(f"a cell of `{config.method.name}` has no encoder")
    parts = (config.data, config.method, config.encoder, config.projector, config.evaluation, config.seed)
    if config.views is None or config.training is None:
        return EncoderConfig(*parts)
    return TrainedConfig(*parts, config.views, config.training)


def trained_config(config: CellConfig) -> TrainedConfig:
    """The config as that of a trained cell; raises ValueError where nothing in it is trained."""
    found = encoder_config(config)
    if not isinstance(found, TrainedConfig):
        raise ValueError(f"a cell of `{config.method.name}` is not trained")
    return found
