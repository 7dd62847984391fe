import itertools
import math
import random
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import stats

from barlowcli.analysis.lines import lines
from barlowcli.analysis.results import Results
from barlowcli.experiment.files import experiment_names, load_experiment
from barlowcli.experiment.model import Curve
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.plan.plan import Plan
from barlowcli.plots.curve import curve_plot, published_along
from barlowcli.plots.points import curve_controls, line_points, places
from barlowcli.plots.saving import save
from barlowcli.plots.strokes import strokes
from barlowcli.plots.style import styled
from barlowcli.records.record import Record
from barlowcli.report.content import draw
from tests.synthetic_grids import augmentations_truth, by_hand, dims_truth, grid_plan, grid_records, patch_truth

DIMS = Curve(axis="dims", label="D")


def drawn(results: Results) -> Figure:
    """The curve of results that have one."""
    drawing = curve_plot(results)
    assert drawing is not None
    return drawing.figure


def means_of(records: dict[str, Record]) -> dict[Any, dict[str, float]]:
    """(method, dims, hidden, lambda) -> mean, std and count of the accuracy on intact images."""
    rows = [{**r.axes, "accuracy": r.metrics["linear.h.none.label"]} for r in records.values() if not r.control]
    arms = pd.DataFrame(rows).groupby(["method", "dims", "hidden", "lambda"])["accuracy"].agg(["mean", "std", "count"])
    return {key: {str(name): value for name, value in row.items()} for key, row in arms.to_dict("index").items()}


def untrained_mean(records: dict[str, Record], domain: str) -> float:
    metric = f"linear.h.{domain}.label"
    found = [r for r in records.values() if r.axes["method"] == "random-init" and metric in r.metrics]
    return float(np.mean([value for _, value in sorted({(r.seed, r.metrics[metric]) for r in found})]))


def with_markers(axes: Axes, count: int) -> list[Line2D]:
    """The lines that go through `count` means."""
    return [line for line in axes.lines if line.get_marker() not in ("None", "x") and length(line) == count]


def length(line: Line2D) -> int:
    return len(np.asarray(line.get_xdata()))


def test_the_points_are_the_means_of_the_arms() -> None:
    plan = grid_plan("dims", "cifar10", axes={"dims": ["16", "2048", "8192"]})
    records = grid_records(plan, dims_truth)
    expected = means_of(records)
    for line in lines(Results(plan, records), "dims"):
        points = line_points(line, "none")
        assert [point.value for point in points] == ["16", "2048", "8192"]
        for point in points:
            hidden = "-" if point.value == "2048" else str(line.at["hidden"])
            row = expected[line.method, point.value, hidden, str(line.at["lambda"])]
            assert point.interval.mean == pytest.approx(row["mean"])
            half = stats.t.ppf(0.975, row["count"] - 1) * row["std"] / math.sqrt(row["count"])
            assert point.interval.half_width == pytest.approx(half)


def test_what_is_drawn_is_what_was_measured_and_published() -> None:
    plan = grid_plan("dims")
    records = grid_records(plan, dims_truth)
    first, second = drawn(Results(plan, records)).axes
    assert [text.get_text() for text in first.get_xticklabels()] == ["16", "64", "256"]
    assert second.get_xticks().tolist() == list(range(4, 15))
    expected = means_of(records)
    arms = [("barlow", "fixed"), ("barlow", "c/D"), ("byol", "-"), ("simclr", "-")]
    measured = with_markers(first, 3)
    assert len(measured) == len(arms)
    for (method, rule), line in zip(arms, measured, strict=True):
        ys = [expected[method, dims, "256", rule]["mean"] for dims in ("16", "64", "256")]
        assert np.asarray(line.get_ydata()) == pytest.approx(ys)
        assert np.asarray(line.get_xdata()) == pytest.approx([4, 6, 8], abs=0.6)
        assert np.diff(np.asarray(line.get_xdata())) == pytest.approx([2, 2])
    changes = with_markers(second, 3)
    for (method, rule), line in zip(arms, changes, strict=True):
        ys = [expected[method, dims, "256", rule]["mean"] for dims in ("16", "64", "256")]
        assert np.asarray(line.get_ydata()) == pytest.approx([100 * (y - ys[-1]) for y in ys])
    (byol,) = with_markers(second, 6)
    assert np.asarray(byol.get_xdata()).tolist() == [4, 5, 6, 7, 8, 9]
    assert np.asarray(byol.get_ydata()) == pytest.approx([69.9 - 72.5, 71.3 - 72.5, 72.2 - 72.5, 0, 0, 0.1])
    assert byol.get_markerfacecolor() == "white"
    assert byol.get_color() == changes[2].get_color()
    legend = first.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "Barlow Twins, λ fixed",
        "Barlow Twins, λ c/D",
        "BYOL",
        "SimCLR",
        "Barlow Twins, published",
        "BYOL, published",
        "SimCLR, published",
    ]


