"""Two views that pass through BatchNorm as one batch: the numbers of two passes, forward, backward and running."""

import copy

import pytest
import torch
from torch import Tensor, nn

from barlowcli.networks.batchnorm import Normalise, ViewBatchNorm1d, ViewBatchNorm2d, keep_views_apart, together

LAYERS = [
    (nn.BatchNorm2d(4), (6, 4, 5, 5)),
    (nn.BatchNorm2d(4, affine=False), (6, 4, 5, 5)),
    (nn.BatchNorm1d(4, momentum=0.3), (8, 4)),
    (nn.BatchNorm1d(4, eps=0.1), (8, 4, 3)),
]


def close(found: Tensor | None, wanted: Tensor | None) -> None:
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def pair(layer: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The layer with other weights than at the start, as torch has it and as one that keeps views apart."""
    torch.manual_seed(0)
    layer = copy.deepcopy(layer)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    other = nn.Sequential(copy.deepcopy(layer))
    keep_views_apart(other)
    return nn.Sequential(layer), other


@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_views_at_once_have_the_numbers_of_two_passes(layer, shape):
    apart, at_once = pair(layer)
    inputs = [(torch.randn(shape) * 3 + 1).requires_grad_() for _ in range(2)]
    made = torch.cat([apart(view) for view in inputs])
    joined = torch.cat(inputs).detach().requires_grad_()
    with together(at_once):
        found = at_once(joined)
    close(found, made)
    weights = torch.randn_like(made)
    made.backward(weights)
    found.backward(weights)
    close(joined.grad, torch.cat([view.grad for view in inputs if view.grad is not None]))
    for one, other in zip(apart.parameters(), at_once.parameters(), strict=True):
        close(other.grad, one.grad)
    assert [name for name, _ in at_once.named_buffers()] == [name for name, _ in apart.named_buffers()]
    for mine, theirs in zip(apart.buffers(), at_once.buffers(), strict=True):
        close(theirs, mine)


def test_the_gradient_is_that_of_finite_differences():
    batch = torch.randn(6, 4, 2, dtype=torch.float64, requires_grad=True)
    weight, bias = (torch.randn(4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda *inputs: Normalise.apply(*inputs, 2, 1e-3)[0], (batch, weight, bias))


@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_a_view_alone_and_evaluation_have_the_bits_of_torch(layer, shape):
    theirs, ours = pair(layer)
    for _ in range(2):
        view = torch.randn(shape)
        assert torch.equal(theirs(view), ours(view))
        theirs.eval()
        ours.eval()
    assert all(torch.equal(one, other) for one, other in zip(theirs.buffers(), ours.buffers(), strict=True))


def test_layers_whose_statistics_it_would_not_keep_stay_as_they_are():
    module = nn.Sequential(
        nn.BatchNorm1d(3, track_running_stats=False),
        nn.BatchNorm1d(3, momentum=None),
        nn.BatchNorm3d(3),
        nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm2d(3)),
    )
    keep_views_apart(module, None)
    kinds = [type(part) for part in module.modules() if not isinstance(part, nn.Sequential)]
    assert kinds == [nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm3d, ViewBatchNorm1d, ViewBatchNorm2d]


def test_a_layer_goes_back_to_one_view_after_an_error():
    layer = nn.BatchNorm1d(3)
    keep_views_apart(layer)
    with pytest.raises(ZeroDivisionError), together(layer):
        raise ZeroDivisionError
    assert layer.views == 1
    assert layer.state_dict()["num_batches_tracked"] == 0
