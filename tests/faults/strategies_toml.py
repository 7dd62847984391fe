"""Experiment files: characters or values changed, and what is small to write and endless to read or to run."""

import copy
import functools
import json
import tomllib
from collections.abc import Mapping
from typing import Any

import hypothesis.strategies as st
from hypothesis.strategies import DrawFn

from barlowcli.experiment.files import experiment_names, experiments_folder
from tests.faults.strategies import Case, change, damage, values

GOOD = """
title = "T"
question = "Q?"
[axes.method]
key = "method.name"
values = ["barlow", "byol"]
[presets.mini]
summary = "S"
cost = "C"
seeds = 2
settings.data = { name = "colour-digits", limit = 600 }
"""
"""A small experiment file that is right."""


def toml_text(value: Mapping[str, Any]) -> str:
    """Nested tables as TOML: a line a key, tables inside it inline."""
    return "".join(f"{_toml(key)} = {_toml(item)}\n" for key, item in value.items())


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_toml(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=value.isascii()).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, (bool, float)) else str(value)


TOML_KEYS = (
    *("name", "title", "extends", "settings", "fixed", "methods", "axes", "controls", "presets", "claims"),
    *("curve", "published", "screen", "tune", "overridable", "data", "views", "method", "encoder", "projector"),
    *("training", "evaluation", "seeds", "set", "follow", "data.name", "projector.dim", "training.epochs"),
    *("evaluation.domains", "views.shuffle"),
)
"""Keys that an experiment file has somewhere, and one that it has nowhere."""


SETTINGS = (
    *("data", "views", "method", "encoder", "projector", "training", "evaluation", "seed", "version", "unknown"),
    *("data.name", "data.limit", "data.fingerprint", "data.seed", "views.shuffle", "views.hue", "views.crop_scale"),
    *("method.name", "method.tau", "method.target", "encoder.name", "projector.dim", "projector.hidden"),
    *("training.epochs", "training.lr", "training.precision", "evaluation.domains", "evaluation.knn_k"),
)
PLACES = (
    *(("settings",), ("fixed",), ("methods", "byol"), ("methods", "nobody"), ("presets", "mini", "settings")),
    *(("presets", "mini", "methods", "byol"), ("presets", "mini", "methods", "barlow", "method")),
    *(("axes", "x", "values", "one"), ("presets", "quick", "settings"), ("presets", "quick", "methods", "barlow")),
)


@functools.cache
def experiment_files() -> tuple[str, ...]:
    """The text of the experiments that come with barlow, and of a small one."""
    paths = [experiments_folder() / f"{name}.toml" for name in experiment_names()]
    return (GOOD, *(path.read_text(encoding="utf-8") for path in paths))


@functools.cache
def small_tables() -> tuple[dict[str, Any], ...]:
    """Small experiments as nested tables, with everything that a file can have in one or the other."""
    claims = {"id": "c", "title": "t", "supported": "s", "refuted": "r", "inconclusive": "i"}
    claim = claims | {"test": "above", "arm": {"method": "barlow"}, "against": [{"method": "byol"}]}
    axes = {"target": {"values": {"on": {"method.target": "ema"}, "off": {"method.target": "shared"}}}}
    good = tomllib.loads(GOOD)
    curve = {"axis": "dims", "label": "D", "caption": "c"}
    dims = {"dims": {"key": "projector.dim", "values": [16, 32]}}
    published = {"file": "imagenet_projector_dim.csv", "axis": "dims", "reference": {"barlow": "8192"}}
    jitter = {"jitter": {"key": "views.jitter", "values": ["on", "off"]}}
    tune = {"per": ["jitter"], "values": {"training.lr": [0.1, 0.2]}}
    screen = {"axis": "jitter", "candidates": ["on"], "parents": ["off"]}
    methods = {"byol": {"method": {"tau": 0.9}}}
    return (
        good,
        good | {"axes": good["axes"] | axes, "claims": [claim], "controls": [{"set": {"method": "random-init"}}]},
        good | {"axes": good["axes"] | dims, "curve": curve, "published": published, "methods": methods},
        good | {"axes": jitter, "screen": screen, "tune": tune, "fixed": {"projector": {"dim": 64}}},
    )


def with_setting(draw: DrawFn, value: dict[str, Any]) -> dict[str, Any]:
    """An experiment with an odd value for a setting, in one of the places where settings stand."""
    place = draw(st.sampled_from(PLACES))
    setting = draw(st.sampled_from(SETTINGS))
    changed = copy.deepcopy(value)
    table = changed
    for key in place:
        table = table.setdefault(key, {})
        if not isinstance(table, dict):
            return changed
    table[setting] = draw(st.one_of(values(), st.sampled_from(({"name": 5}, {"name": []}, [], {}, "auto"))))
    return changed


@st.composite
def toml(draw: DrawFn) -> Case:
    """An experiment file: one that is right with characters or values changed, or no TOML at all."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return Case({"my.toml": draw(st.binary(max_size=200))})
    if kind <= 3:
        text = draw(st.sampled_from(experiment_files()))
        return Case({"my.toml": damage(draw, text.encode(), most=3)})
    value = draw(st.sampled_from(small_tables()))
    for _ in range(draw(st.integers(1, 3))):
        value = change(draw, value, TOML_KEYS) if kind <= 6 else with_setting(draw, value)
    return Case({"my.toml": toml_text(value).encode("utf-8", "replace")})


def toml_bombs() -> list[Case]:
    """What is small to write and endless to read, to plan or to run."""
    many = "".join(f'[axes.a{i}]\nkey = "views.flip"\nvalues = [0.1, 0.2, 0.3, 0.4, 0.5]\n' for i in range(12))
    texts = [
        "x = " + "[" * 100_000,
        "x = " + "[" * 10_000 + "]" * 10_000,
        "x = " + "{a = " * 10_000 + "1" + "}" * 10_000,
        ".".join(["a"] * 100_000) + " = 1",
        "[" + ".".join(["a"] * 20_000) + "]",
        ".".join(['"a"'] * 20_000) + " = 1",
        GOOD + '[presets.mini.settings]\n"' + ".".join(["a"] * 2000) + '" = 1',
        "x = " + "1" * 5000,
        "x = 0x" + "f" * 50_000,
        f"title = {10**4000}\n",
        GOOD.replace("seeds = 2", "seeds = 1000000000"),
        GOOD.replace("seeds = 2", f"seeds = {2**63 - 1}"),
        GOOD + many,
        GOOD + "notes = [" + "1, " * 50_000 + "]",
        GOOD + "".join(f"key{i} = 1\n" for i in range(15_000)),
        "x" * 2**21,
        GOOD + "#" * 2**20,
    ]
    return [Case({"my.toml": text.encode()}) for text in texts]
