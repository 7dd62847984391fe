import pytest

from barlowcli.data.paths import split_meant, split_name_of

NAMES = {
    "train": "train Train TRAIN training Training_Set train_set train-set trainset TrainSet seg_train train_images "
    "trainImages trainval train_val images-train imgs_train traindata TRAINING ｔｒａｉｎ",
    "validation": "val Val valid Validation dev dev_set val-images development valset seg_val",
    "test": "Test TESTING test_set testset seg_test test-images eval Evaluation held-out holdout TestData",
}


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
        ("tests", "test"),
        ("trn", "train"),
        ("tst", "test"),
        ("tr", None),
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


@pytest.mark.parametrize("split", NAMES)
def test_usual_names_in_any_spelling(split: str) -> None:
    for name in [*NAMES[split].split(), f"{split} set"]:
        assert split_meant(name) == split, name


@pytest.mark.parametrize(
    "name",
    ["trainer", "trains", "testimonials", "contest", "invalid", "valley", "device", "train_test", "train_station", "é"],
)
def test_other_words_are_no_splits(name: str) -> None:
    assert split_meant(name) is None


def test_what_stands_beside_the_split() -> None:
    assert split_name_of("flowers-test") == ("test", ("flowers",))
    assert split_name_of("train2017") == ("train", ("2017",))
    assert split_name_of("ILSVRC2012_img_val") == ("validation", ("ilsvrc", "2012"))
    assert split_name_of("trainA") == ("train", ("a",))
    assert split_name_of("train_test") == (None, ("train", "test"))
    assert split_name_of("cat") == (None, ("cat",))
