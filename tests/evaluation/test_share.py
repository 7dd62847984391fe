"""The operations that `bench/evaluation_share.py` counts are those that the probes are seen to do."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from barlowcli.evaluation import linear, rank, ridge, spectrum
from barlowcli.evaluation.linear import fit_linear_probe
from barlowcli.evaluation.rank import rankme
from barlowcli.evaluation.ridge import fit_ridge
from bench import evaluation_share as share
from bench.evaluation_share import CIFAR, DOUBLE, SINGLE, Sizes, configs, counted, shares

WIDTH, TARGETS, CLASSES = 60, 7, 3
PRODUCTS = {torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.addmm_}


class Seen(TorchDispatchMode):
    """Operations of matrix products while it is entered, by the precision of what they give."""

    def __init__(self) -> None:
        super().__init__()
        self.count = {SINGLE: 0, DOUBLE: 0}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The product itself, counted."""
        found = func(*args, **(kwargs or {}))
        if func._overloadpacket in PRODUCTS:
            kind = DOUBLE if found.dtype == torch.float64 else SINGLE
            self.count[kind] += 2 * found.numel() * args[-2].shape[1]
        return found


def seen(work: Callable[[], object]) -> dict[str, int]:
    mode = Seen()
    with mode:
        work()
    return mode.count


@pytest.fixture(params=[WIDTH, 40, 20], ids=["narrow", "wide, few rows", "wide"])
def rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Training images; nothing wider than 60, or 30, is decomposed, and decompositions count for nothing."""
    widest = WIDTH if request.param == WIDTH else 30
    for module in (spectrum, linear, ridge, share):
        monkeypatch.setattr(module, "WIDEST", widest)
    for module, name in ((linear, "LEADING"), (rank, "LEADING"), (share, "LEADING"), (share, "LEADING_OF_RANK")):
        monkeypatch.setattr(module, name, 8)
    for name in ("EIGH", "EIGVALSH", "CHOLESKY", "QR", "RIDGE_PENALTIES"):
        monkeypatch.setattr(share, name, 0)
    monkeypatch.setattr(share, "TARGETS", TARGETS)
    for module in (spectrum, share):
        monkeypatch.setattr(module, "STEPS", 10)
    return {WIDTH: 400, 40: 45, 20: 400}[request.param]


def test_the_ridge(rows: int) -> None:
    train, test = torch.randn(rows, WIDTH), torch.randn(100, WIDTH)
    targets = torch.randn(rows, TARGETS)
    found = seen(lambda: fit_ridge(train, targets, penalties=(1.0,)).predict(test))
    expected = share.ridge(Sizes(rows, 0, 100, CLASSES), WIDTH)
    assert found[DOUBLE] == pytest.approx(expected[DOUBLE], rel=0.05)
    assert found[SINGLE] == 0


def test_rankme(rows: int) -> None:
    found = seen(lambda: rankme(torch.randn(rows, WIDTH)))
    assert found[DOUBLE] == pytest.approx(share.rank(Sizes(0, 0, rows, CLASSES), WIDTH)[DOUBLE], rel=0.05)


def test_a_linear_probe(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {"products": 0, "newton": 0}
    product, gradient = linear._Objective.hessian_product, linear._Objective.gradient

    def counted_product(*given: Any) -> Any:
        taken["products"] += 1
        return product(*given)

    def counted_gradient(*given: Any) -> Any:
        taken["newton"] += 1
        return gradient(*given)

    monkeypatch.setattr(linear._Objective, "hessian_product", counted_product)
    monkeypatch.setattr(linear._Objective, "gradient", counted_gradient)
    train = torch.randn(rows, WIDTH)
    labels = (train[:, 0] > 0).long() + (train[:, 1] > 1).long()
    given = (train, labels, train[:10], labels[:10])
    found = seen(lambda: fit_linear_probe(*given, classes=CLASSES, penalties=(1e-2, 1e-3)))
    expected = share.linear(Sizes(rows, 10, 10, CLASSES), WIDTH, **taken)
    assert taken["products"] > 10
    assert found[SINGLE] == pytest.approx(expected[SINGLE], rel=0.15)


def test_evaluation_is_a_tenth_of_the_cell_at_most_by_the_count() -> None:
    for config in configs([2048, 16_384]).values():
        assert shares(counted(config, CIFAR))["count"] < share.BOUND
