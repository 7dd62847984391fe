"""What a text spells, and what a field makes of it."""

import pytest

from barlowcli.settings.any_method import settings_of
from barlowcli.settings.cell import CellConfig
from barlowcli.settings.numbers import number_of, odd_spelling, whole_number_of
from barlowcli.settings.values import misread, read, read_all
from tests.settings.every_setting import STAGES


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.05", 0.05), (".05", 0.05), ("5.", 5.0), ("+5", 5), ("-5", -5), ("\N{MINUS SIGN}5", -5), ("1_000", 1000),
        ("1e3", 1000.0), ("1E-3", 0.001), ("0x10", 16), ("0b11", 3), ("５", 5), ("٥", 5), (" 7 ", 7), ("0", 0),
        ("05", None), ("0,05", None), ("1 000", None), ("1__0", None), ("_1", None), ("5²", None), ("½", None),
        ("inf", None), ("nan", None), ("1e999", None), ("", None), ("-", None), (".", None), ("e5", None),
        ("5%", None), ("1k", None), ("1" * 5000, None), ("0x", None), ("--5", None),
    ],
)  # fmt: skip
def test_a_number_is_read_by_its_value(text, value):
    found = number_of(text)
    assert found == value
    assert type(found) is type(value)


def test_a_whole_number_is_one_in_every_form():
    assert [whole_number_of(one) for one in ("1e3", 5.0, 7, "5.0")] == [1000, 5, 7, 5]
    assert [whole_number_of(one) for one in ("0.5", 0.5, True, "x", None, float("inf"), float("nan"))] == [None] * 7


def test_what_looks_like_a_number_is_told_why_it_is_none():
    assert "0.05" in odd_spelling("0,05")
    assert "no 0 before its digits" in odd_spelling("007")
    assert odd_spelling("seven") == odd_spelling("0.5") == odd_spelling("0") == ""


@pytest.mark.parametrize(
    ("key", "given", "value"),
    [
        ("training.lr", "5e-2", 0.05),
        ("training.lr", 1, 1.0),
        ("training.epochs", 3.0, 3),
        ("training.epochs", 3.5, 3.5),
        ("training.epochs_at", "ANY", "any"),
        ("training.epochs_at", "6e1", 60),
        ("training.precision", "BF16", "bf16"),
        ("training.clip_gradient", "None", None),
        ("data.name", "none", "none"),
        ("data.limit", "null", None),
        ("projector.hidden", "Tied", "tied"),
        ("projector.batch_norm", "off", False),
        ("views.jitter", True, "on"),
        ("views.grayscale", "false", "off"),
        ("views.crop_scale", "0.2,1", [0.2, 1.0]),
        ("views.blur", ["1", 0], [1.0, 0.0]),
        ("views.blur", [1, 0, 0], [1, 0, 0]),
        ("evaluation.domains", "none,pixels", ["none", "pixels"]),
        ("evaluation.knn_k", "[5]", [5]),
        ("method.lambda", ".005", 0.005),
        ("method.tau_at", "64.0", 64),
        ("nowhere.at_all", "5", "5"),
        ("seed", "5", "5"),
    ],
)
def test_a_value_is_what_its_field_makes_of_it(key, given, value):
    found = read(key, given)
    assert found == value
    assert type(found) is type(value)


def test_values_in_their_own_type_stay_as_they_are():
    for key, (value, _, _) in STAGES.items():
        assert read(key, value) == value, key
    default = CellConfig().model_dump(mode="json", by_alias=True)
    tables = {section: table for section, table in default.items() if isinstance(table, dict)}
    assert read_all(tables, ["barlow"]) == tables
    assert settings_of("barlow").model_validate(read_all(tables, ["barlow"])["method"])


def test_what_a_field_would_take_for_another_number_is_named():
    assert misread("training.lr", True) == "training.lr: expected a number, got true"
    assert "got '05'" in misread("training.lr", "05")
    assert misread("evaluation.mlp", True) == misread("data.name", "05") == misread("training.lr", 0.5) == ""
