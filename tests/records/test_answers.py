import numpy as np
import pytest
from safetensors.numpy import save_file

from barlowcli.analysis.results import Results
from barlowcli.cell.run import run_cell
from barlowcli.errors import ResultsError
from barlowcli.records.answers import ANSWERS_SCHEMA, KeptAnswers, read_answers, write_answers
from barlowcli.records.folder import CellFolder, ResultsFolder
from barlowcli.records.metrics import Metric
from barlowcli.training.loop import Hooks
from tests.grids import options_for, tiny_plan

LINEAR = "linear.h.none.label"


@pytest.fixture
def cell(tmp_path):
    folder = ResultsFolder(tmp_path).cell("0123456789ab")
    folder.path.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(("classes", "size"), [(10, 1), (256, 1), (257, 2), (1000, 2)])
def test_what_was_written_is_read_a_byte_or_two_an_image(cell, classes, size):
    draw = np.random.default_rng(0)
    truth, predicted = draw.integers(classes, size=5000), draw.integers(classes, size=5000)
    truth[0] = classes - 1
    write_answers(cell, truth, {LINEAR: predicted})
    found = read_answers(cell)
    assert found is not None
    assert np.array_equal(found.truth, truth)
    assert np.array_equal(found.predicted[LINEAR], predicted)
    assert found.right[LINEAR].mean() == (truth == predicted).mean()
    assert 0 < cell.answers.stat().st_size - 2 * 5000 * size < 400


@pytest.mark.parametrize("method", ["barlow", "random-init", "histogram"])
def test_answers_of_a_cell_come_to_the_accuracies_of_its_record(tmp_path, method):
    settings = {"evaluation.mlp": True, "evaluation.beside_histogram": True}
    plan = tiny_plan({"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]}, settings)
    planned = next(cell for cell in plan.cells if cell.axes["method"] == method)
    record = run_cell(planned, options_for(tmp_path), Hooks())
    results = Results(plan, {record.id: record}, KeptAnswers(ResultsFolder(tmp_path), (record.id,)))
    spaces = ("joint", "marginal") if method == "histogram" else ("h", "h+joint")
    metrics = {name: Metric.read(name) for name in record.metrics}
    wanted = {name for name, metric in metrics.items() if metric.label == "label" and metric.space in spaces}
    assert set(results.answers[record.id]) == wanted
    for name in wanted:
        right = results.right(record.id, metrics[name])
        assert right is not None
        assert right.dtype == bool
        assert right.shape == (record.counts["test"],)
        assert right.mean() == pytest.approx(record.metrics[name], abs=1e-6)
    assert results.right(record.id, Metric("linear", "z", "none", "label")) is None
    assert results.right("ffffffffffff", Metric.read(LINEAR)) is None


def test_a_cell_that_touched_no_test_image_or_is_of_before_has_none(cell, tmp_path):
    assert read_answers(cell) is None
    kept = KeptAnswers(ResultsFolder(tmp_path), (cell.id,))
    assert (len(kept), list(kept), kept.get(cell.id)) == (0, [], None)
    plan = tiny_plan({"method": ["barlow"]}, {"evaluation.test": False})
    blind = next(one for one in plan.cells if one.axes["method"] == "histogram")
    run_cell(blind, options_for(tmp_path), Hooks())
    assert read_answers(ResultsFolder(tmp_path).cell(blind.id)) is None


def test_answers_are_read_when_they_are_first_asked_for(cell, tmp_path):
    kept = KeptAnswers(ResultsFolder(tmp_path), (cell.id,))
    cell.answers.write_bytes(b"no tensors")
    assert list(kept) == [cell.id]
    with pytest.raises(ResultsError, match="is damaged"):
        kept[cell.id]


def tensors(cell: CellFolder, about: str | None, **values: np.ndarray) -> None:
    save_file(dict(values), cell.answers, metadata=None if about is None else {"barlow": about})


RIGHT = f'{{"schema_version": {ANSWERS_SCHEMA}, "cell": "0123456789ab"}}'
TRUTH = np.zeros(4, np.uint8)


@pytest.mark.parametrize(
    ("about", "values", "message"),
    [
        (None, {"truth": TRUTH}, "is damaged"),
        ("[]", {"truth": TRUTH}, "is damaged"),
        ("{", {"truth": TRUTH}, "is damaged"),
        (
            RIGHT.replace(f": {ANSWERS_SCHEMA},", ": 99,"),
            {"truth": TRUTH},
            "has schema version 99, this barlow reads 1",
        ),
        (RIGHT.replace("0123456789ab", "a"), {"truth": TRUTH}, "is of cell a, not of 0123456789ab"),
        (RIGHT, {"other": TRUTH}, "does not have one class an image and metric"),
        (RIGHT, {"truth": TRUTH, LINEAR: np.zeros(5, np.uint8)}, "does not have one class an image and metric"),
        (RIGHT, {"truth": TRUTH, LINEAR: np.zeros(4, np.float32)}, "does not have one class an image and metric"),
        (RIGHT, {"truth": TRUTH.astype(np.float32)}, "does not have one class an image and metric"),
    ],
)
def test_damaged_and_foreign_ones_are_refused_in_words(cell, about, values, message):
    tensors(cell, about, **values)
    with pytest.raises(ResultsError, match=message) as error:
        read_answers(cell)
    assert str(cell.answers) in error.value.message


@pytest.mark.parametrize("length", [0, 3, 40, -1])
def test_half_a_file_is_refused_in_words(cell, length):
    write_answers(cell, TRUTH, {LINEAR: TRUTH})
    content = cell.answers.read_bytes()
    cell.answers.write_bytes(content[:length])
    with pytest.raises(ResultsError, match="is damaged"):
        read_answers(cell)
