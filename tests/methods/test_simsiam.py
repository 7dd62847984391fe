import torch
from lightly.loss import NegativeCosineSimilarity
from torch import nn

from barlowcli.methods.base import Networks
from barlowcli.methods.simsiam import build, negative_cosine
from barlowcli.settings.methods import SimsiamSettings


def test_negative_cosine_is_lightlys() -> None:
    torch.manual_seed(0)
    prediction, target = torch.randn(2, 16, 8)
    torch.testing.assert_close(negative_cosine(prediction, target), NegativeCosineSimilarity()(prediction, target))


def test_loss_is_the_pseudocode_of_algorithm_1() -> None:
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(12, 6, bias=False), nn.BatchNorm1d(6))
    method = build(
        SimsiamSettings(predictor_hidden=4), Networks(encoder, None, feature_dim=6, embedding_dim=6, classes=2)
    )
    x1, x2 = torch.rand(2, 16, 3, 2, 2)
    output = method(x1, x2, torch.zeros(16, dtype=torch.int64))
    h = method.get_submodule("predictor")
    z1, z2 = encoder(x1), encoder(x2)

    def d(p: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        z = z.detach()
        return -(nn.functional.normalize(p, dim=1) * nn.functional.normalize(z, dim=1)).sum(1).mean()

    expected = d(h(z1), z2) / 2 + d(h(z2), z1) / 2
    torch.testing.assert_close(output.loss, expected)
    parameters = list(method.parameters())
    ours = torch.autograd.grad(output.loss, parameters)
    theirs = torch.autograd.grad(expected, parameters)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
