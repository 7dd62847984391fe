import io
import itertools
from collections.abc import Sequence
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image
from scipy import stats

from barlowcli.analysis.results import Arm, Results
from barlowcli.plots.accuracy import accuracy_plot
from barlowcli.plots.controls import controls
from barlowcli.plots.factors import factor_plots
from barlowcli.plots.levels import apart
from barlowcli.plots.rows import MOST_COLUMNS
from barlowcli.plots.saving import Drawing, save
from barlowcli.plots.scheme import scheme
from barlowcli.plots.style import HUES, styled
from barlowcli.plots.training import epoch_ticks, training_plot
from tests.synthetic_grids import augmentations_truth, dims_truth, grid_logs, grid_plan, grid_records
from tests.synthetic_results import BEYOND, cells_of, log_of, quick_plan, records_of


def laid_out(drawing: Drawing | None) -> Figure:
    """The figure of a plot that there is, every part in its place."""
    assert drawing is not None
    with styled():
        drawing.figure.draw_without_rendering()
    return drawing.figure


def ys(line: Line2D) -> list[float]:
    return [float(y) for y in np.asarray(line.get_ydata())]


def marked(axes: Axes, marker: str) -> list[Line2D]:
    return [line for line in axes.lines if line.get_marker() == marker]


def assert_columns(axes: Axes, arms: Sequence[Arm], domain: str) -> None:
    """Of every arm its seeds, its mean as a bar and in numbers, and from three seeds on its t interval as a whisker."""
    found = [list(arm.accuracies(domain).values()) for arm in arms]
    found = [values for values in found if values]
    assert [ys(line) for line in marked(axes, "o")] == found
    bare = [ys(line) for line in marked(axes, "None")]
    texts = [text.get_text() for text in axes.texts]
    for values in found:
        mean = float(np.mean(values))
        assert any(bar == pytest.approx([mean, mean]) for bar in bare)
        assert f"{100 * mean:.1f}" in texts
        half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values) if len(values) > 2 else None
        whiskers = [bar for bar in bare if half and bar == pytest.approx([mean - half, mean + half])]
        assert len(whiskers) == (half is not None)


def test_accuracy_by_arm_shows_every_arm_in_both_domains_and_the_controls_as_lines() -> None:
    plan = quick_plan()
    results = Results(plan, records_of(plan, BEYOND))
    arms = scheme(results).arms
    panels = laid_out(accuracy_plot(results)).axes
    for axes, domain in zip(panels, ("own", "none"), strict=True):
        assert_columns(axes, arms, domain)
        dashed = sorted(ys(line)[0] for line in axes.lines if line.is_dashed())
        means = [control.mean for control in controls(results, domain)]
        assert dashed == pytest.approx(sorted([*means, 0.11]))  # and chance
    names = [f"{shuffle}\njitter {jitter}" for shuffle in ("intact", "shuffled") for jitter in ("on", "off")]
    assert [label.get_text() for label in panels[-1].get_xticklabels()] == [*names, *names]


def test_factors_are_drawn_against_one_another_every_seed_and_the_means() -> None:
    plan = quick_plan()
    results = Results(plan, records_of(plan, BEYOND))
    look = scheme(results)
    (factor,) = factor_plots(results)
    assert factor.name == "factor-colour"
    for axes, domain in zip(laid_out(factor).axes, ("own", "none"), strict=True):
        pairs = [(arm.accuracies(domain), arm.accuracies(domain, "colour")) for arm in look.arms]
        pairs += [(control.values(), control.values("colour")) for control in controls(results, domain)]
        assert [(ys(line), np.asarray(line.get_xdata()).tolist()) for line in marked(axes, ".")] == [
            (list(other.values()), list(main.values())) for main, other in pairs
        ]
        means = [line for line in axes.lines if line.get_marker() != "."]
        assert [ys(line) for line in means] == [[pytest.approx(np.mean(list(other.values())))] for _, other in pairs]
        assert [str(line.get_markerfacecolor()) for line in means[: len(look.arms)]] == [
            look.colour(arm) for arm in look.arms
        ]


