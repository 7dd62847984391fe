import csv
import math
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from barlowcli.analysis.lines import lines
from barlowcli.analysis.results import Results
from barlowcli.analysis.statistics import t_interval
from barlowcli.errors import ConfigError
from barlowcli.experiment.files import experiment_names, load_experiment
from barlowcli.experiment.model import Published
from barlowcli.published.comparison import PublishedComparison, beside_published
from barlowcli.published.figures import FOLDER, Change, Figure, changes, read_figures
from barlowcli.records.record import Record
from barlowcli.report import write_report
from barlowcli.tables.published import published_to_read
from tests.synthetic_grids import augmentations_truth, dims_truth, grid_plan, grid_records, write_grid

DIMS = Published(
    file="imagenet_projector_dim.csv", axis="dims", reference={"barlow": "8192", "byol": "256"}, measured_reference=""
)


def figure(file: str, method: str, value: str) -> Figure:
    (found,) = (row for row in read_figures(file).rows if (row.method, row.value) == (method, value))
    return found


def test_rows_as_they_stand_in_the_files() -> None:
    four = "Barlow Twins Figure 4 (from SimCLR Figure 8; 100 epochs)"
    assert figure("imagenet_projector_dim.csv", "simclr", "2048").source == four
    assert figure("imagenet_projector_dim.csv", "byol", "64") == Figure("byol", "64", 72.2, "BYOL Table 14b", "exact")
    grey = Figure("barlow", "no-grayscale", -6.7, "Barlow Twins Figure 3", "digitised +-0.1")
    assert figure("imagenet_augmentations.csv", "barlow", "no-grayscale") == grey
    size = figure("imagenet_batch_size.csv", "barlow", "2048")
    assert (size.number, size.how) == (71.4, "exact")
    assert size.source == "first author in facebookresearch/barlowtwins issue 7 (lr .2)"
    ablation = Figure("barlow", "predictor", 70.2, "Barlow Twins Table 6", "exact")
    assert figure("imagenet_loss_ablations.csv", "barlow", "predictor") == ablation
    assert figure("imagenet_target_network.csv", "vicreg", "ema").number == 69.8


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.csv")), ids=lambda path: path.stem)
def test_every_row_of_every_file_is_read(path: Path) -> None:
    figures = read_figures(path.name)
    with path.open(encoding="utf-8", newline="") as rows:
        assert len(figures.rows) == len(list(csv.reader(rows))) - 1
    assert all(row.source and not row.source.startswith("same") for row in figures.rows)
    assert " on " in figures.setting


def test_changes_are_against_the_methods_own_reference() -> None:
    found = {(change.method, change.value): change for change in changes(DIMS)}
    assert found["barlow", "64"].points == pytest.approx(57.8 - 71.1)
    assert found["barlow", "16384"].points == pytest.approx(72.0 - 71.1)
    assert found["byol", "16"].points == pytest.approx(69.9 - 72.5)
    assert found["byol", "256"].points == 0
    assert {change.reference for change in found.values() if change.method == "byol"} == {"256"}
    assert {method for method, _ in found} == {"barlow", "byol"}


def test_a_file_of_changes_is_used_as_it_is() -> None:
    published = load_experiment("augmentations").published
    assert published is not None
    found = {(change.method, change.value): change.points for change in changes(published)}
    assert found["byol", "no-grayscale-no-jitter"] == -9.1
    assert found["barlow", "crop-only"] == -27.1


@pytest.mark.parametrize(
    ("update", "problem", "hint"),
    [
        (
            {"file": "imagenet_projector_dims.csv"},
            "no file `imagenet_projector_dims.csv`",
            "imagenet_projector_dim.csv",
        ),
        ({"reference": {"barlo": "8192"}}, "has no figures of `barlo`", "did you mean `barlow`?"),
        ({"reference": {"barlow": "8193"}}, "has no dim `8193` of it", "did you mean `8192`?"),
        ({"file": "cifar10_resnet18.csv"}, "several figures of a method at one metric", ""),
    ],
)
def test_what_does_not_exist_is_said(update: dict[str, object], problem: str, hint: str) -> None:
    with pytest.raises(ConfigError) as error:
        changes(DIMS.model_copy(update=update))
    assert problem in error.value.message
    assert hint in error.value.hint


@pytest.mark.parametrize("name", experiment_names())
def test_what_the_experiments_name_exists(name: str) -> None:
    experiment = load_experiment(name)
    if experiment.published is not None:
        values = {change.value for change in changes(experiment.published)}
        assert values & set(experiment.axes[experiment.published.axis].names())