def test_every_seed_is_a_dot_and_a_collapsed_one_is_marked() -> None:
    plan = grid_plan("dims", axes={"method": ["byol"]})
    records = grid_records(plan, dims_truth)
    cell = next(cell for cell in plan.cells if cell.axes["dims"] == "64" and cell.seed == 1)
    records[cell.id] = records[cell.id].model_copy(update={"status": "collapsed"})
    lost = next(cell for cell in plan.cells if cell.axes["dims"] == "16" and cell.seed == 0)
    del records[lost.id]
    first = drawn(Results(plan, records)).axes[0]
    (mark,) = [line for line in first.lines if line.get_marker() == "x"]
    assert np.asarray(mark.get_ydata()).tolist() == [records[cell.id].metrics["linear.h.none.label"]]
    dots = [float(np.asarray(line.get_ydata())[0]) for line in with_markers(first, 1)]
    others = [r.metrics["linear.h.none.label"] for r in records.values() if r.status == "ok" and not r.control]
    assert sorted(dots) == pytest.approx(sorted(others))
    legend = first.get_legend()
    assert legend is not None
    assert "collapsed" in [text.get_text() for text in legend.get_texts()]
    assert [text for text in first.texts if "Without numbers: 1 not run." in text.get_text()]


@pytest.mark.parametrize(
    ("scale", "values", "side", "expected"),
    [
        ("log2", ["16", "256"], None, {"16": 4, "256": 8}),
        ("linear", ["0", "0.5", "2"], None, {"0": 0, "0.5": 0.5, "2": 2}),
        ("log2", ["none", "patch-4", "pixels"], 32, {"pixels": 0, "patch-4": 2, "none": 5}),
        ("log2", ["none", "patch-4", "pixels"], None, {"pixels": 0, "patch-4": 2, "none": 3}),
        ("log2", ["none", "equalise", "patch-8"], 8, {"patch-8": 3, "none": 4, "equalise": 5}),
        ("log2", ["0", "8"], None, {"0": 0, "8": 8}),
    ],
)
def test_where_values_stand(scale: str, values: list[str], side: int | None, expected: dict[str, float]) -> None:
    plan = grid_plan("dims", seeds=1, settings={} if side is None else {"data.image_size": side})
    found = places(plan, DIMS.model_copy(update={"scale": scale}), values)
    assert found == pytest.approx(expected)
    assert list(found) == list(expected)


