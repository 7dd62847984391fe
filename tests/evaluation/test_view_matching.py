from typing import Any

import numpy as np
import pytest
import torch

from barlowcli.evaluation.matching import matching_accuracy


def test_it_is_a_brute_force_search(digits: Any) -> None:
    z_a = digits.train[:120].float() - 5
    z_b = z_a + 6 * torch.randn(z_a.shape, generator=torch.Generator().manual_seed(0))
    a, b = z_a.numpy(), z_b.numpy()
    hits = 0
    for one, other in ((a, b), (b, a)):
        for i, row in enumerate(one):
            cosine = [row @ x / np.linalg.norm(row) / np.linalg.norm(x) for x in other]
            hits += int(np.argmax(cosine)) == i
    found = matching_accuracy(z_a, z_b)
    assert 0.2 < found < 0.95
    assert found == pytest.approx(hits / 240)


def test_one_for_equal_views_and_chance_for_unrelated_or_constant_ones(digits: Any) -> None:
    z = digits.train[:256].float()
    assert matching_accuracy(z, 3 * z) == 1
    assert matching_accuracy(z, z.roll(1, 0)) == 0
    assert matching_accuracy(torch.ones(256, 8), torch.ones(256, 8)) == 1 / 256
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 2000, 16, generator=generator)
    assert matching_accuracy(a, b) < 5 / 2000
