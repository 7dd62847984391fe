from typing import Any

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from barlowcli.evaluation.knn import nearest, vote
from tests.evaluation.neighbours import knn_accuracies, knn_predict


@pytest.mark.parametrize("k", [1, 7, 20, 200])
def test_majority_vote_is_that_of_scikit_learn(digits: Any, k: int) -> None:
    oracle = KNeighborsClassifier(k, metric="cosine", algorithm="brute").fit(digits.train, digits.labels)
    found = knn_predict(digits.train, digits.labels, digits.test, k=k, temperature=None, classes=10)
    assert np.array_equal(found, oracle.predict(digits.test))


@pytest.mark.parametrize("temperature", [0.02, 0.1, 1.0])
def test_weighted_vote_is_that_of_scikit_learn_with_wu_weights(digits: Any, temperature: float) -> None:
    def weights(distance: Any) -> Any:
        return np.exp((1 - distance) / temperature)

    oracle = KNeighborsClassifier(200, metric="cosine", algorithm="brute", weights=weights)
    oracle.fit(digits.train, digits.labels)
    found = knn_predict(digits.train, digits.labels, digits.test, k=200, temperature=temperature, classes=10)
    assert np.array_equal(found, oracle.predict(digits.test))


def test_hellinger_is_the_euclidean_distance_of_square_roots(digits: Any) -> None:
    train, test = (x / x.sum(1, keepdim=True) for x in (digits.train, digits.test))

    def weights(distance: Any) -> Any:
        return np.exp((1 - distance**2 / 2) / 0.1)

    oracle = KNeighborsClassifier(50, metric="euclidean", algorithm="brute", weights=weights)
    oracle.fit(train.sqrt(), digits.labels)
    found = knn_predict(train.sqrt(), digits.labels, test.sqrt(), k=50, temperature=0.1, classes=10)
    assert np.array_equal(found, oracle.predict(test.sqrt()))
    cosine = knn_predict(train, digits.labels, test, k=50, temperature=0.1, classes=10)
    assert not torch.equal(found, cosine)


def test_several_k_at_once_are_each_alone(digits: Any) -> None:
    train = (digits.train.float(), digits.labels)
    together = knn_accuracies(
        *train, digits.test.float(), digits.test_labels, ks=(200, 1, 20), temperature=0.1, classes=10
    )
    assert list(together) == [200, 1, 20]
    for k, accuracy in together.items():
        alone = knn_predict(*train, digits.test.float(), k=k, temperature=0.1, classes=10)
        assert accuracy == (alone == digits.test_labels).double().mean().item()
    assert together[1] > 0.9
    assert len(set(together.values())) > 1


@pytest.mark.parametrize("temperature", [None, 0.1])
def test_k_above_n_counts_all_of_train(digits: Any, temperature: float | None) -> None:
    train = (digits.train[:30], digits.labels[:30])
    found = knn_accuracies(
        *train, digits.test, digits.test_labels, ks=(5, 30, 200), temperature=temperature, classes=10
    )
    assert found[200] == found[30] != found[5]


def test_chunks_change_nothing(digits: Any) -> None:
    whole = nearest(digits.train, digits.test, k=20)
    parts = nearest(digits.train, digits.test, k=20, chunk=7 * len(digits.train))
    one_by_one = nearest(digits.train, digits.test, k=20, chunk=1)
    assert torch.equal(whole[1], parts[1])
    assert torch.equal(whole[1], one_by_one[1])
    torch.testing.assert_close(whole[0], parts[0])


def test_a_tiny_temperature_follows_the_nearest_neighbour(digits: Any) -> None:
    train = (digits.train.float(), digits.labels)
    cold = knn_predict(*train, digits.test.float(), k=50, temperature=1e-5, classes=10)
    assert torch.equal(cold, knn_predict(*train, digits.test.float(), k=1, temperature=0.1, classes=10))


def test_the_lowest_class_wins_a_tie_and_the_order_of_votes_is_none() -> None:
    similarities = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.9, 0.9, 0.3, 0.3]])
    neighbours = torch.tensor([[3, 1, 1, 3], [2, 0, 1, 1]])
    for temperature in (None, 0.1):
        elected = vote(similarities, neighbours, ks=[2, 4], temperature=temperature, classes=4)
        assert elected[2].tolist() == [1, 0]
    assert elected[4].tolist() == [1, 0]
    assert vote(similarities, neighbours, ks=[4], temperature=None, classes=4)[4].tolist() == [1, 1]