def test_shuffled_training_has_two_panels_and_the_untrained_encoder_along_the_axis() -> None:
    plan = grid_plan("dose-patch")
    records = grid_records(plan, patch_truth)
    own, intact = drawn(Results(plan, records)).axes
    assert [axes.get_title(loc="left") for axes in (own, intact)] == [
        "Probed on images shuffled as in training",
        "Probed on intact images",
    ]
    across, along = curve_controls(Results(plan, records), "shuffle", "own")
    assert {control.kind for control in across} == {"trained", "histogram"}
    assert along.keys() == set(plan.axes["shuffle"])
    for cells in (plan.cells, plan.cells[::-1]):  # an arm whose cells are not all probed on the same images
        reordered = plan.model_copy(update={"cells": cells})
        assert curve_controls(Results(reordered, records), "shuffle", "own")[1].keys() == along.keys()
    dashed = max((line for line in own.lines if line.get_marker() == "None"), key=length)
    expected = [untrained_mean(records, domain) for domain in plan.axes["shuffle"]]
    assert np.asarray(dashed.get_ydata()) == pytest.approx(expected)
    assert [text for text in own.texts if text.get_text() == "untrained, images shuffled alike"]
    assert curve_controls(Results(plan, records), "shuffle", "none")[1] == {}
    for axes, domain in ((own, "own"), (intact, "none")):
        for line, mark in zip(lines(Results(plan, records), "shuffle"), with_markers(axes, 4), strict=True):
            means = [point.interval.mean for point in line_points(line, domain)]
            assert np.asarray(mark.get_ydata()) == pytest.approx(means)


def test_there_is_no_curve_without_an_axis_to_draw_it_along() -> None:
    dims = grid_plan("dims")
    assert curve_plot(Results(dims, {})) is None
    augmentations = grid_plan("augmentations")
    assert curve_plot(Results(augmentations, grid_records(augmentations, augmentations_truth))) is None
    single = grid_plan("dims", axes={"dims": ["64"]})
    records = grid_records(single, dims_truth)
    assert curve_plot(Results(single, records)) is None
    assert [plot.name for plot in draw(Results(single, records), {})] == ["accuracy", "factor-colour"]


def test_a_curve_stands_in_the_place_of_accuracy_by_arm() -> None:
    plan = grid_plan("dims")
    assert [plot.name for plot in draw(Results(plan, grid_records(plan, dims_truth)), {})] == ["curve", "factor-colour"]


def test_methods_that_are_not_in_the_grid_are_not_drawn() -> None:
    plan = grid_plan("dims", axes={"method": ["byol"]})
    assert {change.method for change in published_along(plan)} == {"byol"}
    assert published_along(grid_plan("dims", axes={"method": ["simsiam"]})) == []
    assert published_along(grid_plan("augmentations")) == []


def test_bytes_depend_on_the_numbers_alone() -> None:
    plan = grid_plan("dims")
    records = grid_records(plan, dims_truth)
    first = curve_plot(Results(plan, records))
    assert first is not None
    saved = save(first)
    names = list(records)
    random.Random(1).shuffle(names)
    with matplotlib.rc_context():
        matplotlib.rc("lines", linewidth=9)
        again = curve_plot(Results(plan, {name: records[name] for name in names}))
        assert again is not None
        assert save(again) == saved


def curves() -> list[tuple[str, str]]:
    return [
        (name, preset)
        for name in experiment_names()
        if load_experiment(name).curve is not None
        for preset in ("quick", "cifar10")
    ]


def the_plan(name: str, preset: str) -> Plan:
    spec = load_experiment(name)
    return build_plan(spec, preset, Overrides(settings=by_hand(spec, preset)), on_cuda=False)


@pytest.mark.parametrize(("name", "preset"), curves())
def test_no_two_lines_look_alike(name: str, preset: str) -> None:
    plan = the_plan(name, preset)
    assert plan.experiment.curve is not None
    look = strokes(Results(plan, {}), plan.experiment.curve.axis)
    assert len({(look.colour(line), look.marker(line), look.dash(line)) for line in look.lines}) == len(look.lines)
    assert len({line.name for line in look.lines}) == len(look.lines)


@pytest.mark.parametrize(("name", "preset"), curves())
def test_ticks_do_not_run_into_one_another(name: str, preset: str) -> None:
    plan = the_plan(name, preset)
    figure = drawn(Results(plan, grid_records(plan, lambda cell: 0.5)))
    with styled():
        figure.draw_without_rendering()
    assert figure.axes
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.get_xticklabels()]
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))
