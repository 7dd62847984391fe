"""The forms of the files that barlow reads back or others read: fields, their types, and what they cannot lack."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from pydantic import BaseModel
from safetensors import safe_open
from torch import nn

from barlowcli.analysis.results import Results
from barlowcli.cell.encoder_file import ENCODER_SCHEMA, save_encoder
from barlowcli.methods.base import Output
from barlowcli.methods.random_init import RandomInit
from barlowcli.plan.plan import Plan
from barlowcli.records.files import SCHEMA
from barlowcli.records.folder import CellFolder
from barlowcli.records.logs import LOG_SCHEMA
from barlowcli.records.record import Record
from barlowcli.registry import METHODS
from barlowcli.settings.any_method import settings_of
from barlowcli.training.checkpoint import CHECKPOINT_SCHEMA, Checkpoint
from barlowcli.training.log import TrainingLog
from barlowcli.training.step import Row
from barlowcli.verdicts import judge
from barlowcli.verdicts.document import verdict_document
from barlowcli.verdicts.findings import draw_together
from tests.synthetic_results import BEYOND, quick_plan, records_of

OLD = Path(__file__).parent
KEPT = OLD / "forms.json"
SCHEMAS = {
    "plan.json": "SCHEMA in records.py",
    "record.json": "SCHEMA in records.py",
    "verdict.json": "SCHEMA in records.py",
    "metrics.jsonl": "LOG_SCHEMA in logs.py",
    "checkpoint.pt": "CHECKPOINT_SCHEMA in training.py",
    "encoder.safetensors": "ENCODER_SCHEMA in cell.py",
}
"""File -> the constant that is its version."""
TOLD = ("type", "enum", "const", "anyOf", "oneOf", "items", "prefixItems", "additionalProperties", "$ref", "pattern")
BOUNDS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
)
"""What of a JSON schema decides whether a value is taken; titles, descriptions and defaults do not."""


def forms() -> dict[str, dict[str, Any]]:
    """File -> its version, and field -> type of every field."""
    with TemporaryDirectory() as folder:
        made = by_hand(Path(folder))
    versions = {"metrics.jsonl": LOG_SCHEMA, "checkpoint.pt": CHECKPOINT_SCHEMA, "encoder.safetensors": ENCODER_SCHEMA}
    plan = dict(sorted({**model_fields(Plan), **method_fields()}.items()))
    fields = {"plan.json": plan, "record.json": model_fields(Record), **made}
    return {name: {"schema": versions.get(name, SCHEMA), "fields": fields[name]} for name in SCHEMAS}


def model_fields(model: type[BaseModel]) -> dict[str, str]:
    """Model.field -> what it may be, of a model and all those in it."""
    schema = model.model_json_schema()
    found = {}
    for name, part in {model.__name__: schema, **schema.get("$defs", {})}.items():
        for field, value in part.get("properties", {}).items():
            required = ", required" if field in part.get("required", []) else ""
            found[f"{name}.{field}"] = json.dumps(essence(value), sort_keys=True) + required
    return dict(sorted(found.items()))


def method_fields() -> dict[str, str]:
    """The same of all methods' settings, and of the cell's setting that is one of them."""
    kinds = sorted((settings_of(name) for name in METHODS.names()), key=lambda kind: not kind.trains)
    choice = {"oneOf": [{"$ref": f"#/$defs/{kind.__name__}"} for kind in kinds]}
    found = {"CellConfig.method": json.dumps(choice)}
    for kind in kinds:
        found |= model_fields(kind)
    return found


def essence(schema: Any) -> Any:
    """What of a JSON schema decides whether a value is taken."""
    if isinstance(schema, list):
        return [essence(part) for part in schema]
    if isinstance(schema, dict):
        return {name: essence(value) for name, value in schema.items() if name in (*TOLD, *BOUNDS)}
    return schema


def by_hand(folder: Path) -> dict[str, dict[str, str]]:
    """The same of the files that no model stands for, from small ones written to `folder`."""
    log = TrainingLog(folder / "metrics.jsonl", collapse_std=0.05)
    z = torch.ones(4, 2)
    log.add(1, Row.of(Output(torch.tensor(1.0), {}, (z, z))))
    log.end_epoch(1, 1, 0.1)
    log.add(2, Row.of(Output(torch.tensor(1.0), {}, (z, z))))
    network = nn.Linear(2, 2)
    Checkpoint(folder / "checkpoint.pt", network, torch.optim.SGD(network.parameters()), log).save(2)
    state = torch.load(folder / "checkpoint.pt", weights_only=True)
    state["method"] = state["optimizer"] = None  # torch's own
    return {
        "verdict.json": verdict_keys(),
        "metrics.jsonl": shape(json.loads((folder / "metrics.jsonl").read_text())),
        "checkpoint.pt": shape(state),
        "encoder.safetensors": encoder_shape(folder),
    }


def verdict_keys() -> dict[str, str]:
    """Keys of the document, of a claim and of a verdict in it."""
    plan = quick_plan()
    findings = draw_together(plan, judge(Results(plan, records_of(plan, BEYOND))))
    document = verdict_document(plan, findings, {}, partial=False)
    claim = document["claims"][0]
    levels = {"": document, "claims[].": claim, "claims[].verdicts[].": claim["verdicts"][0]}
    return {f"{level}{key}": "a key" for level, value in levels.items() for key in value}


def encoder_shape(folder: Path) -> dict[str, str]:
    """Prefixes of the tensors' names, and the metadata."""
    save_encoder(RandomInit(nn.Linear(2, 2), nn.Linear(2, 2)), CellFolder(folder))
    with safe_open(folder / "encoder.safetensors", "pt") as file:
        about = {name: json.loads(value) for name, value in file.metadata().items()}
        return shape(about) | {f"{name.partition('.')[0]}.*": "tensor" for name in sorted(file.keys())}


def shape(value: Any, name: str = "") -> dict[str, str]:
    """Dotted name -> type of every value in nested ones; of lists that of the first."""
    if isinstance(value, Mapping):
        parts = [shape(item, f"{name}.{key}" if name else str(key)) for key, item in value.items()]
        return {key: kind for part in parts for key, kind in part.items()}
    if isinstance(value, list) and value:
        return shape(value[0], f"{name}[]")
    return {name: type(value).__name__}
