"""`barlow rerun`: the cell of a record once more, and whether its numbers are the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from barlowcli.cli import flags, output, readers
from barlowcli.cli.parsing import absolute
from barlowcli.data.paths import DATA_ROOT
from barlowcli.records.record import Record
from barlowcli.running import again as running
from barlowcli.running.agreement import Agreement

MOST_ROWS = 20
"""Of numbers that differ."""


def rerun(
    record: Annotated[
        Path,
        typer.Argument(parser=readers.path, help="A record.json, or the folder of its cell."),
    ],
    dataset: Annotated[
        str | None, typer.Option(help="Where the record's images lie: folder:PATH or parquet:PATH.")
    ] = None,
    data_root: flags.Downloads = DATA_ROOT,
    device: Annotated[
        str, typer.Option(help="auto (the record's, where there is one here), cpu, cuda or mps.")
    ] = "auto",
    out: Annotated[
        Path | None, typer.Option(parser=readers.path, metavar=readers.PATH, help="Keep the new cell in this folder.")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            parser=readers.real("--tolerance"),
            metavar=readers.FLOAT,
            help="Numbers this far apart agree; default: to the bit.",
        ),
    ] = None,
    as_json: flags.JsonAlone = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Only whether the numbers agree.")] = False,
) -> None:
    """Run the cell of a record again and compare every number; exit 1 where they do not agree."""
    found = running.rerun(
        record,
        output.Terminal(quiet=quiet),
        dataset=absolute(dataset),
        data_root=data_root,
        device=device,
        out=out,
        tolerance=tolerance,
        command=flags.as_typed(),
    )
    if as_json:
        output.print_json(found.as_value())
    else:
        for line in lines(found.agreement):
            output.say(line)
    if found.kept is not None:
        output.log(f"kept: {found.kept.path}/", quiet=quiet)
    if not found.agreement.agrees:
        raise typer.Exit(1)


def lines(found: Agreement) -> Iterator[str]:
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
    for what, same in (
        ("training log", found.log),
        ("weights", found.weights),
        ("answers to test images", found.answers),
    ):
        if same is not None:
            yield f"{what}: {'the same' if same else 'not the same'} to the bit"


def end(record: Record) -> str:
    """How training ended."""
    return record.status + (f" at step {record.event_step}" if record.event_step is not None else "")


def table(found: Agreement) -> Iterator[str]:
    """The numbers that differ, largest difference first."""
    shown = found.beyond[:MOST_ROWS]
    rows = [("", "recorded", "now", "difference")]
    rows += [(one.name, text(one.recorded), text(one.now), f"{one.size:.3g}") for one in shown]
    yield from output.columns(rows, right=(1, 2, 3))
    if len(found.beyond) > MOST_ROWS:
        yield f"and {len(found.beyond) - MOST_ROWS} more"


def text(value: float | None) -> str:
    """A number with all its digits."""
    return "-" if value is None else repr(value)
