import pytest

from barlowcli.analysis.statistics import Interval
from barlowcli.analysis.wording import (
    arm_name,
    axis_value,
    data_name,
    label_name,
    listing,
    method_name,
    metric_name,
    p_value,
    percent,
    points,
    span,
    with_article,
)


@pytest.mark.parametrize(
    ("axis", "value", "words"),
    [
        ("method", "barlow", "Barlow Twins"),
        ("method", "random-init", "untrained encoder"),
        ("method", "mine", "mine"),
        ("shuffle", "pixels", "shuffled"),
        ("shuffle", "patch-4", "patch-4"),
        ("jitter", "off", "jitter off"),
        ("grayscale", "on", "greyscale on"),
        ("dims", "64", "D = 64"),
    ],
)
def test_axis_values_in_words(axis: str, value: str, words: str) -> None:
    assert axis_value(axis, value) == words


def test_arms_leave_out_what_has_no_meaning_for_them() -> None:
    axes = {"method": "random-init", "shuffle": "-", "jitter": "-"}
    assert arm_name(axes, axes) == "untrained encoder"
    assert arm_name({"method": "byol", "jitter": "on"}, ["jitter", "dims"]) == "jitter on"
    assert arm_name(axes, []) == "all cells"


def test_metrics_and_labels() -> None:
    assert metric_name("knn50.joint.none.label") == "kNN (k = 50) on joint RGB histograms"
    assert metric_name("linear.h.pixels.label") == "linear probe of h"
    assert label_name("label", {}) == "class"
    assert label_name("label", {"label": "digit"}) == "digit"
    assert method_name("simclr") == "SimCLR"


def test_numbers() -> None:
    assert (percent(0.43149), points(-0.051), points(0.121)) == ("43.1 %", "-5.1 points", "+12.1 points")
    assert [p_value(p) for p in (0.0004, 0.0324, 1.0)] == ["p < .001", "p = .032", "p = 1.000"]
    ends = Interval(0.12, 0.103, 0.139, 3, 0.01, 0.9)
    assert span(ends, signed=True) == "90 % interval +10.3 to +13.9"
    assert span(ends, signed=False) == "90 % interval 10.3 to 13.9"
    assert span(Interval(0.1, None, None, 2, None), signed=True) == ""


def test_data_go_by_the_name_of_what_they_are() -> None:
    names = ["cifar10", "parquet:/data/cifar10-jpeg/", "parquet:cifar10-jpeg", "folder:/home/me/cats/"]
    assert [data_name(name) for name in names] == ["cifar10", "CIFAR-10 (JPEG)", "CIFAR-10 (JPEG)", "cats"]


def test_controls_have_an_article_and_arms_have_none() -> None:
    assert with_article("untrained encoder on intact images") == "an untrained encoder on intact images"
    assert with_article("supervised encoder, shuffled") == "a supervised encoder, shuffled"
    assert with_article("intact, jitter off") == "intact, jitter off"


def test_long_listings_are_cut() -> None:
    assert listing(["a", "b"]) == "a, b"
    assert listing("abcdef", limit=2, separator="; ") == "a; b and 4 more"
