"""What the models of all stages share: frozen values, and unknown keys are errors."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


Count = Annotated[int, Field(ge=1)]


Width = Annotated[int, Field(ge=1, le=2**20)]
"""Of a layer; beyond it no machine holds the weights."""


Epochs = Annotated[int, Field(ge=1, le=1_000_000)]


Rule = Literal["fixed", "c/D"]


class Settings(BaseModel):
    """Frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def defaults(settings: Settings, *names: str) -> dict[str, Any]:
    """Name -> default, of fields of `settings`."""
    return {name: type(settings).model_fields[name].default for name in names}
