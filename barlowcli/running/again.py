"""A record's cell, ready to be run again, and whether its numbers came out the same. Never imports torch."""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from barlowcli.data.fingerprint import fingerprint_of
from barlowcli.errors import ConfigError, DataError, ResultsError
from barlowcli.experiment.axes import AxisValue
from barlowcli.machine.devices import Way, available, resolve
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.folder import CellFolder
from barlowcli.records.logs import read_log
from barlowcli.records.record import Record, read_record
from barlowcli.settings.cell import CellConfig, digest
from barlowcli.settings.mistakes import describe
from barlowcli.settings.tables import flatten, look_up


def find(path: Path) -> tuple[CellFolder, Record]:
    """The cell's folder and its record, from the path of either.

    Raises ResultsError where there is no record, it is damaged, or it is one without numbers.
    """
    folder = CellFolder.at(path)
    record = read_record(CellFolder(folder.path.resolve()))
    if record is None:
        raise ResultsError(
            f"no record at {path}",
            hint="expected a record.json or the folder it is in, results/EXPERIMENT/PRESET/cells/ID",
        )
    if not record.finished:
        raise ResultsError(
            f"{path} is the record of a cell that failed ({record.message}): there are no numbers to compare",
            hint=f"`barlow run {record.experiment} --preset {record.preset} --rerun failed` runs it again",
        )
    return folder, record


def cell_of(record: Record, dataset: str | None) -> PlannedCell:
    """The cell as it was planned, its images those of `dataset` (name, folder:PATH or parquet:PATH) if given.

    Raises ResultsError where this barlow computes such a config in another way or not at all, DataError where the
    record only says the last part of its images' path.
    """
    config = _config_of(record)
    name = dataset or config.data.name
    if dataset is None and ":" in name:
        raise DataError(
            f"the record's images are those of {name}, and where that lies on this machine it does not say",
            hint=f"--dataset {name.partition(':')[0]}:PATH, where PATH ends in {name.partition(':')[2]}",
        )
    data = config.data.model_copy(update={"name": name, "fingerprint": fingerprint_of(name)})
    return PlannedCell(
        id=record.id,
        at={name: AxisValue.read(text) for name, text in record.axes.items()},
        seed=record.seed,
        control=record.control,
        config=config.model_copy(update={"data": data}),
    )


def _config_of(record: Record) -> CellConfig:
    hint = f"the code that computes it: {origin(record.provenance)}"
    ours = CellConfig.model_fields["version"].default
    theirs = record.config.get("version")
    if theirs != ours:
        was = f"version {theirs}" if theirs else "no version"
        raise ResultsError(f"the record's config has {was}, this barlow computes version {ours}", hint=hint)
    try:
        return CellConfig.model_validate(record.config)
    except ValidationError as error:
        problem = describe(error, CellConfig)[0]
        raise ResultsError(f"the record's config is none that this barlow computes: {problem}", hint=hint) from error


def origin(provenance: Mapping[str, Any]) -> str:
    """What to install or check out to have the code of a record."""
    commit, _, dirty = str(provenance.get("commit") or "").partition("-")
    if not commit:
        return f"barlow {provenance.get('barlow', 'of an unknown version')}"
    return f"git checkout {commit[:12]}" + (", with changes that were not committed" if dirty else "")


def added(record: Record, config: CellConfig) -> list[str]:
    """Settings that came after the record and stand at their defaults."""
    return sorted(set(flatten(config.model_dump(mode="json", by_alias=True))) - set(flatten(record.config)))


def is_whole(record: Record) -> bool:
    """Whether the config is the one that the cell's id is the digest of."""
    value = copy.deepcopy(record.config)
    data = value.get("data")
    if isinstance(data, dict) and data.get("fingerprint"):
        data["name"] = str(data.get("name")).partition(":")[0]
    return digest(value) == record.id


def device_of(record: Record, asked: str) -> str:
    """The device to run on: `auto` is the record's own where there is one here. Raises BarlowError."""
    recorded = record.provenance.get("device")
    return str(recorded) if asked == "auto" and (recorded == "cpu" or recorded in available()) else resolve(asked)


