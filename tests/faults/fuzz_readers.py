"""What each kind of case is given to: the readers that a command would use, and what may come of it."""

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from hypothesis.strategies import SearchStrategy

from barlowcli.cli import dry_run
from barlowcli.cli.main import main
from barlowcli.cli.validate import validate
from barlowcli.data.encoded import Encoded, read_encoded
from barlowcli.data.fingerprint import fingerprint
from barlowcli.data.load import load_dataset
from barlowcli.errors import BarlowError
from barlowcli.plan.freezing import read_plan
from barlowcli.records.folder import CellFolder
from barlowcli.records.record import read_record
from barlowcli.running.dry_run import RunCost
from barlowcli.running.runs import count
from barlowcli.settings.data import DataSettings
from barlowcli.training.checkpoint import Checkpoint
from barlowcli.training.log import TrainingLog
from tests.faults.strategies import Case
from tests.faults.strategies_images import image_bombs, images
from tests.faults.strategies_names import names
from tests.faults.strategies_parquet import parquet_bombs, parquets
from tests.faults.strategies_results import network, record_bombs, records
from tests.faults.strategies_toml import toml, toml_bombs

STRATEGIES: dict[str, Callable[[], SearchStrategy[Case]]] = {
    "images": images,
    "toml": toml,
    "parquet": parquets,
    "records": records,
    "names": names,
}


def bombs(reader: str) -> list[Callable[[], Case]]:
    """What is far larger, deeper or longer than its file; each made when asked for, as some take much memory."""
    if reader in ("images", "parquet"):
        name, made = ("x.png", image_bombs()) if reader == "images" else ("x.parquet", parquet_bombs())
        settings = {"image_size": 16, "on_bad_image": "fail" if reader == "images" else "skip"}
        return [lambda one=one: Case({name: one()}, settings=settings) for one in made]  # type: ignore[misc]
    cases = {"toml": toml_bombs, "records": record_bombs}.get(reader, list)()
    return [lambda case=case: case for case in cases]  # type: ignore[misc]


def outcome(reader: str, case: Case, folder: Path) -> str:
    """ "read", or "refused" with a BarlowError; whatever else is raised is a finding. folder: empty, for its files."""
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    try:
        READERS[reader](case, folder)
    except BarlowError as error:
        if not error.message.strip():
            raise AssertionError("a refusal without a word") from error
        return "refused"
    return "read"


def read_images(case: Case, folder: Path) -> None:
    """One image through decoding and resizing, several through `folder:PATH`."""
    if len(case.files) > 1:
        read_data(f"folder:{folder}", case)
        return
    (name,) = case.files
    size, skip = case.settings["image_size"], case.settings["on_bad_image"] == "skip"
    found = read_encoded(lambda rows: [Encoded(name, folder / name)], torch.arange(1), size=size, skip=skip)
    if found.skipped:
        raise BarlowError(found.skipped[0])


def read_parquet(case: Case, folder: Path) -> None:
    """A file or a folder of several through `parquet:PATH`."""
    read_data(f"parquet:{folder / 'x.parquet' if 'x.parquet' in case.files else folder}", case)


def read_data(name: str, case: Case) -> None:
    """As a cell does: fingerprint, labels, splits, every image."""
    fingerprint(DataSettings(name=name))
    load_dataset(DataSettings(name=name, **case.settings), root=Path("no-data-root"))


def read_toml(case: Case, folder: Path) -> None:
    """`barlow validate ./my.toml`: the file, and the plan of every preset."""
    del case
    with silence():
        validate(str(folder / "my.toml"), as_json=True)


def read_results(case: Case, folder: Path) -> None:
    """`barlow status`, and what a cell that goes on reads."""
    if read_plan(folder) is not None:
        count(folder)
    for cell in (folder / "cells").glob("*"):
        read_record(CellFolder(cell))
    if any(name.endswith((".pt", ".jsonl")) for name in case.files):
        net = network()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        log = TrainingLog(next((folder / "cells").glob("*")) / "metrics.jsonl", 0.05)
        Checkpoint(log.path.with_name("checkpoint.pt"), net, optimizer, log).load(lambda message: None)


def run_command(case: Case, folder: Path) -> None:
    """A command line in a folder of its own; `run` shows its plan and measures nothing."""
    arguments = list(case.arguments)
    if arguments[0] == "run":
        arguments += ["--dry-run", "--json", "--device", "cpu"]
    unmeasured: Any = mock.patch.object(dry_run, "estimate_of", return_value=RunCost(None, ()))
    typed = mock.patch.object(sys, "argv", ["barlow", *arguments])
    try:
        with contextlib.chdir(folder), unmeasured, typed, silence():
            main()
    except SystemExit as end:
        if end.code not in (0, None):
            raise BarlowError(f"exit code {end.code}") from end


READERS: dict[str, Callable[[Case, Path], None]] = {
    "images": read_images,
    "toml": read_toml,
    "parquet": read_parquet,
    "records": read_results,
    "names": run_command,
}


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """stdout and stderr as they are on a terminal, and nothing of them seen."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield
        out.flush()
