import csv
import io
import re
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from barlowcli.analysis.results import Results
from barlowcli.experiment.files import load_experiment
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan, PlannedCell
from barlowcli.records.record import Record
from barlowcli.report import write_report
from barlowcli.tables.costs import costs, costs_to_read
from barlowcli.tables.writing import csv_text
from tests.synthetic_results import BEYOND, cells_of, quick_plan, record_of, records_of, write_results

MIB = 1024 * 1024
KINDS = {
    **dict.fromkeys(["method", "shuffle", "jitter", "reference"], "object"),
    **dict.fromkeys(["milliseconds_per_step", "mebibytes", "time_ratio", "memory_ratio"], "float64"),
    "control": "bool",
    "n": "Int64",
}


def measured(
    plan: Plan, records: Mapping[str, Record], cost: Callable[[PlannedCell], tuple[float, int]]
) -> dict[str, Record]:
    """`records` with seconds of a step and bytes of memory, of the cells that train."""
    found = dict(records)
    for cell in plan.cells:
        if cell.config.method.trains and cell.id in found:
            seconds, memory = cost(cell)
            record = found[cell.id]
            changed = {
                "seconds": {**record.seconds, "step": seconds},
                "counts": {**record.counts, "training_bytes": memory},
            }
            found[cell.id] = record.model_copy(update=changed)
    return found


def usual(cell: PlannedCell) -> tuple[float, int]:
    """A step takes BYOL twice the time and thrice the memory; the third seed was disturbed."""
    slow = 2 if cell.config.method.name == "byol" else 1
    return slow * (0.010, 0.012, 0.5)[cell.seed % 3], (2 * slow - 1) * 5 * MIB


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_trained_arm_has_its_median_time_and_its_memory_and_is_held_against_the_first() -> None:
    plan = quick_plan()
    table = rows(csv_text(costs(Results(plan, measured(plan, records_of(plan, BEYOND), usual)))))
    trained = {tuple(cell.axes.values()) for cell in plan.cells if cell.config.method.trains}
    assert {(row["method"], row["shuffle"], row["jitter"]) for row in table} == trained
    for row in table:
        slow = 2 if row["method"] == "byol" else 1
        assert row["n"] == "3"
        assert float(row["milliseconds_per_step"]) == pytest.approx(1000 * slow * np.median([0.010, 0.012, 0.5]))
        assert float(row["mebibytes"]) == pytest.approx(15 if slow == 2 else 5)
        assert row["reference"] == "Barlow Twins, intact, jitter on"
        assert float(row["time_ratio"]) == pytest.approx(slow)
        assert float(row["memory_ratio"]) == pytest.approx(3 if slow == 2 else 1)
        assert row["control"] == ("yes" if row["method"] == "supervised" else "no")


def test_a_screened_experiment_is_held_against_its_parents_under_the_same_conditions() -> None:
    plan = build_plan(load_experiment("hybrid"), "quick", Overrides(), on_cuda=False, winner="ema")
    conditions = {"full": 1.0, "no-colour": 1.5, "narrow": 0.5}
    arms = {"barlow": 10, "ema": 15, "byol": 20}

    def cost(cell: PlannedCell) -> tuple[float, int]:
        step = conditions[cell.axes["condition"]] * arms.get(cell.axes["arm"], 30)
        return step, round(step * MIB)

    records = {cell.id: record_of(plan, cell, {"linear.h.none.label": 0.5}) for cell in plan.cells}
    results = Results(plan, measured(plan, records, cost))
    table = costs(results)
    assert list(table["reference"].unique()) == ["barlow", "byol"]
    titles = [f"{what} vs {parent}" for parent in ("barlow", "byol") for what in ("time", "memory")]
    assert costs_to_read(results).header[4:] == titles
    found = {(row["arm"], row["condition"], row["reference"]): row for row in rows(csv_text(table))}
    for condition in conditions:
        ema = [found["ema", condition, parent] for parent in ("barlow", "byol")]
        assert [float(row["time_ratio"]) for row in ema] == pytest.approx([1.5, 0.75])
        assert [float(row["memory_ratio"]) for row in ema] == pytest.approx([1.5, 0.75])


def test_older_records_show_nothing_and_of_a_part_what_there_is() -> None:
    plan = quick_plan()
    records = records_of(plan, BEYOND)
    for empty in (costs(Results(plan, records)), costs(Results(plan, {}))):
        assert len(empty) == 0
        assert empty.dtypes.astype(str).to_dict() == KINDS
    (first, second, _) = cells_of(plan, method="byol", shuffle="none", jitter="on")
    one = measured(plan, {first.id: records[first.id]}, usual)
    assert costs_to_read(Results(plan, {**records, **one})).rows == [["BYOL, intact, jitter on", "1", "20.0", "15.0"]]
    only_memory = one[first.id].model_copy(update={"seconds": {}, "id": second.id})
    table = costs(Results(plan, {**records, second.id: only_memory}))
    assert table.dtypes.astype(str).to_dict() == KINDS
    (row,) = rows(csv_text(table))
    assert (row["n"], row["milliseconds_per_step"], row["mebibytes"], row["reference"]) == ("1", "", "15.000000", "")


def test_the_page_shows_what_it_cost_and_no_number_of_the_findings_depends_on_it(tmp_path) -> None:
    plan = quick_plan()
    records = records_of(plan, BEYOND)
    plain, told = tmp_path / "plain", tmp_path / "told"
    write_results(plain, plan, records)
    write_results(told, plan, measured(plan, records, usual))
    for folder in (plain, told):
        write_report(folder)
    for name in ("runs.csv", "summary.csv", "summary.md", "contrasts.csv", "verdict.json"):
        assert (plain / name).read_bytes() == (told / name).read_bytes(), name
    pages = [(folder / "report.html").read_text() for folder in (plain, told)]
    assert ["What it cost" in page for page in pages] == [False, True]
    assert not (plain / "costs.csv").exists()
    flat = re.sub(r"\s+", " ", pages[1])
    titles = [f"{what} vs Barlow Twins, intact, jitter on" for what in ("time", "memory")]
    assert "".join(f"<th>{title}</th>" for title in ("arm", "n", "ms a step", "MiB", *titles)) in flat
    texts = ("BYOL, shuffled, jitter off", "3", "24.0", "15.0", "2.00", "3.00")
    assert "".join(f"<td>{text}</td>" for text in texts) in flat
    assert "they compare only within one run" in flat
    assert "counted from its tensors and not sampled" in flat


def test_a_table_of_costs_of_an_earlier_report_does_not_stay(tmp_path) -> None:
    plan = quick_plan(seeds=1)
    write_results(tmp_path, plan, records_of(plan, BEYOND))
    (tmp_path / "costs.csv").write_text("old")
    write_report(tmp_path)
    assert not (tmp_path / "costs.csv").exists()