def way_of(record: Record, device: str) -> Way | None:
    """How the record's training steps were taken; None where that is not said, or was on another device."""
    way = record.provenance.get("step")
    return Way(way) if way in list(Way) and device == record.provenance.get("device") else None


def check_images(record: Record, name: str, found: str) -> None:
    """Raise DataError where `found`, the digest of the images called `name`, is not that of the record's."""
    recorded = record.provenance.get("data_digest")
    if recorded in (None, found):
        return
    own = look_up(record.config, "data.name") or name
    raise DataError(
        f"the images of {name} are not the record's: their digest is {found[:12]}, the record's {str(recorded)[:12]}",
        hint=f"--dataset says where the images of {own} lie, --data-root where those of data sets by name",
    )


@dataclass(frozen=True)
class Difference:
    """A number that is not the same. None: there is none of that name."""

    name: str
    recorded: float | None
    now: float | None

    @property
    def size(self) -> float:
        """How far apart they are."""
        return float("inf") if self.recorded is None or self.now is None else abs(self.now - self.recorded)


@dataclass(frozen=True)
class Comparison:
    """A record and that of the same cell run again.

    differences: of numbers, to the bit, largest first; a number that only the later one has is none. log, weights:
    whether the training log and the encoder's weights are the same to the bit; None where either has none.
    """

    before: Record
    after: Record
    differences: tuple[Difference, ...]
    tolerance: float | None = None
    log: bool | None = None
    weights: bool | None = None

    @property
    def beyond(self) -> tuple[Difference, ...]:
        """The differences that count: above the tolerance, all where there is none."""
        return tuple(one for one in self.differences if not one.size <= (self.tolerance or 0.0))

    @property
    def same_end(self) -> bool:
        """Whether training ended alike: with a tolerance, a collapse may begin at another step."""
        same_step = self.tolerance is not None or self.before.event_step == self.after.event_step
        return self.before.status == self.after.status and same_step

    @property
    def agrees(self) -> bool:
        """Whether the rerun confirms the record."""
        return self.same_end and not self.beyond


def compare(
    before: Record, after: Record, *, tolerance: float | None, folders: Sequence[CellFolder] = ()
) -> Comparison:
    """Compare two records of a cell, and the logs and weights in their `folders` (before, after)."""
    found = [Difference(name, value, after.metrics.get(name)) for name, value in before.metrics.items()]
    differing = sorted((one for one in found if one.recorded != one.now), key=lambda one: (-one.size, one.name))
    log = weights = None
    if folders:
        log = same_logs(*(folder.log for folder in folders))
        weights = same_weights(*(folder.encoder for folder in folders))
    return Comparison(before, after, tuple(differing), tolerance, log, weights)


def same_logs(before: Path, after: Path) -> bool | None:
    """Whether what both logs tell of an epoch is the same in every one; None where one is missing or cannot be read."""
    try:
        first, second = read_log(before), read_log(after)
    except ResultsError:
        return None
    return len(first) == len(second) and all(
        one[name] == other[name] for one, other in zip(first, second, strict=True) for name in one.keys() & other.keys()
    )


def same_weights(before: Path, after: Path) -> bool | None:
    """Whether two encoders have the same bits; None where one is missing, cannot be read or is of another version."""
    try:
        if weights_version(before) != weights_version(after):
            return None
        first, second = load_file(before), load_file(after)
    except (OSError, SafetensorError):
        return None
    return first.keys() == second.keys() and all(
        (first[name].shape, first[name].tobytes()) == (second[name].shape, second[name].tobytes()) for name in first
    )


def weights_version(path: Path) -> Any:
    """The schema version in the metadata of encoder.safetensors; 1 where there is none, from before it was written."""
    with safe_open(path, "numpy") as file:
        about = (file.metadata() or {}).get("barlow")
    try:
        return 1 if about is None else json.loads(about)["schema_version"]
    except (ValueError, KeyError, TypeError):
        return None


def check_out(folder: CellFolder) -> None:
    """Raise ConfigError where a rerun would be written over a record."""
    if folder.record.exists():
        raise ConfigError([f"--out: {folder.path} has a record already"], hint="choose another folder")
