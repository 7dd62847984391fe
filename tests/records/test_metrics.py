import pytest

from barlowcli.records.metrics import OWN, Metric


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("linear.h.pixels.label", Metric("linear", "h", "pixels", "label")),
        ("knn50.joint.none.colour", Metric("knn50", "joint", "none", "colour")),
        ("linear.target-z.equalise+pixels.label", Metric("linear", "target-z", "equalise+pixels", "label")),
        ("rankme.h.none", Metric("rankme", "h", "none")),
        ("matching", Metric("matching")),
    ],
)
def test_a_name_is_read_and_written_back(name, metric):
    assert Metric.read(name) == metric
    assert str(metric) == name


def test_only_an_accuracy_in_the_arms_domain_is_its_own():
    own = Metric.read("linear.h.pixels.label").owned("pixels")
    assert own == Metric("linear", "h", OWN, "label")
    assert own.within("none") == Metric.read("linear.h.none.label")
    assert Metric.read("linear.h.none.label").owned("pixels") is None
    assert Metric.read("rankme.h.pixels").owned("pixels") is None
    assert Metric.read("linear.target-h.none.label").of_target
