"""Control: the networks as they were initialised. What a probe finds here owes nothing to training."""

from torch import Tensor

from barlowcli.errors import CellError
from barlowcli.methods.base import Method, Networks, Output
from barlowcli.settings.methods import RandomInitSettings


class RandomInit(Method):
    """An encoder and a projector to embed with, and nothing to train."""

    def forward(self, view_a: Tensor, view_b: Tensor, labels: Tensor) -> Output:
        """Raises CellError: there is no loss."""
        raise CellError("`random-init` is never trained", hint="probe its encoder as it is")


def build(settings: RandomInitSettings, networks: Networks) -> Method:
    """Hold encoder and projector as they are."""
    return RandomInit(networks.encoder, networks.projector)
