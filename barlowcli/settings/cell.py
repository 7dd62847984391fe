"""The resolved config of one cell: everything that can change a number, and nothing that can't.

Plain frozen values, one model a stage; `plan.layers` merges experiment file, preset and flags into them. Never
imports torch.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic_core import to_jsonable_python

from barlowcli.errors import ConfigError
from barlowcli.registry import METHODS
from barlowcli.settings.any_method import AnyMethod, MethodSettings, settings_of
from barlowcli.settings.base import FREE, Later, Settings
from barlowcli.settings.data import DataSettings
from barlowcli.settings.evaluation import EvaluationSettings
from barlowcli.settings.methods import BarlowSettings
from barlowcli.settings.networks import EncoderSettings, ProjectorSettings
from barlowcli.settings.shuffles import tiles
from barlowcli.settings.training import TrainingSettings
from barlowcli.settings.views import ViewSettings


class CellConfig(Settings):
    """One cell. A stage that a control does not have is None."""

    version: Annotated[Literal[1, 2], FREE] = 2
    """Rises when the code changes what a config computes, so that old cells are not taken for new ones. Cells of an
    earlier version are read and reported, and never run. 2: the learning rate of the first step is not 0."""
    data: DataSettings = DataSettings()
    views: ViewSettings | None = ViewSettings()
    method: AnyMethod = BarlowSettings()
    encoder: EncoderSettings | None = EncoderSettings()
    projector: ProjectorSettings | None = ProjectorSettings()
    training: TrainingSettings | None = TrainingSettings()
    evaluation: Annotated[EvaluationSettings, FREE] = EvaluationSettings()
    seed: Annotated[int, FREE] = 0

    def canonical(self, *, on_cuda: bool) -> Self:
        """The one form of all configs that come to the same numbers: every `auto` resolved, stages that the method does
        not have dropped, and settings that do nothing at their defaults.

        Raises ConfigError where the settings together make no sense.
        """
        method, views, training = self.method, self.views, self.training
        if views is None or training is None or self.encoder is None:
            raise ConfigError(["views, training and encoder cannot be switched off"])
        domains = tuple(dict.fromkeys((*self.evaluation.domains, views.shuffle)))
        if problems := blocks_that_do_not_tile(domains, self.data.image_size) or method.nonsense():
            raise ConfigError(problems)
        projector = self.projector.canonical() if self.projector is not None and method.projects else None
        return self.model_copy(
            update={
                "data": self.data.canonical(),
                "views": views.canonical() if method.trains else None,
                "method": method.at_batch(training.batch_size).canonical(),
                "training": training.canonical(on_cuda=on_cuda) if method.trains else None,
                "encoder": self.encoder if method.encodes else None,
                "projector": projector,
                "evaluation": self.evaluation.canonical(method, domains),
            }
        )


def blocks_that_do_not_tile(domains: tuple[str, ...], side: int | None) -> list[str]:
    """Patch arms whose blocks do not tile the image; where its side is not known yet, the cell finds out."""
    wrong = [arm for arm in domains if side is not None and not tiles(arm, side)]
    return [f"views.shuffle: {arm} does not tile images of {side} x {side} pixels" for arm in wrong]


def digest(value: Any) -> str:
    """First 12 hex digits of the SHA-256 of `value` as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def without_later(value: Mapping[str, Any], kind: type[Settings] = CellConfig) -> dict[str, Any]:
    """`value`, settings of a kind as JSON, without those that came later (`LATER`) and stand at their defaults.

    A method that the registry does not know is left as it is.
    """
    later: dict[str, Any] = {}
    for name, _ in kind.marked(Later):
        field = kind.model_fields[name]
        default = to_jsonable_python(field.get_default(call_default_factory=True))
        later |= dict.fromkeys((name, field.alias or name), default)
    kept = {key: item for key, item in value.items() if key not in later or item != later[key]}
    for key, item in kept.items():
        section = _section(kind, key, item)
        if section is not None:
            kept[key] = without_later(item, section)
    return kept


def _section(kind: type[Settings], key: str, item: Any) -> type[Settings] | None:
    """Of which kind the settings are that stand at `key`; None where there are none, or of a kind unknown."""
    field = kind.model_fields.get(key)
    if field is None or not isinstance(field.default, Settings) or not isinstance(item, Mapping):
        return None
    if not isinstance(field.default, MethodSettings):
        return type(field.default)
    name = item.get("name")
    return settings_of(name) if isinstance(name, str) and name in METHODS else None


def id_of(config: Mapping[str, Any]) -> str:
    """The id of a cell from its config as JSON: a digest of the whole, less settings that came later and the path of
    its data (their fingerprint stands in it)."""
    value = without_later(config)
    data = value.get("data")
    if isinstance(data, Mapping) and data.get("fingerprint"):
        value["data"] = {**data, "name": str(data.get("name")).partition(":")[0]}
    return digest(value)


def cell_id(config: CellConfig) -> str:
    """The id of a cell."""
    return id_of(config.model_dump(mode="json", by_alias=True))
