"""The cell of a record once more: made ready, run and compared. Imports torch only to run it."""

import contextlib
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from barlowcli.cell.options import RunOptions
from barlowcli.data.fingerprint import fingerprint_of
from barlowcli.data.paths import DATA_ROOT
from barlowcli.errors import ConfigError, DataError, ResultsError
from barlowcli.experiment.axes import AxisValue
from barlowcli.machine.devices import Way, available, choose_device, in_words, set_up
from barlowcli.machine.surroundings import at_home, give_temporary_folder
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.folder import CELLS, CellFolder
from barlowcli.records.obstacles import obstacle, unreadable
from barlowcli.records.record import Record, read_record
from barlowcli.running.agreement import Agreement, agreement
from barlowcli.running.show import SILENT, Show
from barlowcli.settings.cell import CellConfig, id_of
from barlowcli.settings.mistakes import describe
from barlowcli.settings.tables import flatten, look_up


@dataclass(frozen=True)
class Again:
    """What came of a rerun. elsewhere: of the provenance what was another then, as (what, then, here); kept: the new
    cell's folder, where it was asked for; unknown: what of the provenance here the record does not say."""

    agreement: Agreement
    elsewhere: tuple[tuple[str, str, str], ...]
    kept: CellFolder | None
    unknown: tuple[str, ...] = ()

    def as_value(self) -> dict[str, Any]:
        """What `--json` prints."""
        changed = [{"what": what, "recorded": then, "here": now} for what, then, now in self.elsewhere]
        return {**self.agreement.as_value(), "provenance": changed, "unknown": list(self.unknown)}


def rerun(
    path: Path,
    show: Show = SILENT,
    *,
    dataset: str | None = None,
    data_root: Path = DATA_ROOT,
    device: str = "auto",
    out: Path | None = None,
    tolerance: float | None = None,
    command: tuple[str, ...] = (),
) -> Again:
    """Run the cell of the record at `path` again and compare every number.

    dataset: where its images lie; device: "auto" is the record's, where there is one here; out: the folder to keep the
    new cell in; tolerance: numbers this far apart agree, None: to the bit. Raises BarlowError where that cannot be.
    """
    folder, before = find(path)
    cell = cell_of(before, dataset)
    device = device_of(before, device)
    from barlowcli.machine.provenance import differences, provenance, unsaid

    set_up(device, deterministic=bool(before.provenance.get("deterministic")))  # what it sets is part of what is here
    training = cell.config.training
    here = provenance(device, list(command)) | {"threads": training.threads if training else 1}
    elsewhere, unknown = differences(before.provenance, here), unsaid(before.provenance, here)
    for line in remarks(before, cell, device, {what for what, _, _ in elsewhere}):
        show.note(line)
    for what, then, now in elsewhere:
        show.note(f"{what}: {then} then, {now} here")
    if unknown:
        show.note(f"not said by the record, and perhaps other then: {', '.join(unknown)}")
    with kept_in(out) as place:
        options = options_of(before, place, at_home(data_root), device, command)
        again = options.folder_of(cell)
        check_out(again)
        after = run_again(before, cell, options, show)
        found = agreement(before, after, tolerance=tolerance, folders=(folder, again))
    return Again(found, tuple(elsewhere), again if out is not None else None, tuple(unknown))


@contextlib.contextmanager
def kept_in(out: Path | None) -> Iterator[Path]:
    """The folder that the cell is run in; one that is gone afterwards where none was asked for."""
    if out is not None:
        yield out
        return
    give_temporary_folder()
    with tempfile.TemporaryDirectory(prefix="barlow-rerun-") as place:
        yield Path(place)


def options_of(record: Record, folder: Path, data_root: Path, device: str, command: tuple[str, ...]) -> RunOptions:
    """How the record's cell is run, as far as that is known the way it was."""
    return RunOptions(
        experiment=record.experiment,
        preset=record.preset,
        folder=folder,
        data_root=data_root,
        device=device,
        command=command,
        way=way_of(record, device),
        deterministic=bool(record.provenance.get("deterministic")),
    )


