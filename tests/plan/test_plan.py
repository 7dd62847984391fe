import itertools
import json

import pytest

from barlowcli.errors import ConfigError, ResultsError
from barlowcli.experiment.files import load_experiment
from barlowcli.plan.freezing import freeze, read_plan, write_plan
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.settings.cell import cell_id
from barlowcli.settings.methods import ByolSettings
from barlowcli.settings.tables import merge

SPEC = load_experiment("shuffle-test")
SHUFFLES = ("none", "pixels", "equalise")


def plan_of(axes=None, settings=None, seeds=None, preset="quick", on_cuda=False):
    return build_plan(SPEC, preset, Overrides(axes or {}, settings or {}, seeds), on_cuda=on_cuda)


def test_the_quick_grid_is_60_cells_and_its_controls():
    plan = plan_of()
    grid = [cell for cell in plan.cells if not cell.control]
    arms = {(c.axes["method"], c.axes["shuffle"], c.axes["jitter"]) for c in grid}
    assert arms == set(itertools.product(("barlow", "byol"), SHUFFLES, ("on", "off")))
    assert len(grid) == 60
    controls = {(c.axes["method"], c.axes["shuffle"]) for c in plan.cells if c.control}
    assert controls == {
        *(("random-init", shuffle) for shuffle in ("-", "equalise")),
        *(("supervised", shuffle) for shuffle in (*SHUFFLES, "equalise+pixels")),
        ("histogram", "-"),
    }


def test_seeds_pair_arms_only_the_axes_differ():
    cells = {(*c.axes.values(), c.seed): c.config for c in plan_of().cells}
    a, b = cells["barlow", "none", "off", 1], cells["barlow", "pixels", "off", 1]
    assert a.views is not None
    assert b == a.model_copy(
        update={
            "views": a.views.model_copy(update={"shuffle": "pixels"}),
        }
    )


def test_jitter_off_takes_greyscale_with_it_unless_set_apart():
    off = plan_of({"jitter": ["off"]}).cells[0].config.views
    apart = plan_of({"jitter": ["off"], "grayscale": ["on"]}).cells[0].config.views
    assert off is not None
    assert apart is not None
    assert (off.jitter, off.grayscale, apart.grayscale) == ("off", "off", "on")


def test_an_id_is_the_same_in_every_plan_and_changes_with_any_setting():
    ids = {cell.id for cell in plan_of().cells}
    assert {cell.id for cell in plan_of({"jitter": ["off"]}).cells} < ids
    assert not {c.id for c in plan_of(settings={"training.lr": 0.11}).cells if c.config.training} & ids
    assert len(ids) == len(plan_of().cells)


def test_an_untrained_control_does_not_depend_on_how_others_train():
    def controls(plan):
        return {c.id for c in plan.cells if c.axes["method"] == "random-init"}

    assert controls(plan_of()) == controls(plan_of(settings={"training.epochs": 3}))


def test_data_elsewhere_with_the_same_content_are_the_same_cell():
    config = plan_of().cells[0].config
    here, there = (
        config.model_copy(update={"data": config.data.model_copy(update={"name": name, "fingerprint": "abc"})})
        for name in ("folder:/here", "folder:/there")
    )
    changed = here.model_copy(update={"data": here.data.model_copy(update={"fingerprint": "abd"})})
    assert cell_id(here) == cell_id(there) != cell_id(changed)


UNUSED = {"method.tau": 0.5, "views.hue": 0.1, "views.blur_sigma": [1.0, 1.5], "method.tau_at": 32}


@pytest.mark.parametrize("key", UNUSED)
def test_a_setting_that_changes_nothing_is_refused_when_asked_for_and_makes_no_other_cell(key):
    axes = {"method": ["barlow"], "jitter": ["off"]}
    with pytest.raises(ConfigError, match=f"{key}: no cell of this grid uses it"):
        plan_of(axes, {key: UNUSED[key]})
    spec = load_experiment("shuffle-test")
    changed = spec.model_copy(update={"settings": {**spec.settings, key: UNUSED[key]}})
    plans = [build_plan(one, "quick", Overrides(axes), on_cuda=False) for one in (spec, changed)]
    assert {c.id for c in plans[0].cells} == {c.id for c in plans[1].cells}


def test_a_setting_that_some_cell_uses_makes_other_cells():
    first = {c.id for c in plan_of({"method": ["byol"]}).cells if not c.control}
    assert {c.id for c in plan_of({"method": ["byol"]}, {"method.tau": 0.5}).cells if not c.control}.isdisjoint(first)


def test_a_gpu_and_a_cpu_never_stand_in_one_report(tmp_path):
    freeze(tmp_path, plan_of())
    plan, left_out = freeze(tmp_path, plan_of(on_cuda=True))
    assert len(plan.cells) == 95
    assert left_out == 80


