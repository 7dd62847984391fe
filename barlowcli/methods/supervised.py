"""Control: the encoder trained on the labels, from the same pairs of views as the self-supervised methods."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from barlowcli.errors import ConfigError
from barlowcli.methods.base import Judge, Method, Networks, Output
from barlowcli.settings.methods import SupervisedSettings


class Supervised(Method):
    """A linear head on h, and cross-entropy averaged over both views."""

    def __init__(self, encoder: nn.Module, *, feature_dim: int, classes: int) -> None:
        super().__init__(encoder, None)
        self.judge: Judge = classify
        self.head = nn.Linear(feature_dim, classes)

    def forward(self, view_a: Tensor, view_b: Tensor, labels: Tensor) -> Output:
        """Two views (N, 3, H, W) and labels (N,) int64 in 0 … classes - 1 -> loss, terms, h of both views."""
        h_a, h_b = self.embed_both(view_a, view_b)  # (N, F) each
        loss, terms = self.judge(self.head, h_a, h_b, labels)
        return Output(loss, {name: term.detach() for name, term in terms.items()}, (h_a.detach(), h_b.detach()))


def classify(head: nn.Module, h_a: Tensor, h_b: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy () of h of two views (N, F) by a linear head, averaged over both; and the accuracy ()."""
    logits = torch.cat([head(h_a), head(h_b)]).float()  # (2N, classes)
    truth = torch.cat([labels, labels])  # (2N,)
    loss = F.cross_entropy(logits, truth)
    return loss, {"cross_entropy": loss, "accuracy": (logits.argmax(1) == truth).float().mean()}


def build(settings: SupervisedSettings, networks: Networks) -> Method:
    """Encoder (-> F) and a linear head; raises ConfigError if given a projector, which it would leave untrained."""
    if networks.projector is not None:
        raise ConfigError(["projector: `supervised` has none"], hint="leave the projector out: its head is linear on h")
    return Supervised(networks.encoder, feature_dim=networks.feature_dim, classes=networks.classes)