def run_again(before: Record, cell: PlannedCell, options: RunOptions, show: Show) -> Record:
    """Run the cell, once its images are known to be the record's."""
    from barlowcli.cell.run import dataset_on, run_cell
    from barlowcli.training.loop import Hooks

    config = cell.config
    data = dataset_on(config.data, options.data_root, options.device, test=config.evaluation.test)
    check_same_images(before, config.data.name, data.digest)
    return run_cell(cell, options, Hooks(note=show.note, slower=lambda way, why: show.note(in_words(way, why))))


def remarks(record: Record, cell: PlannedCell, device: str, elsewhere: Collection[str]) -> Iterator[str]:
    """What to know before the numbers come. elsewhere: what of its provenance is another here."""
    same_code = "code" in record.provenance and "code" not in elsewhere
    if not is_whole(record):
        yield f"the record's config is not the one its id {record.id} stands for: it was changed"
    if new := added(record, cell.config):
        yield f"settings that came after the record, at their defaults: {', '.join(new)}"
    if "data_digest" not in record.provenance:
        yield "the record does not say which images it is of"
    if not same_code and str(record.provenance.get("commit")).endswith("-dirty"):
        yield "the record's code was changed and not committed: its commit alone does not have it"
    for part in record.provenance.get("earlier", []):
        yield f"until epoch {part.get('until_epoch', '?')} it was trained by another: {other_parts(part, record)}"
    if device != "cpu" and not record.provenance.get("deterministic"):
        yield f"the record was made without --deterministic: on {device} its last bits are chance"


def other_parts(part: Mapping[str, Any], record: Record) -> str:
    """What was another in an earlier part of a record's training: "torch 2.11.0, device_name …"."""
    from barlowcli.machine.provenance import differences

    return ", ".join(f"{what} {then}" for what, then, _ in differences(part, record.provenance)) or "it does not say"


def find(path: Path) -> tuple[CellFolder, Record]:
    """The cell's folder and its record, from the path of either.

    Raises ResultsError where there is no record, it is damaged, or it is one without numbers.
    """
    folder = _cell_at(path)
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


def _cell_at(path: Path) -> CellFolder:
    """The folder of the cell that a path leads to: its own, that of a file in it, or of a run with one record.

    Raises ResultsError where it is the folder of a run with several.
    """
    try:
        records = [record for record in (path / CELLS).glob("*/record.json") if record.is_file()]
        if path.is_file():
            return CellFolder(path.parent)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(records) > 1:
        names = ", ".join(sorted(record.parent.name for record in records)[:3])
        raise ResultsError(
            f"{path} is the folder of a run, and has {len(records)} records",
            hint=f"name one of its cells, {path / CELLS}/ID: {names}, …",
        )
    return CellFolder(records[0].parent) if records else CellFolder.at(path)


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
    digest = fingerprint_of(name, config.data.on_bad_image)
    data = config.data.model_copy(update={"name": name, "fingerprint": digest})
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
    return id_of(record.config) == record.id


def device_of(record: Record, asked: str) -> str:
    """The device to run on: `auto` is the record's own where there is one here. Raises BarlowError."""
    recorded = record.provenance.get("device")
    return str(recorded) if asked == "auto" and (recorded == "cpu" or recorded in available()) else choose_device(asked)


def way_of(record: Record, device: str) -> Way | None:
    """How the record's training steps were taken; None where that is not said, or was on another device."""
    way = record.provenance.get("step")
    return Way(way) if way in list(Way) and device == record.provenance.get("device") else None


def check_same_images(record: Record, name: str, found: str) -> None:
    """Raise DataError where `found`, the digest of the images called `name`, is not that of the record's."""
    recorded = record.provenance.get("data_digest")
    if recorded in (None, found):
        return
    own = look_up(record.config, "data.name") or name
    raise DataError(
        f"the images of {name} are not the record's: their digest is {found[:12]}, the record's {str(recorded)[:12]}",
        hint=f"--dataset says where the images of {own} lie, --data-root where those of data sets by name",
    )


def check_out(folder: CellFolder) -> None:
    """Raise ConfigError where a rerun cannot be written, or would be written over a record."""
    if what := obstacle(folder.path):
        raise ConfigError([f"--out: {what}"], hint="choose another folder")
    if folder.record.exists():
        raise ConfigError([f"--out: {folder.path} has a record already"], hint="choose another folder")