def test_both_files_show_the_drawing() -> None:
    plan = quick_plan()
    results = Results(plan, records_of(plan, BEYOND))
    drawing = accuracy_plot(results)
    assert drawing is not None
    plot = save(drawing)
    assert (plot.name, plot.alt, plot.caption) == (drawing.name, drawing.alt, drawing.caption)
    look = scheme(results)
    colours = {look.colour(arm).lower() for arm in look.arms}
    root = ElementTree.fromstring(plot.svg)
    width, height = (float(root.attrib[side].removesuffix("pt")) for side in ("width", "height"))
    drawn = {style.partition("fill: ")[2][:7] for one in root.iter() if "fill: " in (style := one.get("style", ""))}
    assert colours <= drawn
    with Image.open(io.BytesIO(plot.png)) as image:
        assert image.size == pytest.approx((width * 160 / 72, height * 160 / 72), abs=1.5)
        colours_drawn = np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)
        pixels = {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in colours_drawn}
    assert colours <= pixels


def test_training_has_a_panel_a_method_and_none_for_controls() -> None:
    for methods, titles in ((["barlow", "byol"], ["Barlow Twins", "BYOL"]), (["byol"], ["BYOL"])):
        plan = quick_plan(axes={"method": methods}, settings={"training.epochs": 8})
        logs = {cell.id: log_of(cell) for cell in plan.cells if cell.config.training}
        panels = laid_out(training_plot(Results(plan, {}), logs)).axes
        assert [axes.get_title(loc="left") for axes in panels] == titles
        for axes, method in zip(panels, methods, strict=True):
            losses = [[line["loss"] for line in logs[cell.id]] for cell in cells_of(plan, method=method)]
            assert sorted(ys(line) for line in axes.lines) == sorted(losses)
            assert all(np.asarray(line.get_xdata()).tolist() == list(range(1, 9)) for line in axes.lines)
            assert axes.get_xticks().tolist() == list(range(1, 9))
            assert len(axes.get_shared_y_axes().get_siblings(axes)) == 1
    supervised = {cell.id: log_of(cell) for cell in cells_of(plan, method="supervised")}
    assert training_plot(Results(plan, {}), supervised) is None


@pytest.mark.parametrize(
    ("last", "ticks"),
    [(1, [1]), (8, [1, 2, 3, 4, 5, 6, 7, 8]), (12, [1, 3, 5, 7, 9, 11]), (30, [1, 5, 10, 15, 20, 25, 30])],
)
def test_epochs_are_whole_and_start_at_one(last: int, ticks: list[int]) -> None:
    assert epoch_ticks(last) == ticks
    assert epoch_ticks(200) == [1, 50, 100, 150, 200]


def test_other_axes_and_one_method_and_few_seeds() -> None:
    plan = quick_plan(axes={"method": ["byol"], "shuffle": ["none"], "dims": ["16", "64", "256"]}, seeds=1)
    records = records_of(plan, BEYOND)
    del records[plan.cells[0].id]
    results = Results(plan, records)
    (axes,) = laid_out(accuracy_plot(results)).axes
    assert_columns(axes, scheme(results).arms, "none")
    assert [text.get_text() for text in axes.texts].count("1 not run") == 1


def test_nothing_to_show_is_no_plot() -> None:
    plan = quick_plan()
    assert accuracy_plot(Results(plan, {})) is None
    assert factor_plots(Results(plan, {})) == []
    assert training_plot(Results(plan, {}), {}) is None


def test_a_failed_cell_does_not_name_the_labels() -> None:
    plan = quick_plan()
    records = records_of(plan, BEYOND)
    first = plan.cells[0].id
    bare = {"status": "failed", "metrics": {}, "labels": ("label",), "label_names": {}}
    records[first] = records[first].model_copy(update=bare)
    plot = accuracy_plot(Results(plan, records))
    assert plot is not None
    assert plot.alt.startswith("digit accuracy")


def test_bytes_depend_on_the_numbers_alone() -> None:
    plan = quick_plan(axes={"method": ["barlow"]})
    records = records_of(plan, BEYOND)
    first = accuracy_plot(Results(plan, records))
    assert first is not None
    saved = save(first)
    before = dict(matplotlib.rcParams)
    with matplotlib.rc_context():
        matplotlib.rc("axes", titlesize=30)
        matplotlib.rc("svg", hashsalt=None)
        again = accuracy_plot(Results(plan, dict(reversed(list(records.items())))))
        assert again is not None
        assert save(again) == saved
    assert dict(matplotlib.rcParams) == before
    assert b"<dc:date>" not in saved.svg


