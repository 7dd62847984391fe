"""The resolved config of one cell: everything that can change a number, and nothing that can't.

Plain frozen values, one model a stage; `spec.py` merges experiment file, preset and flags into them. Never
imports torch.
"""

import hashlib
import json
from typing import Any, Literal

from barlowcli.settings.base import Settings
from barlowcli.settings.data import DataSettings
from barlowcli.settings.evaluation import EvaluationSettings
from barlowcli.settings.methods import BarlowSettings, MethodSettings
from barlowcli.settings.networks import EncoderSettings, ProjectorSettings
from barlowcli.settings.training import TrainingSettings
from barlowcli.settings.views import ViewSettings


class CellConfig(Settings):
    """One cell. A stage that a control does not have is None."""

    version: Literal[1] = 1
    """Rises when the code changes what a config computes, so that old cells are not taken for new ones."""
    data: DataSettings = DataSettings()
    views: ViewSettings | None = ViewSettings()
    method: MethodSettings = BarlowSettings()
    encoder: EncoderSettings | None = EncoderSettings()
    projector: ProjectorSettings | None = ProjectorSettings()
    training: TrainingSettings | None = TrainingSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    seed: int = 0


def digest(value: Any) -> str:
    """First 12 hex digits of the SHA-256 of `value` as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def cell_id(config: CellConfig) -> str:
    """The id of a cell: a digest of its whole config, less the path of its data (their fingerprint stands in it)."""
    value = config.model_dump(mode="json", by_alias=True)
    if value["data"]["fingerprint"]:
        value["data"]["name"] = value["data"]["name"].partition(":")[0]
    return digest(value)
