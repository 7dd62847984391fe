"""`barlow rerun`: the cell of a record once more, and whether its numbers are the same."""

import contextlib
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from barlowcli.cell.options import RunOptions
from barlowcli.cli import output
from barlowcli.cli.parsing import absolute
from barlowcli.plan.plan import PlannedCell
from barlowcli.records.record import Record
from barlowcli.running import again as rerunning
from barlowcli.running.again import Comparison

MOST_ROWS = 20
"""Of numbers that differ."""


def rerun(
    record: Annotated[Path, typer.Argument(help="A record.json, or the folder of its cell.")],
    dataset: Annotated[
        str | None, typer.Option(help="Where the record's images lie: folder:PATH or parquet:PATH.")
    ] = None,
    data_root: Annotated[Path, typer.Option(help="Where data sets by name lie or are downloaded to.")] = Path(
        "~/.cache/barlow"
    ),
    device: Annotated[
        str, typer.Option(help="auto (the record's, where there is one here), cpu, cuda or mps.")
    ] = "auto",
    out: Annotated[Path | None, typer.Option(help="Keep the new cell in this folder.")] = None,
    tolerance: Annotated[
        float | None, typer.Option(min=0, help="Numbers this far apart agree; default: to the bit.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, all else on stderr.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only whether the numbers agree.")] = False,
) -> None:
    """Run the cell of a record again and compare every number; exit 1 where they do not agree."""
    folder, before = rerunning.find(record)
    cell = rerunning.cell_of(before, absolute(dataset) if dataset else None)
    device = rerunning.device_of(before, device)
    from barlowcli.machine.provenance import differences, provenance

    command = ("barlow", *sys.argv[1:])
    elsewhere = differences(before.provenance, provenance(device, list(command)))
    for line in remarks(before, cell, device, {what for what, _, _ in elsewhere}):
        output.log(line, quiet=quiet)
    for what, then, now in elsewhere:
        output.log(f"{what}: {then} then, {now} here", quiet=quiet)
    with kept_in(out) as place:
        options = RunOptions(
            experiment=before.experiment,
            preset=before.preset,
            folder=place,
            data_root=data_root.expanduser(),
            device=device,
            command=command,
            way=rerunning.way_of(before, device),
            deterministic=bool(before.provenance.get("deterministic")),
        )
        rerunning.check_out(options.folder_of(cell))
        after = run_again(before, cell, options, quiet=quiet)
        folders = (folder, options.folder_of(cell))
        found = rerunning.compare(before, after, tolerance=tolerance, folders=folders)
    if as_json:
        output.print_json(as_value(found, elsewhere))
    else:
        for line in lines(found):
            output.say(line)
    if out is not None:
        output.log(f"kept: {folders[1].path}/", quiet=quiet)
    if not found.agrees:
        raise typer.Exit(1)


@contextlib.contextmanager
def kept_in(out: Path | None) -> Iterator[Path]:
    """The folder that the cell is run in; one that is gone afterwards where none was asked for."""
    if out is not None:
        yield out
        return
    with tempfile.TemporaryDirectory(prefix="barlow-rerun-") as place:
        yield Path(place)


def run_again(before: Record, cell: PlannedCell, options: RunOptions, *, quiet: bool) -> Record:
    """Run the cell, once its images are known to be the record's."""
    from barlowcli.cell.run import dataset_on, run_cell
    from barlowcli.training.loop import Hooks

    data = dataset_on(cell.config.data, options.data_root, options.device)
    rerunning.check_images(before, cell.config.data.name, data.digest)
    return run_cell(cell, options, Hooks(note=lambda text: output.log(text, quiet=quiet)))


def remarks(record: Record, cell: PlannedCell, device: str, elsewhere: Collection[str]) -> Iterator[str]:
    """What to know before the numbers come. elsewhere: what of its provenance is another here."""
    same_code = "code" in record.provenance and "code" not in elsewhere
    if not rerunning.is_whole(record):
        yield f"the record's config is not the one its id {record.id} stands for: it was changed"
    if new := rerunning.added(record, cell.config):
        yield f"settings that came after the record, at their defaults: {', '.join(new)}"
    if "data_digest" not in record.provenance:
        yield "the record does not say which images it is of"
    if not same_code and str(record.provenance.get("commit")).endswith("-dirty"):
        yield "the record's code was changed and not committed: its commit alone does not have it"
    if device != "cpu" and not record.provenance.get("deterministic"):
        yield f"the record was made without --deterministic: on {device} its last bits are chance"


def lines(found: Comparison) -> Iterator[str]:
    """What came out, in words, and the numbers that differ."""
    numbers, beyond = len(found.before.metrics), found.beyond
    if not found.same_end:
        yield f"the record says {end(found.before)}; now: {end(found.after)}"
    if beyond:
        within = "" if found.tolerance is None else f" by more than {found.tolerance:g}"
        yield f"{len(beyond)} of {numbers} numbers differ{within}:"
        yield from table(found)
    elif not numbers:
        yield f"no numbers to compare: {end(found.before)}" + (", then and now" if found.same_end else "")
    elif found.differences:
        largest = found.differences[0]
        yield (
            f"all {numbers} numbers agree within {found.tolerance:g}; {len(found.differences)} not to the bit, at most "
            f"{largest.size:g} apart ({largest.name})"
        )
    else:
        yield f"all {numbers} numbers agree to the bit"
    for what, same in (("training log", found.log), ("weights", found.weights)):
        if same is not None:
            yield f"{what}: {'the same' if same else 'not the same'} to the bit"


def end(record: Record) -> str:
    """How training ended."""
    return record.status + (f" at step {record.event_step}" if record.event_step is not None else "")


def table(found: Comparison) -> Iterator[str]:
    """The numbers that differ, largest difference first."""
    shown = found.beyond[:MOST_ROWS]
    rows = [("", "recorded", "now", "difference")]
    rows += [(one.name, text(one.recorded), text(one.now), f"{one.size:.3g}") for one in shown]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *values in rows:
        yield "  ".join([name.ljust(widths[0]), *map(str.rjust, values, widths[1:])])
    if len(found.beyond) > MOST_ROWS:
        yield f"and {len(found.beyond) - MOST_ROWS} more"


def text(value: float | None) -> str:
    """A number with all its digits."""
    return "-" if value is None else repr(value)


def as_value(found: Comparison, elsewhere: list[tuple[str, str, str]]) -> dict[str, Any]:
    """What --json prints. differences: of all numbers that are not the same to the bit, whatever the tolerance."""
    before, after = found.before, found.after
    return {
        "cell": before.id,
        "experiment": before.experiment,
        "preset": before.preset,
        "axes": before.axes,
        "seed": before.seed,
        "agrees": found.agrees,
        "tolerance": found.tolerance,
        "numbers": len(before.metrics),
        "status": {"recorded": before.status, "now": after.status},
        "event_step": {"recorded": before.event_step, "now": after.event_step},
        "differences": [
            {
                "name": one.name,
                "recorded": one.recorded,
                "now": one.now,
                "difference": None if one.now is None else one.size,
            }
            for one in found.differences
        ],
        "log": found.log,
        "weights": found.weights,
        "provenance": [{"what": what, "recorded": then, "here": now} for what, then, now in elsewhere],
    }
