from typing import Any

import numpy as np
import pytest
import torch

from barlowcli.evaluation.rank import embedding_std, rankme, view_correlation


def test_rankme_is_the_published_formula(digits: Any) -> None:
    for features in (digits.train, digits.train[:40], digits.train.float()):
        singular = np.linalg.svd(features.double().numpy(), compute_uv=False)
        p = singular / singular.sum() + 1e-7
        assert rankme(features) == pytest.approx(np.exp(-(p * np.log(p)).sum()), rel=1e-5)


def test_rankme_lies_between_one_and_the_smaller_side() -> None:
    generator = torch.Generator().manual_seed(0)
    line = torch.randn(200, 1, generator=generator) @ torch.randn(1, 32, generator=generator)
    assert rankme(line) == pytest.approx(1, abs=1e-3)
    assert rankme(torch.eye(32)) == pytest.approx(32, rel=1e-4)
    assert 30 < rankme(torch.randn(2000, 32, generator=generator)) < 32.001
    assert rankme(torch.randn(8, 32, generator=generator)) < 8.001


def test_embedding_std_is_one_when_isotropic_and_zero_when_collapsed() -> None:
    z = torch.randn(4000, 64, generator=torch.Generator().manual_seed(0))
    assert float(embedding_std(z)) == pytest.approx(1, abs=0.02)
    assert float(embedding_std(torch.ones(100, 64))) == pytest.approx(0, abs=1e-5)
    assert float(embedding_std(z + 100)) < 0.02


def test_embedding_std_is_numpys(digits: Any) -> None:
    z = digits.train.numpy() - 5
    unit = z / np.linalg.norm(z, axis=1, keepdims=True)
    assert float(embedding_std(torch.from_numpy(z))) == pytest.approx(unit.std(0).mean() * 8, rel=1e-5)
    half = embedding_std(torch.from_numpy(z).bfloat16())
    assert half.dtype == torch.float32
    assert float(half) == pytest.approx(unit.std(0).mean() * 8, rel=1e-2)


def test_embedding_std_compiles_into_one_graph(digits: Any) -> None:
    z = digits.train.float()
    compiled = torch.compile(embedding_std, backend="eager", fullgraph=True)
    assert torch.equal(compiled(z), embedding_std(z))


def test_view_correlation_is_pearsons_where_dimensions_have_one_spread() -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(200, 6, generator=generator)
    other = 0.6 * z + 0.8 * torch.randn(200, 6, generator=generator)
    z, other = ((x - x.mean(0)) / x.std(0) for x in (z, other))
    expected = np.mean([np.corrcoef(z[:, i], other[:, i])[0, 1] for i in range(6)])
    assert view_correlation(z, other).item() == pytest.approx(expected, rel=1e-5)
    assert view_correlation(3 * z + 1, 3 * z + 1).item() == pytest.approx(1, rel=1e-5)
    assert abs(view_correlation(z, z.roll(1, 0)).item()) < 0.1
    assert view_correlation(torch.ones(8, 3), torch.ones(8, 3)).item() == 0
