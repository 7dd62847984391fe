import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from barlowcli.evaluation.histogram import RIDGE_PENALTIES, histogram_decodability, joint_histogram, marginal_histograms


@pytest.mark.parametrize("bins", [2, 5, 8])
def test_joint_histogram_is_numpys(patches: tuple[Tensor, Tensor], bins: int) -> None:
    images = patches[0][:20]
    edges = [np.linspace(0, 256, bins + 1)] * 3
    expected = [np.histogramdd(image.flatten(1).T.numpy(), edges)[0].ravel() / 1024 for image in images]
    found = joint_histogram(images, bins)
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found, np.array(expected, dtype=np.float32))


@pytest.mark.parametrize("bins", [3, 32, 256])
def test_marginal_histograms_are_numpys(patches: tuple[Tensor, Tensor], bins: int) -> None:
    images = patches[0][:20]
    expected = [
        np.concatenate([np.histogram(channel.numpy(), bins, (0, 256))[0] for channel in image]) / (3 * 1024)
        for image in images
    ]
    np.testing.assert_allclose(marginal_histograms(images, bins), expected, rtol=1e-6)


def test_marginals_are_sums_of_the_joint_and_neither_sees_space(patches: tuple[Tensor, Tensor]) -> None:
    images = patches[0]
    joint = joint_histogram(images, 8)
    boxes = joint.view(-1, 8, 8, 8)
    sums = torch.cat([boxes.sum((2, 3)), boxes.sum((1, 3)), boxes.sum((1, 2))], 1) / 3
    torch.testing.assert_close(marginal_histograms(images, 8), sums)
    order = torch.randperm(1024, generator=torch.Generator().manual_seed(0))
    shuffled = images.flatten(2)[:, :, order].view_as(images)
    assert torch.equal(joint_histogram(shuffled), joint)
    assert not torch.equal(joint_histogram(images.flip(1)), joint)


def test_images_larger_than_a_chunk() -> None:
    value = torch.tensor([0, 255, 7], dtype=torch.uint8).view(1, 3, 1, 1).expand(2, 3, 600, 600)
    found = joint_histogram(value)
    assert found.shape == (2, 512)
    assert found[:, 7 * 8].tolist() == [1, 1]


def features_of(patches: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Patches shrunk to 4 x 4 pixels and a constant: features (N, 49) and histograms (N, 512) of train and test."""
    features = torch.nn.functional.avg_pool2d(patches[0].float(), 8).flatten(1)
    features = torch.cat([features, torch.ones(len(features), 1)], 1)
    histograms = joint_histogram(patches[0])
    return features[:400], histograms[:400], features[400:], histograms[400:]


@pytest.mark.parametrize("penalty", [1e-5, 1e-2, 10.0])
def test_decodability_is_scikit_learns_ridge(patches: tuple[Tensor, Tensor], penalty: float) -> None:
    train, histograms, test, test_histograms = features_of(patches)
    scaler = StandardScaler().fit(train.double())
    model = Ridge(penalty * len(train), solver="cholesky").fit(scaler.transform(train.double()), histograms.double())
    predicted = model.predict(scaler.transform(test.double()))
    expected = r2_score(test_histograms.double(), predicted, multioutput="variance_weighted")
    found = histogram_decodability(train, histograms, test, test_histograms, penalties=(penalty,))
    assert found.r2 == pytest.approx(expected, abs=1e-8)
    assert found.penalty == penalty


def test_the_penalty_minimises_generalised_cross_validation(patches: tuple[Tensor, Tensor]) -> None:
    train, histograms, test, test_histograms = features_of(patches)
    x = StandardScaler().fit_transform(train.double())
    y = (histograms - histograms.mean(0)).double().numpy()
    scores = {}
    for penalty in RIDGE_PENALTIES:
        hat = x @ np.linalg.solve(x.T @ x + 400 * penalty * np.eye(x.shape[1]), x.T) + 1 / 400
        residual = y - hat @ y
        scores[penalty] = 400 * (residual**2).sum() / np.trace(np.eye(400) - hat) ** 2
    found = histogram_decodability(train, histograms, test, test_histograms)
    assert found.penalty == min(scores, key=lambda penalty: scores[penalty])
    assert 1e-6 < found.penalty < 10
    assert 0.1 < found.r2 < 1


def test_histograms_tell_themselves_and_constants_tell_nothing(patches: tuple[Tensor, Tensor]) -> None:
    _, histograms, _, test_histograms = features_of(patches)
    occupied = histograms.std(0) > 0
    itself = histogram_decodability(
        histograms[:, occupied], histograms[:, occupied], test_histograms[:, occupied], test_histograms[:, occupied]
    )
    assert itself.r2 > 0.99
    constant = torch.full((400, 3), 0.1), torch.full((120, 3), 0.1)
    nothing = histogram_decodability(constant[0], histograms, constant[1], test_histograms)
    assert -0.1 < nothing.r2 <= 0


def test_equal_histograms_cannot_be_told_apart(digits: Any) -> None:
    equal = torch.full((900, 512), 1 / 512), torch.full((597, 512), 1 / 512)
    assert math.isnan(histogram_decodability(digits.train, equal[0], digits.test, equal[1]).r2)
