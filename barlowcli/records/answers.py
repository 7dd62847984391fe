"""`predictions.safetensors`: the class that each probe predicted for each test image, for the error of the test set."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from barlowcli.errors import ResultsError
from barlowcli.records.files import MOST_BYTES, write_bytes
from barlowcli.records.folder import CellFolder, ResultsFolder

ANSWERS_SCHEMA = 1
"""Version of predictions.safetensors; rises when names or values in it get another meaning."""
TRUTH = "truth"
"""The name of the true classes; no metric is called so."""
Classes = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Answers:
    """What probes of one cell predicted. truth: the main label of the N test images, integers (N,). predicted: metric
    -> the classes (N,) that it predicted."""

    truth: Classes
    predicted: Mapping[str, Classes]

    @property
    def right(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Metric -> which images it was right on, bool (N,): the mean is the accuracy."""
        return {metric: classes == self.truth for metric, classes in self.predicted.items()}


def write_answers(cell: CellFolder, truth: Classes, predicted: Mapping[str, Classes]) -> None:
    """Write the answers of a cell: a byte an image and metric, two where there are more than 256 classes."""
    largest = max(int(values.max()) for values in (truth, *predicted.values()))
    kind = np.uint8 if largest < 2**8 else np.uint16
    tensors = {name: values.astype(kind) for name, values in {TRUTH: truth, **predicted}.items()}
    about = json.dumps({"schema_version": ANSWERS_SCHEMA, "cell": cell.id})
    write_bytes(cell.answers, save(tensors, metadata={"barlow": about}))


def read_answers(cell: CellFolder) -> Answers | None:
    """The answers of a cell, None where it has none, as cells of before; raises ResultsError where they are damaged."""
    path, hint = cell.answers, "delete the cell's folder and run it again"
    cell.check_inside()
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ResultsError(f"{path} is larger than {MOST_BYTES:,} bytes", hint=hint)
        with safe_open(path, "numpy") as file:
            about = json.loads((file.metadata() or {})["barlow"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        version, owner = about["schema_version"], about["cell"]
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ResultsError(f"{path} is damaged: {error}", hint=hint) from error
    if version != ANSWERS_SCHEMA:
        raise ResultsError(
            f"{path} has schema version {version}, this barlow reads {ANSWERS_SCHEMA}",
            hint="read it with the barlow that wrote it",
        )
    if owner != cell.id:
        raise ResultsError(f"{path} is of cell {owner}, not of {cell.id}", hint="delete that folder")
    truth = tensors.get(TRUTH)
    if truth is None or any(v.shape != truth.shape or v.ndim != 1 or v.dtype.kind != "u" for v in tensors.values()):
        raise ResultsError(f"{path} does not have one class an image and metric", hint=hint)
    return Answers(truth, {name: values for name, values in tensors.items() if name != TRUTH})


@dataclass(frozen=True)
class KeptAnswers(Mapping[str, Mapping[str, npt.NDArray[np.bool_]]]):
    """Cell id -> metric -> which test images it was right on, of the cells `ids` where that was kept; each is read when
    it is first asked for."""

    folder: ResultsFolder
    ids: tuple[str, ...]

    @cached_property
    def _read(self) -> dict[str, dict[str, npt.NDArray[np.bool_]] | None]:
        return {}

    def __getitem__(self, name: str) -> dict[str, npt.NDArray[np.bool_]]:
        if name not in self.ids:
            raise KeyError(name)
        if name not in self._read:
            kept = read_answers(self.folder.cell(name))
            self._read[name] = None if kept is None else kept.right
        found = self._read[name]
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.ids if self.folder.cell(name).answers.is_file())

    def __len__(self) -> int:
        return sum(1 for _ in self)
