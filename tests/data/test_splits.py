import pytest
import torch
from torch import Tensor

from barlowcli.data.draws import Stream
from barlowcli.data.splits import balanced_subset, carve, check_labels, class_list
from barlowcli.errors import DataError

CLASSES = ("ant", "bee", "cat", "dog")


def some_labels(sizes: tuple[int, ...] = (40, 3, 25, 12)) -> Tensor:
    labels = torch.cat([torch.full((size,), label) for label, size in enumerate(sizes)])
    return labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(1))]


def subset(labels: Tensor, count: int | None, seed: int = 0) -> Tensor:
    return balanced_subset(labels, count, seed, Stream.LIMIT, setting="data.limit")


def sizes_of(labels: Tensor) -> list[int]:
    return torch.bincount(labels, minlength=4).tolist()


@pytest.mark.parametrize(
    ("count", "expected"),
    [(4, [1, 1, 1, 1]), (8, [2, 2, 2, 2]), (30, [9, 3, 9, 9]), (41, [13, 3, 13, 12]), (80, [40, 3, 25, 12])],
)
def test_a_subset_is_as_even_as_the_classes_allow(count: int, expected: list[int]) -> None:
    labels = some_labels()
    rows = subset(labels, count)
    assert sizes_of(labels[rows]) == expected
    assert rows.tolist() == sorted(set(rows.tolist()))


def test_a_count_that_does_not_divide_is_even_to_one() -> None:
    labels = some_labels((20, 20, 20, 20))
    sizes = sizes_of(labels[subset(labels, 30)])
    assert sum(sizes) == 30
    assert max(sizes) - min(sizes) == 1


def test_no_count_or_a_large_one_is_everything() -> None:
    labels = some_labels()
    for count in (None, 80, 1000):
        assert torch.equal(subset(labels, count), torch.arange(80))


def test_smaller_subsets_lie_in_larger_ones_and_seeds_differ() -> None:
    labels = some_labels()
    assert set(subset(labels, 10).tolist()) < set(subset(labels, 33).tolist())
    assert len({tuple(subset(labels, 20, seed).tolist()) for seed in range(10)}) == 10


def test_subsets_are_uniform_over_the_rows_of_a_class() -> None:
    labels = torch.arange(2).repeat(10)
    drawn = torch.zeros(20)
    for seed in range(2000):
        drawn[subset(labels, 10, seed)] += 1
    assert (drawn - 1000).abs().max() < 5 * 500**0.5


def test_choices_depend_on_nothing_but_the_seed() -> None:
    labels = some_labels()
    torch.manual_seed(0)
    first = (subset(labels, 20), *carve(labels, 0.2, 5, Stream.TEST, classes=CLASSES, what="test"))
    torch.manual_seed(99)
    state = torch.get_rng_state()
    second = (subset(labels, 20), *carve(labels, 0.2, 5, Stream.TEST, classes=CLASSES, what="test"))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert torch.equal(torch.get_rng_state(), state)


def test_too_small_a_limit_names_the_setting_and_the_least() -> None:
    with pytest.raises(DataError) as caught:
        subset(some_labels(), 3)
    assert caught.value.message == "data.limit = 3 is less than the 4 classes"
    assert caught.value.hint == "--set data.limit=4 or more"


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(0.1, [4, 1, 2, 1]), (0.25, [10, 1, 6, 3]), (0.01, [1, 1, 1, 1]), (0.99, [39, 2, 24, 11])],
)
def test_carving_takes_the_fraction_of_every_class_and_leaves_one(fraction: float, expected: list[int]) -> None:
    labels = some_labels()
    kept, carved = carve(labels, fraction, 0, Stream.VALIDATION, classes=CLASSES, what="validation")
    assert sizes_of(labels[carved]) == expected
    assert sorted(kept.tolist() + carved.tolist()) == list(range(80))


def test_a_class_of_one_image_cannot_be_split() -> None:
    with pytest.raises(DataError) as caught:
        carve(some_labels((5, 1, 1, 9)), 0.1, 0, Stream.VALIDATION, classes=CLASSES, what="validation")
    assert caught.value.message == "too few images for a validation split: only one of `bee`, `cat`"
    assert "raise data.limit" in caught.value.hint


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([], CLASSES, "the test split has no images"),
        ([0, 1, 4], CLASSES, "label 4 in the test split is out of range: there are 4 classes, 0 to 3"),
        ([0, -1, 3], CLASSES, "label -1 in the test split is out of range: there are 4 classes, 0 to 3"),
        ([0, 0], ("ant",), "there is only one class, `ant`"),
        ([0, 3, 3], CLASSES, "the test split has no image of `bee`, `cat`"),
    ],
)
def test_labels_that_cannot_be_used_are_named(labels: list[int], classes: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError) as caught:
        check_labels(torch.tensor(labels, dtype=torch.int64), classes, "the test split")
    assert caught.value.message == message


def test_labels_are_good_as_long_as_every_class_has_one() -> None:
    labels = torch.tensor([3, 1, 0, 2, 3])
    check_labels(labels, CLASSES, "the train split")
    check_labels(labels[:4], CLASSES, "the train split")
    with pytest.raises(DataError, match="label 3 in the train split is out of range: there are 3 classes"):
        check_labels(labels, CLASSES[:3], "the train split")
    with pytest.raises(DataError, match="the train split has no image of `eel`"):
        check_labels(labels, (*CLASSES, "eel"), "the train split")


def test_long_lists_are_cut() -> None:
    assert class_list(["a", "b"]) == "a, b"
    assert class_list(list("abcdefgh")) == "a, b, c, d, e and 3 more"