def test_an_arm_has_one_colour_in_every_method_and_no_two_arms_share_one() -> None:
    plan = quick_plan(axes={"shuffle": ["none", "pixels", "equalise"]})
    look = scheme(Results(plan, {}))
    colours = {(arm.axes["method"], tuple(map(str, look.key(arm)))): look.colour(arm) for arm in look.arms}
    barlow = {key: colour for (method, key), colour in colours.items() if method == "barlow"}
    byol = {key: colour for (method, key), colour in colours.items() if method == "byol"}
    assert barlow == byol
    assert len(set(barlow.values())) == 6
    assert [barlow["none", "on"], barlow["none", "off"]] == list(HUES[0])
    assert {look.marker(arm) for arm in look.arms} == {"o", "s"}
    supervised = cells_of(plan, method="supervised", shuffle="pixels")[0]
    twin = next(arm for arm in look.arms if arm.axes["shuffle"] == "pixels" and arm.axes["jitter"] == "off")
    assert look.colour(Arm(supervised.at, True, (supervised,), {})) == look.colour(twin)


def test_many_arms_are_told_apart_by_line_style() -> None:
    plan = quick_plan(axes={"shuffle": ["none"], "dims": ["16", "32", "64"], "method": ["byol"]})
    look = scheme(Results(plan, {}))
    assert len({(look.colour(arm), look.line(arm)) for arm in look.arms}) == len(look.arms) == 6


@pytest.mark.parametrize("name", ["augmentations", "normalisation", "hybrid", "shuffle-test"])
def test_names_of_arms_do_not_run_into_one_another(name: str) -> None:
    plan = grid_plan(name, seeds=1)
    figure = laid_out(accuracy_plot(Results(plan, grid_records(plan, lambda cell: 0.5))))
    assert figure.get_figwidth() < 16
    for axes in figure.axes:
        boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_visible()]
        assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_many_arms_stand_in_rows_a_method_each() -> None:
    plan = grid_plan("augmentations", axes={"method": ["barlow", "byol", "simclr"]})
    records = grid_records(plan, augmentations_truth)
    rows = laid_out(accuracy_plot(Results(plan, records))).axes
    assert [axes.get_title(loc="left") for axes in rows] == ["Probed on intact images", "", ""]
    assert len({axes.get_ylim() for axes in rows}) == 1
    for axes, (method, name) in zip(
        rows, [("barlow", "Barlow Twins"), ("byol", "BYOL"), ("simclr", "SimCLR")], strict=True
    ):
        texts = [text.get_text() for text in axes.texts]
        assert name in texts
        for augmentation in plan.axes["augmentation"]:
            cells = cells_of(plan, method=method, augmentation=augmentation)
            mean = np.mean([records[cell.id].metrics["linear.h.none.label"] for cell in cells])
            assert f"{100 * mean:.1f}" in texts
    averaged = grid_plan("ema-dims")
    results = Results(averaged, grid_records(averaged, lambda cell: 0.5))
    counts = [len(axes.get_xticks()) for axes in laid_out(accuracy_plot(results)).axes]
    assert len(counts) > 1
    assert max(counts) <= MOST_COLUMNS
    assert sum(counts) == len(scheme(results).arms)


def test_more_hues_than_pairs_are_told_apart() -> None:
    many = scheme(Results(grid_plan("dims", "cifar10"), {}))
    assert many.hue_axis == "dims"
    assert len(many.hue_legend()) == len(set(many.hue_legend().values())) == 11
    assert list(many.shade_legend()) == [
        "hidden tied, λ fixed",
        "hidden tied, λ c/D",
        "hidden 2048, λ fixed",
        "hidden 2048, λ c/D",
    ]
    barlow = [arm for arm in many.arms if arm.axes["method"] == "barlow" and arm.axes["hidden"] != "-"]
    assert len({(many.colour(arm), many.line(arm)) for arm in barlow}) == len(barlow) == 40
    for arm in barlow:
        assert many.hue_legend()[f"D = {arm.axes['dims']}"] == many.colour(arm)
        assert many.shade_legend()[f"hidden {arm.axes['hidden']}, λ {arm.axes['lambda']}"][1] == many.line(arm)
    names = scheme(Results(grid_plan("normalisation"), {}))
    assert len({(names.colour(arm), names.line(arm)) for arm in names.arms}) == len(names.arms) == 11
    assert len({(names.colour(arm), names.marker(arm)) for arm in names.arms}) == 11