def test_lines_hold_every_arm_that_can_belong_to_them() -> None:
    plan = grid_plan("dims", "cifar10")
    found = {line.name: line for line in lines(Results(plan, {}), "dims")}
    assert list(found) == [
        "Barlow Twins, hidden tied, λ fixed",
        "Barlow Twins, hidden tied, λ c/D",
        "Barlow Twins, hidden 2048, λ fixed",
        "Barlow Twins, hidden 2048, λ c/D",
        "BYOL, hidden tied",
        "BYOL, hidden 2048",
        "SimCLR, hidden tied",
        "SimCLR, hidden 2048",
    ]
    assert all(list(line.arms) == plan.axes["dims"] for line in found.values())
    tied, wide = found["BYOL, hidden tied"], found["BYOL, hidden 2048"]
    assert tied.arms["2048"] == wide.arms["2048"]
    assert tied.arms["2048"][0].axes["hidden"] == "-"
    for line in found.values():
        for value, (arm,) in line.arms.items():
            assert arm.axes["dims"] == value
            assert {cell.config.method.name for cell in arm.cells} == {line.method}


def test_an_arm_that_the_axis_makes_no_difference_to_stands_at_every_value() -> None:
    plan = grid_plan("dose-jitter", axes={"jitter": ["on", "off"], "method": ["byol"]})
    on, off = lines(Results(plan, {}), "strength")
    assert (on.name, off.name) == ("jitter on", "jitter off")
    assert len({arms[0].cells[0].id for arms in on.arms.values()}) == 4
    assert len({arms[0].cells[0].id for arms in off.arms.values()}) == 1
    assert list(off.arms) == list(on.arms) == ["0", "0.5", "1", "2"]


def table_of(records: dict[str, Record]) -> pd.DataFrame:
    """One row a record with numbers: axes, seed and the accuracy of the main probe on intact images."""
    metric = "linear.h.none.label"
    rows = [{**r.axes, "seed": r.seed, "accuracy": r.metrics[metric]} for r in records.values() if r.metrics]
    return pd.DataFrame(rows)


def test_measured_changes_are_paired_by_seed() -> None:
    plan = grid_plan("dims", seeds=4)
    records = grid_records(plan, dims_truth)
    lost = next(cell for cell in plan.cells if cell.axes["method"] == "byol" and cell.axes["dims"] == "256")
    del records[lost.id]
    runs = table_of(records)
    published = plan.experiment.published
    assert published is not None
    rows = [row for row in beside_published(Results(plan, records), published) if row.measured]
    assert len(rows) == 12
    for row in rows:
        assert row.line is not None
        assert row.measured is not None
        rule = str(row.line.at["lambda"])
        own = runs[(runs["method"] == row.method) & (runs["lambda"] == rule)]
        wide = own.pivot(index="seed", columns="dims", values="accuracy")
        difference = (100 * (wide[row.value] - wide["256"])).dropna()
        assert row.measured.n == len(difference) == (3 if row.method == "byol" else 4)
        assert row.measured.mean == pytest.approx(difference.mean())
        half = stats.t.ppf(0.975, len(difference) - 1) * difference.std() / math.sqrt(len(difference))
        assert row.measured.half_width == pytest.approx(half)
        assert row.reference == "256"


def test_a_method_may_have_its_published_reference() -> None:
    plan = grid_plan("batch-size", axes={"batch": ["256", "1024", "4096"]})
    records = grid_records(plan, lambda cell: 0.5 + int(cell.axes["batch"]) / 20000)
    published = Published(file="imagenet_batch_size.csv", axis="batch", reference={"barlow": "1024", "byol": "4096"})
    rows = beside_published(Results(plan, records), published)
    references = {row.method: row.reference for row in rows if row.measured}
    assert references == {"barlow": "1024", "byol": "4096"}
    assert not [row for row in rows if row.method == "simclr"]


def change(points: float) -> Change:
    return Change("byol", "64", points, "256", "a table", "exact")


@pytest.mark.parametrize(
    ("measured", "published", "word"),
    [
        ([-3.0, -3.1, -2.9], -0.3, "agrees in sign"),
        ([-3.0, -3.1, -2.9], 0.3, "opposite sign"),
        ([3.0, 3.1, 2.9], 0.3, "agrees in sign"),
        ([-3.0, 3.1, 2.9], 0.3, "not told from 0"),
        ([3.0, 3.1, 2.9], 0.0, ""),
        ([3.0, 3.1], 0.3, ""),
        ([], 0.3, ""),
        ([3.0, 3.1, 2.9], None, ""),
    ],
)
def test_signs_are_told_where_they_can_be(measured: list[float], published: float | None, word: str) -> None:
    interval = t_interval(measured) if measured else None
    row = PublishedComparison("byol", "64", None, interval, "256", None if published is None else change(published))
    assert row.word == word
    if measured and published is not None:
        assert row.difference == pytest.approx(sum(measured) / len(measured) - published)
    else:
        assert row.difference is None


