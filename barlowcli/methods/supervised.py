"""Control: the encoder trained on the labels, from the same pairs of views as the self-supervised methods."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from barlowcli.errors import ConfigError
from barlowcli.methods.base import Method, Networks, Output
from barlowcli.settings.methods import SupervisedSettings


class Supervised(Method):
    """A linear head on h, and cross-entropy averaged over both views."""

    def __init__(self, encoder: nn.Module, *, feature_dim: int, classes: int) -> None:
        super().__init__(encoder, None)
        self.head = nn.Linear(feature_dim, classes)

    def forward(self, view_a: Tensor, view_b: Tensor, labels: Tensor) -> Output:
        """Two views (N, 3, H, W) and labels (N,) int64 in 0 … classes - 1 -> loss, terms, h of both views."""
        h_a, h_b = self.embed(view_a), self.embed(view_b)  # (N, F) each
        logits = torch.cat([self.head(h_a), self.head(h_b)]).float()  # (2N, classes)
        truth = torch.cat([labels, labels])  # (2N,)
        loss = F.cross_entropy(logits, truth)
        accuracy = (logits.argmax(1) == truth).float().mean()
        return Output(loss, {"cross_entropy": loss.detach(), "accuracy": accuracy}, (h_a.detach(), h_b.detach()))


def build(settings: SupervisedSettings, networks: Networks) -> Method:
    """Encoder (-> F) and a linear head; raises ConfigError if given a projector, which it would leave untrained."""
    if networks.projector is not None:
        raise ConfigError(["projector: `supervised` has none"], hint="leave the projector out: its head is linear on h")
    return Supervised(networks.encoder, feature_dim=networks.feature_dim, classes=networks.classes)
