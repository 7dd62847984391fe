"""What a cell asks of any method's settings, and how they are read: by the method's name in the registry."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, SerializeAsAny, ValidationError
from pydantic_core import InitErrorDetails, PydanticKnownError

from barlowcli.registry import METHODS
from barlowcli.settings.base import Settings


class MethodSettings(Settings):
    """What a cell asks of any method. A method's own class has `name: Literal["…"]`, its name in the registry."""

    trains: ClassVar[bool] = True
    """Whether there is a loss: without one the networks stay as they were initialised."""
    encodes: ClassVar[bool] = True
    """Whether there is an encoder."""
    projects: ClassVar[bool] = True
    """Whether a projector stands behind the encoder."""
    needs_labels: ClassVar[bool] = False
    """Whether the loss is one of labels: it is then trained on the images that have some."""

    if TYPE_CHECKING:  # no field here: in files of results the name follows the settings that methods share
        name: str = ""

    @classmethod
    def is_control(cls) -> bool:
        """Whether it is no self-supervised method, but stands beside a grid of them."""
        return cls.needs_labels or not cls.trains

    @property
    def averages(self) -> bool:
        """Whether there is an averaged target network."""
        return False

    def canonical(self) -> Self:
        """These settings with every one that changes nothing beside the others at its default."""
        return self.settled()

    def at_batch(self, batch: int) -> Self:
        """These settings with what goes with the batch size as it is at that one."""
        return self

    def square_matrices(self, batch: int, dim: int) -> int:
        """How many matrices of D x D the loss has at once, at batch N and embeddings of D dimensions."""
        return 0

    def nonsense(self) -> list[str]:
        """Settings that contradict one another or leave nothing to learn from, each with the reason."""
        return []


def settings_of(name: str) -> type[MethodSettings]:
    """The class of a method's settings. Raises ConfigError with a did-you-mean where there is no such method."""
    found: type[MethodSettings] = METHODS.load_settings(name)
    return found


def _read(value: Any) -> Any:
    """Settings of the class that their name stands for in the registry; errors are those of pydantic's own unions."""
    if isinstance(value, MethodSettings):
        return value
    if not isinstance(value, Mapping):
        raise PydanticKnownError("model_attributes_type")
    if "name" not in value:
        raise PydanticKnownError("union_tag_not_found", {"discriminator": "'name'"})
    name = str(value["name"])
    if name not in METHODS:
        known = ", ".join(METHODS.names())
        raise PydanticKnownError("union_tag_invalid", {"discriminator": "'name'", "tag": name, "expected_tags": known})
    try:
        return settings_of(name).model_validate(value)
    except ValidationError as error:
        raise ValidationError.from_exception_data(name, [_below(name, one) for one in error.errors()]) from error


def _below(name: str, problem: Any) -> InitErrorDetails:
    """A mistake in a method's settings with the method's name before its place."""
    place = (name, *problem["loc"])
    return InitErrorDetails(type=problem["type"], loc=place, input=problem["input"], ctx=problem.get("ctx", {}))


AnyMethod = Annotated[SerializeAsAny[MethodSettings], BeforeValidator(_read)]
"""The settings of any method of the registry, told by their name."""
