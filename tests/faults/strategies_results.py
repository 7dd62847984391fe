"""Folders of results: damaged plans, records, logs and checkpoints, pickles with code in them."""

import functools
import io
import json
import math
import pickle
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis.strategies import DrawFn

from barlowcli.experiment.files import load_experiment
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.records.record import Record
from tests.faults.strategies import Case, change, damage

RECORD_KEYS = (
    "schema_version",
    "id",
    "status",
    "metrics",
    "config",
    "axes",
    "seed",
    "provenance",
    "hash",
    "cells",
    "extra",
)


@functools.cache
def plan_value() -> dict[str, Any]:
    """A small plan.json."""
    overrides = Overrides({"method": ["barlow"], "jitter": ["off"]}, {}, 1)
    plan = build_plan(load_experiment("shuffle-test"), "quick", overrides, on_cuda=False)
    return {"hash": plan.hash, **plan.model_dump(mode="json", by_alias=True)}


@functools.cache
def record_value() -> dict[str, Any]:
    """A record of the first cell of that plan."""
    cell = plan_value()["cells"][0]
    record = Record(
        id=cell["id"],
        experiment="shuffle-test",
        preset="quick",
        axes=cell["axes"],
        seed=0,
        status="ok",
        label_names={"label": "digit"},
        chance={"label": 0.1},
        metrics={"linear.h.none.label": 0.5},
        config=cell["config"],
    )
    return record.model_dump(mode="json")


def network() -> torch.nn.Module:
    """A network with everything that a checkpoint can hold."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))


@functools.cache
def checkpoint_state() -> dict[str, Any]:
    """What a checkpoint of `network` after three steps holds."""
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    for _ in range(3):
        optimizer.zero_grad()
        net(torch.ones(4, 3)).sum().backward()
        optimizer.step()
    log = {"rows": [{"loss": 1.0, "std": 0.5}], "collapsed_since": None, "unrelated_since": None}
    return {"step": 3, "method": net.state_dict(), "optimizer": optimizer.state_dict(), "log": log}


def saved(state: Any, *, zipped: bool = True) -> bytes:
    """A file as torch writes it, the present or the former kind."""
    stream = io.BytesIO()
    torch.save(state, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


class Bomb:
    """Code in a pickle."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return (exec, ("raise SystemExit('executed')",))


OTHERS: tuple[Any, ...] = (
    *(None, "x", -1, 1e30, [], torch.ones(2)),
    *({}, {"rows": 5}, {"rows": [1]}, {1: 2}, {"state": 1}, {"state": {}, "param_groups": [1]}),
)
"""What may stand in a checkpoint in the place of something else."""


@st.composite
def checkpoints(draw: DrawFn) -> bytes:
    """A checkpoint with damaged bytes, with other values in it, or a pickle with code."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return pickle.dumps(draw(st.sampled_from(({"step": 3, "method": Bomb()}, Bomb(), [Bomb()]))))
    if kind <= 4:
        return damage(draw, saved(checkpoint_state(), zipped=draw(st.booleans())))
    state = dict(checkpoint_state())
    for _ in range(draw(st.integers(1, 2))):
        key = draw(st.sampled_from(("step", "method", "optimizer", "log", "extra")))
        given = key == "log" and isinstance(state.get(key), dict)
        state[key] = change(draw, state[key], RECORD_KEYS) if given else draw(st.sampled_from(OTHERS))
        if draw(st.integers(0, 4)) == 0:
            del state[key]
    return saved(state)


def damaged_json(draw: DrawFn, value: Any) -> bytes:
    """JSON with values or bytes changed."""
    if draw(st.booleans()):
        return damage(draw, json.dumps(value).encode(), most=3)
    for _ in range(draw(st.integers(1, 3))):
        value = change(draw, value, RECORD_KEYS)
    return json.dumps(value).encode("utf-8", "replace")


@st.composite
def records(draw: DrawFn) -> Case:
    """A folder of results with a damaged record, plan, log or checkpoint."""
    cell = f"cells/{record_value()['id']}"
    files = {"plan.json": json.dumps(plan_value()).encode(), f"{cell}/record.json": json.dumps(record_value()).encode()}
    kind = draw(st.sampled_from(("record", "plan", "checkpoint", "log")))
    if kind == "record":
        files[f"{cell}/record.json"] = damaged_json(draw, record_value())
    elif kind == "plan":
        files["plan.json"] = damaged_json(draw, plan_value())
    else:
        if kind == "checkpoint" or draw(st.booleans()):
            right = saved(checkpoint_state())
            files[f"{cell}/checkpoint.pt"] = draw(checkpoints()) if kind == "checkpoint" else right
        lines = b'{"step": 1, "epoch": 1, "loss": 1.0}\n{"step": 5, "epoch": 2, "loss": 1.0}\n'
        files[f"{cell}/metrics.jsonl"] = damage(draw, lines) if kind == "log" else lines
    return Case(files)


def record_bombs() -> list[Case]:
    """Records and plans that are nested or long without end."""
    cell = f"cells/{record_value()['id']}"
    plan = json.dumps(plan_value()).encode()
    texts = [b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5000, b'{"schema_version": ' + b"1" * 5000 + b"}"]
    texts += [json.dumps({**record_value(), "metrics": {"linear.h.none.label": math.nan}}).encode(), b"\xff\xfe", b""]
    found = [Case({"plan.json": plan, f"{cell}/record.json": text}) for text in texts]
    found += [Case({"plan.json": text}) for text in texts]
    far = {**checkpoint_state(), "step": 10**30}
    found.append(Case({"plan.json": plan, f"{cell}/checkpoint.pt": saved(far)}))
    return found