def test_a_legend_of_many_arms_names_their_parts() -> None:
    plan = grid_plan("dims", "cifar10", seeds=1)
    parts = [*(f"D = {dims}" for dims in plan.axes["dims"]), *scheme(Results(plan, {})).shade_legend()]
    training = laid_out(training_plot(Results(plan, {}), grid_logs(plan)))
    assert [text.get_text() for text in training.legends[0].get_texts()] == parts
    (factor,) = factor_plots(Results(plan, grid_records(plan, dims_truth)))
    methods = ["Barlow Twins", "BYOL", "SimCLR", "untrained, intact images"]
    assert [text.get_text() for text in factor.figure.legends[0].get_texts()] == [*parts[:11], *methods]


def test_training_has_a_panel_a_method_where_methods_are_values_of_another_axis() -> None:
    plan = grid_plan("hybrid", seeds=1)
    figure = laid_out(training_plot(Results(plan, {}), grid_logs(plan)))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Barlow Twins", "BYOL"]


def test_controls_by_panel() -> None:
    plan = quick_plan()
    records = records_of(plan, BEYOND)
    own = {control.name: str(control.probe) for control in controls(Results(plan, records), "own")}
    assert own == {
        "supervised, intact views": "linear.h.none",
        "supervised, shuffled views": "linear.h.pixels",
        "supervised, equalised, shuffled views": "linear.h.equalise+pixels",
        "untrained, intact images": "linear.h.none",
        "untrained, shuffled images": "linear.h.pixels",
        "histogram, small MLP": "mlp.joint.none",
    }
    intact = {control.name: str(control.probe) for control in controls(Results(plan, records), "none")}
    assert intact == {
        "supervised, intact views": "linear.h.none",
        "supervised, shuffled views": "linear.h.none",
        "supervised, equalised, shuffled views": "linear.h.none",
        "untrained, intact images": "linear.h.none",
        "histogram, small MLP": "mlp.joint.none",
    }
    trained = {name: record for name, record in records.items() if not record.control}
    assert controls(Results(plan, trained), "own") == []


@pytest.mark.parametrize("seed", range(30))
def test_labels_are_spread_apart_in_order_and_inside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 1, seed % 9 + 1).tolist()
    places = apart(values, 0.08, 0.0, 1.0)
    ordered = [place for _, place in sorted(zip(values, places, strict=True))]
    assert all(later - earlier >= 0.08 - 1e-9 for earlier, later in itertools.pairwise(ordered))
    assert min(places) >= -1e-9
    assert max(places) <= 1 + 1e-9


def test_labels_that_have_room_stay_where_they_are() -> None:
    assert apart([0.5, 0.1, 0.9], 0.1, 0, 1) == [0.5, 0.1, 0.9]
    assert apart([0.5, 0.5], 0.1, 0, 1) == pytest.approx([0.45, 0.55])
    assert apart([0.0, 0.0, 0.02], 0.1, 0, 1) == pytest.approx([0.0, 0.1, 0.2])
    assert apart([], 0.1, 0, 1) == []


def test_one_arm_alone_has_no_name_to_tell_it_apart_and_is_drawn() -> None:
    plan = quick_plan(seeds=1, axes={"method": ["barlow"], "shuffle": ["none"], "jitter": ["off"]})
    results = Results(plan, records_of(plan, BEYOND))
    (axes,) = laid_out(accuracy_plot(results)).axes
    (arm,) = scheme(results).arms
    assert_columns(axes, [arm], "none")
    assert [label.get_text() for label in axes.get_xticklabels()] == [""]
