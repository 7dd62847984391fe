from typing import cast

import pytest

from barlowcli.analysis.statistics import Interval
from barlowcli.analysis.wording import (
    arm_name,
    data_name,
    label_name,
    listing,
    method_name,
    metric_name,
    p_value,
    percent,
    points,
    shuffle_name,
    span,
    value_name,
    with_article,
)
from barlowcli.entries import ControlEntry, MethodEntry
from barlowcli.experiment.axes import AXIS_KEYS, NOWHERE, Axis, AxisValue
from barlowcli.records.metrics import Metric
from barlowcli.registry import METHODS

AXES = {name: Axis(key=key, values=["a"]) for name, key in AXIS_KEYS.items()}
"""The axes that a flag adds."""


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
    assert value_name(AXES, axis, AxisValue((value,))) == words


def test_an_axis_says_its_values_in_its_own_words() -> None:
    axes = {
        "blur": Axis(key="views.blur", values=["on", "off"], says="blur is {value}", words={"off": "sharp"}),
        "arm": Axis(values={"two-views": {}, "one": {}}, says="{value}", words={"one": "one view"}),
        "start": Axis(values={"from-rest": {}}, says="{value}"),
        "teacher": Axis(key="method.name", values=["byol"], words={"byol": "the teacher"}),
    }
    said = [
        value_name(axes, name, value)
        for name, value in (("blur", "on"), ("blur", "off"), ("arm", "one"), ("start", "from-rest"))
    ]
    assert said == ["blur is on", "sharp", "one view", "from rest"]
    assert value_name(axes, "teacher", "byol") == "the teacher"
    assert value_name(axes, "blur", AxisValue(("on", "off"))) == "blur is on = sharp"


def test_without_words_an_axis_says_what_its_values_stand_for() -> None:
    axes = {
        "first": Axis(key="method.name", values=["byol"]),
        "images": Axis(key="views.shuffle", values=["none"]),
        "batch": Axis(key="training.batch_size", values=[64]),
        "arm": Axis(values={"two-views": {}}),
        "solar": Axis(values={"on": {}}),
        "lambda": Axis(values={"c/D": {}}),
        "method": Axis(values={"byol": {}}),
    }
    values = {"first": "byol", "images": "none", "batch": "64", "arm": "two-views", "solar": "on", "lambda": "c/D"}
    said = [value_name(axes, name, value) for name, value in values.items()]
    assert said == ["BYOL", "intact", "batch 64", "two views", "solar on", "λ c/D"]
    assert value_name(axes, "method", "byol") == "BYOL"


def test_arms_leave_out_what_has_no_meaning_for_them() -> None:
    at = {"method": AxisValue(("random-init",)), "shuffle": NOWHERE, "jitter": NOWHERE}
    assert arm_name(AXES, at, at) == "untrained encoder"
    trained = {"method": AxisValue(("byol",)), "jitter": AxisValue(("on",))}
    assert arm_name(AXES, trained, ["jitter", "dims"]) == "jitter on"
    assert arm_name(AXES, at, []) == "all cells"


def test_metrics_and_labels() -> None:
    assert metric_name(Metric.read("knn50.joint.none.label")) == "kNN (k = 50) on joint RGB histograms"
    assert metric_name(Metric.read("linear.h.pixels.label")) == "linear probe of h"
    assert metric_name(Metric.read("linear.h+joint.none.label")) == "linear probe of h and the joint histogram"
    assert metric_name(Metric.read("mlp.h.none.label")) == "small MLP of h"
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


def test_a_control_of_ones_own_has_its_words_from_its_line_in_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ControlEntry("", "control: grey", word="grey encoder", title="Grey encoder (G)", meaning="Sees no colour.")
    monkeypatch.setitem(cast(dict[str, MethodEntry], METHODS.entries), "grey", mine)
    assert method_name("grey") == "grey encoder"
    assert with_article("grey encoder, shuffled") == "a grey encoder, shuffled"
    assert with_article("grey, shuffled") == "grey, shuffled"


def test_shuffle_arms_go_by_their_words_else_by_their_names() -> None:
    names = ["none", "pixels", "equalise+pixels", "fixed", "patch-4", "mine"]
    assert [shuffle_name(name) for name in names] == ["intact", "shuffled", "equalised, shuffled", *names[3:]]
