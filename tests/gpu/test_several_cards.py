"""Several fake cards: what the doctor lists, and what a run would use."""

import json

import pytest

from tests.gpu.card.child import python
from tests.gpu.card.fixtures import card as card


@pytest.mark.parametrize(
    ("visible", "lines"),
    [
        (
            "1,0",
            {
                "GPU 0": "Fake H100 (computes nothing), 1: 80.0 GiB of 80.0 GiB free",
                "GPU 1": "Fake H100 (computes nothing), 0: 80.0 GiB of 80.0 GiB free",
            },
        ),
        ("1", {"GPU 0": "Fake H100 (computes nothing), 1: 80.0 GiB of 80.0 GiB free"}),
    ],
)
def test_the_doctor_lists_the_cards_that_are_visible_and_a_run_takes_them_all(card, visible, lines):
    told = {"FAKE_CUDA_DEVICES": "2", "CUDA_VISIBLE_DEVICES": visible}
    done = python(card, "-m", "barlowcli", "doctor", "--json", told=told)
    said = json.loads(done.stdout)
    assert {name: text for name, text in said["found"].items() if name.startswith("GPU")} == lines
    ways = {1: "1 cell at once", 2: "2 cells at once on 2 GPUs"}
    assert said["would_use"] == f"device cuda, preset cifar10, {ways[len(lines)]}"
