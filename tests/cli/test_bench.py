"""`barlow bench` measures what it says, on the smallest cell."""

import json

import pytest

TINY = ("bench", "--preset", "quick", "--device", "cpu", "--limit", "200", "--epochs", "1", "--seconds", "0.02")
SMALL = ("--set", "data.test_limit=100", "--set", "training.batch_size=32", "--set", "evaluation.mlp_epochs=1")
MEASURED = ("matrix products", "views", "steps: eager", "a whole cell")


def test_the_numbers_belong_together(run):
    code, out, err = run(*TINY, *SMALL, "--json")
    assert code == 0, err
    assert [line.removeprefix("measuring ") for line in err.splitlines()[1:]] == list(MEASURED)
    found = json.loads(out)
    (step,) = found["steps"].values()
    assert found["batch"] == 32
    assert step["views"] == pytest.approx(2 * 32 / (step["ms"]["median"] / 1e3))
    rate = found["flops"] / (step["ms"]["median"] / 1e3)
    assert step["share"] == pytest.approx(rate / found["matrix_products"]["fp32"]["median"])
    for measured in (found["views"], step["ms"], found["matrix_products"]["fp32"]):
        assert 0 < measured["low"] <= measured["median"] <= measured["high"]
    assert found["stages"]["total"] >= found["stages"]["train"] > 0
    assert found["bytes"]["process_bytes"] > found["bytes"]["training_bytes"] > 0
    assert found["deterministic"] is None  # a CPU is so anyway
    assert found["provenance"]["device"] == "cpu"


def test_the_operations_of_a_step_are_those_of_its_convolutions_and_matrix_products(run):
    wide, narrow = (
        json.loads(run(*TINY, *SMALL, "--json", "--set", f"projector.dim={dim}")[1])["flops"] for dim in (256, 128)
    )
    # the projector's last layer, 2 N hidden D a pass, forward and twice backward, of both views; and the D x D or N x N
    # products of the loss, which make a difference of less than this
    hidden = 256
    layer = 3 * 2 * (2 * 32) * hidden * 128
    assert wide - narrow == pytest.approx(layer, rel=0.5)
    assert wide - narrow >= layer


def test_in_words_it_says_the_same_and_a_method_without_training_is_refused(run):
    code, out, _ = run(*TINY, *SMALL, "-q")
    assert code == 0
    names = [line.split("  ")[0] for line in out.splitlines()]
    assert names == ["device", "matrix products, fp32", "views", "step, eager", "a whole cell", "memory"]
    code, _, err = run(*TINY, "--method", "random-init")
    assert code == 2
    assert "no cell of this grid trains anything" in err