def test_nothing_is_compared_at_the_measured_reference() -> None:
    row = PublishedComparison("byol", "64", None, t_interval([0.0, 0.0, 0.0]), "64", change(-0.3))
    assert (row.word, row.difference) == ("", None)


def test_rows_show_what_there_is() -> None:
    plan = grid_plan("augmentations")
    records = grid_records(plan, augmentations_truth)
    table = published_to_read(Results(plan, records))
    assert table is not None
    rows = {name: dict(zip(table.header, (name, *texts), strict=True)) for name, *texts in table.rows}
    assert rows["BYOL, baseline"]["measured"] == rows["BYOL, baseline"]["published"] == "reference"
    assert rows["Barlow Twins, no jitter"]["n"] == "3"
    assert rows["Barlow Twins, no jitter"]["published"] == ""
    only = rows["BYOL, crop color only"]
    assert (only["n"], only["measured"], only["published"], only["difference"]) == ("", "", "-1.8", "")
    both = rows["Barlow Twins, crop only"]
    assert (both["published"], both["signs"]) == ("-27.1", "agrees in sign")
    assert float(both["difference"]) == pytest.approx(float(both["measured"].partition(" ")[0]) + 27.1, abs=0.051)
    assert table.sources[int(both["source"]) - 1] == "Barlow Twins Figure 3; digitised ±0.1"
    assert not [name for name in rows if "SimCLR" in name]


def test_numbers_are_in_the_order_of_their_size() -> None:
    table = published_to_read(Results(grid_plan("dims"), {}))
    assert table is not None
    names = [name for name, *_ in table.rows if name.startswith("BYOL")]
    assert names == [f"BYOL, D = {dims}" for dims in (16, 32, 64, 128, 256, 512)]


def test_different_references_are_said() -> None:
    plan = grid_plan("dims")
    table = published_to_read(Results(plan, grid_records(plan, dims_truth)))
    assert table is not None
    assert "Barlow Twins: measured against D = 256, published against D = 8192." in table.legend
    assert "BYOL: both against D = 256." in table.legend
    assert "Where the two references are different ones" in table.legend


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dims") / "dims" / "quick"
    plan = grid_plan("dims")
    write_grid(folder, plan, grid_records(plan, dims_truth))
    write_report(folder)
    return folder


def test_the_report_has_the_table_the_sources_and_the_curve(report: Path) -> None:
    rows = pd.read_csv(report / "published.csv", dtype={"dims": str})
    assert list(rows)[:3] == ["method", "dims", "lambda"]
    row = rows[(rows["method"] == "barlow") & (rows["dims"] == "64") & (rows["lambda"] == "fixed")].iloc[0]
    assert row["published_change"] == pytest.approx(57.8 - 71.1)
    assert row["difference"] == pytest.approx(row["measured_change"] - row["published_change"], abs=1e-5)
    assert (row["measured_reference"], row["published_reference"]) == (256, 8192)
    page = (report / "report.html").read_text()
    assert "<h2>Beside the published figures</h2>" in page
    assert "Published figures are those of ResNet-50 on ImageNet, measured ones of colour-digits" in page
    assert "<li>BYOL Table 14b (300 epochs)</li>" in page
    assert "against the projector dimension D; a line an arm, grey lines the controls." in page
    assert "Four things beside D differ between the published points" in page
    assert sorted(path.name for path in (report / "plots").glob("*.svg")) == [
        "curve.svg",
        "factor-colour.svg",
        "training.svg",
    ]


def test_built_again_it_is_the_same_to_the_byte(report: Path) -> None:
    paths = [report / "published.csv", report / "report.html", *sorted((report / "plots").iterdir())]
    before = {path: path.read_bytes() for path in paths}
    write_report(report)
    assert {path: path.read_bytes() for path in paths} == before


def test_without_published_figures_there_is_no_table(tmp_path: Path) -> None:
    plan = grid_plan("dose-jitter")
    write_grid(tmp_path, plan, grid_records(plan, lambda cell: 0.5))
    (tmp_path / "published.csv").write_text("of an earlier report")
    write_report(tmp_path)
    assert not (tmp_path / "published.csv").exists()
    assert "published figures" not in (tmp_path / "report.html").read_text()
