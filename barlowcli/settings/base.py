"""What the models of all stages share: frozen values, unknown keys are errors, and what a setting says of itself.

A field carries in its annotation when it does nothing (`OnlyIf`), that it costs nothing (`FREE`), of which registry
it is a name (`NameOf`), and that it came after cells had been run (`LATER`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from barlowcli.entries import Registry

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Width = Annotated[int, Field(ge=1, le=2**20)]
"""Of a layer; beyond it no machine holds the weights."""
Epochs = Annotated[int, Field(ge=1, le=1_000_000)]
Rule = Literal["fixed", "c/D"]


@dataclass(frozen=True)
class OnlyIf:
    """Marks a setting that does nothing unless `condition` holds; its canonical value is then its default.

    condition: of the settings that the field is one of, and of what `settled` is given beside them.
    """

    condition: Callable[..., bool]


@dataclass(frozen=True)
class Free:
    """Marks a setting on which neither the time nor the memory of a training step depends."""


FREE = Free()


@dataclass(frozen=True)
class NameOf:
    """Marks a name of `registry`, or several; of `folder:PATH` the name is what stands before the colon."""

    registry: Registry


@dataclass(frozen=True)
class Later:
    """Marks a setting that came after cells had been run: at its default it is no part of an id or of a base."""


LATER = Later()
Mark = TypeVar("Mark", OnlyIf, Free, NameOf, Later)


class Settings(BaseModel):
    """Frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @classmethod
    def marked(cls, kind: type[Mark]) -> Iterator[tuple[str, Mark]]:
        """Fields with a mark of a kind, and the mark."""
        for name, field in cls.model_fields.items():
            for mark in field.metadata:
                if isinstance(mark, kind):
                    yield name, mark

    def settled(self, *beside: Any) -> Self:
        """A copy with every setting that does nothing here at its default."""
        idle = [name for name, mark in self.marked(OnlyIf) if not mark.condition(self, *beside)]
        return self.model_copy(update={name: type(self).model_fields[name].default for name in idle})
