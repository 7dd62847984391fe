"""The classes that neighbours elect and how often they are right, of the pieces that a record is made with."""

from collections.abc import Sequence

from torch import Tensor

from barlowcli.evaluation.knn import nearest, vote


def knn_predict(
    train: Tensor, labels: Tensor, test: Tensor, *, k: int, temperature: float | None, classes: int
) -> Tensor:
    """Classes, int64 (M,), of test (M, F) by the k nearest of train (N, F) with labels int64 (N,)."""
    similarities, index = nearest(train, test, k=k)
    return vote(similarities, labels[index], ks=[k], temperature=temperature, classes=classes)[k]


def knn_accuracies(
    train: Tensor,
    labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    *,
    ks: Sequence[int],
    temperature: float | None,
    classes: int,
) -> dict[int, float]:
    """Accuracy in [0, 1] for every k of `ks`."""
    similarities, index = nearest(train, test, k=max(ks))
    elected = vote(similarities, labels[index], ks=ks, temperature=temperature, classes=classes)
    return {k: (elected[k] == test_labels).double().mean().item() for k in ks}
