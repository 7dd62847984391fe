"""What a plan ran on, in words: data, encoder, seeds, versions. Nothing here names a folder of some machine."""

import re
from collections.abc import Iterable
from typing import Any

from barlowcli.arms import Records
from barlowcli.plan import Plan
from barlowcli.settings import CellConfig
from barlowcli.statistics import MIN_SEEDS
from barlowcli.wording import listing

SEEDS_FOR_A_VERDICT = 5
"""Fewer only screen: three seeds already give an interval, but a wide and shaky one."""


def setting(plan: Plan, records: Records) -> str:
    """One phrase: "colour-digits, 16 x 16 pixels, 3,600 training images, encoder small, 8 epochs, 3 seeds"."""
    configs = [cell.config for cell in plan.cells if not cell.control] or [cell.config for cell in plan.cells]
    counts = [record.counts for record in records.values()]
    parts = [
        _distinct(_data_name(config) for config in configs),
        _distinct(_size(config) for config in configs),
        _distinct(f"{count['train']:,} training images" for count in counts if "train" in count),
        _distinct(f"encoder {config.encoder.name}" for config in configs if config.encoder),
        _distinct(f"{config.training.epochs} epochs" for config in configs if config.training),
        _seeds(plan),
    ]
    return ", ".join(part for part in parts if part)


def caveats(plan: Plan) -> list[str]:
    """How far what was found may be trusted, in sentences."""
    seeds, found = len({cell.seed for cell in plan.cells}), []
    if seeds < SEEDS_FOR_A_VERDICT:
        can = "can screen" if seeds >= MIN_SEEDS else "can decide nothing"
        found.append(
            f"{_seeds(plan)} {can}; for a verdict to build on take {SEEDS_FOR_A_VERDICT} or more "
            f"(--seeds {SEEDS_FOR_A_VERDICT})."
        )
    configs = [cell.config for cell in plan.cells]
    data, size = _distinct(map(_data_name, configs)), _distinct(map(_size, configs))
    encoder = _distinct(config.encoder.name for config in configs if config.encoder)
    measured = ", ".join(part for part in (data, size, f"encoder {encoder}" if encoder else "") if part)
    return [*found, f"All this was measured on {measured}; other data and larger networks may differ."]


def _seeds(plan: Plan) -> str:
    seeds = len({cell.seed for cell in plan.cells})
    return f"{seeds} seed{'s' * (seeds != 1)}"


def _size(config: CellConfig) -> str:
    side = config.data.image_size
    return f"{side} x {side} pixels" if side else ""


def provenance(records: Records) -> list[tuple[str, str]]:
    """Label and value of what the records say of device, code and versions; several values where they differ."""
    rows = [record.provenance for record in records.values()]
    found = [
        ("device", _distinct(_joined(row, "device", "device_name") for row in rows)),
        ("barlow", _distinct(str(row["barlow"]) for row in rows if row.get("barlow"))),
        ("commit", _distinct(str(row["commit"]) for row in rows if row.get("commit"))),
        ("Python", _distinct(_joined(row, "python", "platform") for row in rows)),
    ]
    packages = dict.fromkeys(name for row in rows for name in row.get("versions", {}))
    found += [(name, _distinct(str(row.get("versions", {}).get(name, "")) for row in rows)) for name in packages]
    return [(label, value) for label, value in found if value]


def without_folders(text: str) -> str:
    """`text` with the folders of absolute paths cut away: "/home/me/cats/1.png" -> "…/1.png"."""
    return re.sub(r"(?<![\w./])/(?:[^\s/:'\"`]+/)+", "…/", text)


def _data_name(config: CellConfig) -> str:
    source, colon, path = config.data.name.partition(":")
    return f"{source}{colon}{path.rstrip('/').rpartition('/')[2]}"


def _joined(row: dict[str, Any], first: str, second: str) -> str:
    values = [str(row[name]) for name in (first, second) if row.get(name)]
    return f"{values[0]} ({values[1]})" if len(values) > 1 else "".join(values)


def _distinct(values: Iterable[str]) -> str:
    return listing((value for value in dict.fromkeys(values) if value), limit=6)