def test_warm_up_takes_a_quarter_of_a_short_run():
    training = plan_of(settings={"training.epochs": 2}).cells[0].config.training
    assert training is not None
    assert training.warmup_epochs == 0.5


def test_the_supervised_ceilings_stand_beside_every_grid():
    controls = {c.axes["shuffle"] for c in plan_of({"shuffle": ["none"]}).cells if c.axes["method"] == "supervised"}
    assert controls == {"none", "pixels", "equalise+pixels"}


def test_other_shuffle_arms_bring_their_own_random_encoder_and_domain():
    plan = plan_of({"shuffle": ["patch-4"]})
    random = [cell for cell in plan.cells if cell.axes["method"] == "random-init"]
    assert {cell.axes["shuffle"] for cell in random} == {"patch-4"}
    assert random[0].config.evaluation.domains == ("none", "pixels", "patch-4")


def test_precision_follows_the_device():
    assert plan_of(on_cuda=True).cells[0].config.training.precision == "bf16"
    assert plan_of().cells[0].config.training.precision == "fp32"


@pytest.mark.parametrize(
    ("axes", "settings", "message"),
    [
        ({}, {"training.epoch": 3}, "training.epoch: no such key; did you mean `epochs`?"),
        ({}, {"training.epochs": -3}, "training.epochs: input should be greater than or equal to 1, got -3"),
        ({"shuffle": ["pixel"]}, {}, "views.shuffle: no shuffle arm named `pixel`; did you mean `pixels`?"),
        ({"method": ["barlw"]}, {}, "method.name: no method named `barlw`; did you mean `barlow`?"),
        ({}, {"method.variance_weight": 1}, "method.variance_weight: no method of this grid (barlow, byol) has it"),
        ({}, {"views.jitter": "off"}, "views.jitter is what the axis `jitter` varies"),
        ({}, {"data.name": "cifar11"}, "data.name: no dataset named `cifar11`; did you mean `cifar10`?"),
        ({}, {"nonsense": 1}, "nonsense: no such key"),
    ],
)
def test_mistakes_name_their_key(axes, settings, message):
    with pytest.raises(ConfigError) as error:
        plan_of(axes, settings)
    assert message in "\n".join((*error.value.problems, error.value.hint))


def test_a_setting_that_some_method_of_the_grid_has_reaches_that_method_alone():
    plan = plan_of(settings={"method.lambda": 0.01})
    methods = {cell.config.method.name: cell.config.method for cell in plan.cells if not cell.control}
    assert methods["barlow"].model_dump()["lambda_"] == 0.01
    assert methods["byol"] == ByolSettings(tau=0.96)


def test_a_plan_grows_with_what_is_asked_later_and_the_order_is_the_same(tmp_path):
    freeze(tmp_path, plan_of({"jitter": ["off"]}))
    grown, left_out = freeze(tmp_path, plan_of({"jitter": ["on"]}))
    assert left_out == 0
    assert grown == plan_of()
    assert read_plan(tmp_path) == grown


def test_another_base_takes_the_place_of_the_old_plan(tmp_path):
    freeze(tmp_path, plan_of())
    plan, left_out = freeze(tmp_path, plan_of(settings={"training.epochs": 2}))
    assert left_out == 80  # all that are trained; random-init and histogram do not depend on epochs
    assert len(plan.cells) == 95


def test_claims_are_frozen(tmp_path):
    freeze(tmp_path, plan_of())
    claims = [claim.model_copy(update={"margin": 0.5}) for claim in SPEC.claims]
    moved = build_plan(SPEC.model_copy(update={"claims": claims}), "quick", Overrides(), on_cuda=False)
    with pytest.raises(ConfigError, match="claims of shuffle-test differ from those frozen"):
        freeze(tmp_path, moved)


def test_a_plan_that_was_edited_is_refused(tmp_path):
    freeze(tmp_path, plan_of())
    path = tmp_path / "plan.json"
    value = json.loads(path.read_text())
    value["experiment"]["claims"][1]["margin"] = 0.9
    path.write_text(json.dumps(value))
    with pytest.raises(ResultsError, match="was changed after it was frozen"):
        read_plan(tmp_path)


def test_merge_goes_deep_and_the_later_wins():
    assert merge({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"d": 4}) == {"a": {"b": 3, "c": 2}, "d": 4}


def test_a_plan_has_the_words_of_an_axis_where_its_file_has_some(tmp_path):
    plan = build_plan(load_experiment("dims"), "quick", Overrides({"grayscale": ["on"]}, seeds=1), on_cuda=False)
    write_plan(tmp_path, plan)
    axes = json.loads((tmp_path / "plan.json").read_text())["experiment"]["axes"]
    assert {name: axis["says"] for name, axis in axes.items() if "says" in axis} == {
        "dims": "D = {value}",
        "lambda": "λ {value}",
    }
    assert not any("words" in axis for axis in axes.values())
    assert read_plan(tmp_path) == plan
