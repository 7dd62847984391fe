import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from barlowcli.evaluation.batchnorm import extract_features, reestimate_batchnorm


@pytest.fixture
def images(patches: tuple[Tensor, Tensor]) -> Tensor:
    return patches[0][:120].float() / 255


@pytest.fixture
def encoder() -> nn.Sequential:
    torch.manual_seed(0)
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, momentum=0.3), nn.ReLU(), pool, nn.Linear(32, 5))


def test_statistics_of_equal_batches_are_those_of_update_bn(encoder: nn.Sequential, images: Tensor) -> None:
    expected = copy.deepcopy(encoder)
    update_bn(images.chunk(3), expected)
    reestimate_batchnorm(encoder, images.chunk(3))
    torch.testing.assert_close(encoder.state_dict(), expected.state_dict())


def test_batches_are_weighted_by_their_size(encoder: nn.Sequential, images: Tensor) -> None:
    sizes = [60, 50, 9, 1]
    reestimate_batchnorm(encoder, torch.split(images, sizes))
    convolved = torch.split(encoder[0](images).detach().transpose(0, 1).flatten(2), sizes, dim=1)
    parts = [part.flatten(1) for part in convolved[:3]]
    means, variances = (torch.stack(v) for v in zip(*((p.mean(1), p.var(1)) for p in parts), strict=True))
    weights = torch.tensor(sizes[:3])[:, None] / 119
    torch.testing.assert_close(encoder[1].running_mean, (weights * means).sum(0))
    torch.testing.assert_close(encoder[1].running_var, (weights * variances).sum(0))


def test_only_batchnorm_is_in_training_mode(images: Tensor) -> None:
    network = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm2d(3))
    reestimate_batchnorm(network, [images])
    torch.testing.assert_close(network[1].running_mean, images.mean((0, 2, 3)))


def test_nothing_else_changes(encoder: nn.Sequential, images: Tensor) -> None:
    encoder.train()
    encoder[4].eval()
    before = {name: value.clone() for name, value in encoder.named_parameters()}
    reestimate_batchnorm(encoder, images.chunk(3))
    assert all(torch.equal(value, before[name]) for name, value in encoder.named_parameters())
    assert all(value.grad is None for value in encoder.parameters())
    assert [part.training for part in encoder] == [True, True, True, True, False]
    assert encoder[1].momentum == 0.3


def test_what_was_is_restored_after_a_failure_too(encoder: nn.Sequential, images: Tensor) -> None:
    def broken() -> Iterator[Tensor]:
        yield images[:10]
        raise OSError("disk")

    encoder.eval()
    with pytest.raises(OSError, match="disk"):
        reestimate_batchnorm(encoder, broken())
    assert not any(part.training for part in encoder.modules())
    assert encoder[1].momentum == 0.3


def test_no_batches_are_refused(encoder: nn.Sequential) -> None:
    with pytest.raises(ValueError, match="no batches"):
        reestimate_batchnorm(encoder, [])
    with pytest.raises(ValueError, match="no batches"):
        reestimate_batchnorm(encoder, [torch.zeros(1, 3, 8, 8)])
    with pytest.raises(ValueError, match="no batches"):
        extract_features(encoder, None, [])


def test_features_are_those_of_evaluation_mode(encoder: nn.Sequential, images: Tensor) -> None:
    projector = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7))
    encoder.train()
    h, z = extract_features(encoder, projector, torch.split(images, 50))
    assert encoder.training
    assert projector[1].training
    encoder.eval()
    projector.eval()
    torch.testing.assert_close(h, encoder(images).detach())
    torch.testing.assert_close(z, projector(encoder(images)).detach())
    assert len(extract_features(encoder, None, [images])) == 1


def test_features_may_enter_autograd(encoder: nn.Sequential, images: Tensor) -> None:
    (h,) = extract_features(encoder.bfloat16(), None, [images.bfloat16()])
    assert h.dtype == torch.float32
    assert not h.requires_grad
    weights = torch.zeros(5, requires_grad=True)
    torch.autograd.backward((h @ weights).square().sum())
    assert weights.grad is not None
