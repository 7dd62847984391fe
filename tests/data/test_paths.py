import pytest

from barlowcli.data.paths import split_meant


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("TRAIN", "train"),
        ("Training_Set", "train"),
        ("train-set", "train"),
        ("Val", "validation"),
        ("validation", "validation"),
        ("test set", "test"),
        ("testing", "test"),
        ("trainer", None),
        ("training_log", None),
        ("testimonials", None),
        ("validation_results", None),
        ("set", None),
        ("", None),
    ],
)
def test_the_split_that_a_name_means(name: str, split: str | None) -> None:
    assert split_meant(name) == split
