"""What no change of the layout may change: the ids of all shipped cells, and reports rebuilt from kept results."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib

from barlowcli.experiment.files import experiment_names, load_experiment
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan
from barlowcli.report import write_report
from barlowcli.settings.cell import digest
from tests.synthetic_results import BEYOND, SUFFICE, quick_plan, records_of, write_results

HELD = Path(__file__).parent
IDS, REPORTS = HELD / "ids.json", HELD / "reports.json"
ROOT = HELD.parents[1]
PICTURE = re.compile(rb'data:image/svg\+xml;base64,[^"]*')
FLAGS: dict[str, tuple[str, str, dict[str, list[str]], dict[str, Any], int | None]] = {
    "jitter off": ("shuffle-test", "quick", {"jitter": ["off"]}, {}, None),
    "all arms": (
        "shuffle-test",
        "quick",
        {"shuffle": ["none", "pixels", "pixels-image", "fixed", "patch-2", "patch-4", "channels", "equalise"]},
        {},
        1,
    ),
    "greyscale apart": ("shuffle-test", "quick", {"grayscale": ["on", "off"], "jitter": ["off"]}, {}, 2),
    "histogram jitter": ("shuffle-test", "quick", {"jitter": ["histogram", "on"]}, {"evaluation.target": True}, 1),
    "dims and data": ("dims", "quick", {"dims": ["16", "32"]}, {"data.limit": 300, "training.epochs": 1}, 2),
    "tied width": (
        "shuffle-test",
        "cifar10",
        {"dims": ["64"]},
        {"projector.hidden": "tied", "training.optimizer": "lars"},
        1,
    ),
    "every method": (
        "shuffle-test",
        "quick",
        {"method": ["barlow", "byol", "simclr", "vicreg", "simsiam"]},
        {"method.target": "ema", "training.batch_size": 32},
        1,
    ),
    "settings that do nothing": ("shuffle-test", "cifar10-small", {"method": ["byol"]}, {"views.blur": [1.0, 0.1]}, 1),
}
"""Name -> experiment, preset, axes, settings, seeds of a run with flags."""


def form_of(plan: Plan) -> dict[str, Any]:
    """Number of cells, base and hash of a plan, and a digest of id, axes, seed and kind of every cell."""
    value = plan.model_dump(mode="json", by_alias=True)
    cells = [[cell["id"], cell["axes"], cell["seed"], cell["control"]] for cell in value["cells"]]
    return {"cells": len(cells), "base": value["base"], "hash": plan.hash, "digest": digest([cells, value["values"]])}


def ids() -> dict[str, dict[str, Any]]:
    """Run -> the form of its plan: every shipped experiment x preset, on a CPU and a GPU, and some with flags."""
    found = {}
    for name in experiment_names():
        spec = load_experiment(name)
        for preset in spec.presets:
            for device in ("cpu", "cuda"):
                plan = build_plan(spec, preset, Overrides(), on_cuda=device == "cuda")
                found[f"{name} {preset} {device}"] = form_of(plan)
        if spec.screen is not None:
            plan = build_plan(spec, "quick", Overrides(), on_cuda=False, winner=spec.screen.candidates[1])
            found[f"{name} quick with a winner"] = form_of(plan)
    for name, (experiment, preset, axes, settings, seeds) in FLAGS.items():
        plan = build_plan(load_experiment(experiment), preset, Overrides(axes, settings, seeds), on_cuda=False)
        found[name] = form_of(plan)
    return found


def kept_results(folder: Path) -> Iterator[tuple[str, Path]]:
    """Name and a copy of each small result that is kept: committed references, old results, and made-up worlds."""
    for path in sorted((ROOT / "results" / "reference").glob("*/plan.json")):
        yield path.parent.name, Path(shutil.copytree(path.parent, folder / path.parent.name))
    yield "old", Path(shutil.copytree(ROOT / "tests" / "old" / "results-1", folder / "old"))
    for name, world in (("beyond", BEYOND), ("suffice", SUFFICE)):
        plan = quick_plan(axes={"shuffle": ["none", "pixels", "equalise"]} if name == "beyond" else None)
        records = records_of(plan, world)
        if name == "suffice":  # a report of a run that is not finished
            del records[plan.cells[0].id]
        write_results(folder / name, plan, records)
        yield name, folder / name


def digests(folder: Path) -> dict[str, str]:
    """File of a report -> digest of its bytes; of the page also without its pictures, which a font can change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "cells" not in path.parts:
            content = path.read_bytes()
            found[path.relative_to(folder).as_posix()] = sha(content)
            if path.suffix == ".html":
                found[f"{path.name} less pictures"] = sha(PICTURE.sub(b"", content))
    return found


def sha(content: bytes) -> str:
    """16 hex digits."""
    return hashlib.sha256(content).hexdigest()[:16]


def reports(folder: Path) -> dict[str, Any]:
    """Kept result -> files of its rebuilt report, with what is printed of it; and the version of matplotlib."""
    found: dict[str, Any] = {"matplotlib": matplotlib.__version__}
    for name, place in kept_results(folder):
        report = write_report(place)
        said = "\n".join(report.summary_lines).encode()
        found[name] = {**digests(place), "printed": sha(said)}
    return found


def is_picture(file: str) -> bool:
    """Whether another version of matplotlib may change the file."""
    return file.endswith((".svg", ".png", ".html"))


def differences(kept: Mapping[str, Any], now: Mapping[str, Any], *, pictures: bool) -> list[str]:
    """Result and file of everything that is not as it was kept."""
    return [
        f"{name}: {file}"
        for name in sorted({*kept, *now} - {"matplotlib"})
        for file in sorted({*kept.get(name, {}), *now.get(name, {})})
        if (pictures or not is_picture(file)) and kept.get(name, {}).get(file) != now.get(name, {}).get(file)
    ]


def write(path: Path, value: Any) -> None:
    """Keep `value` as JSON."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
