"""The code that Inductor writes for the views on a card: what it computes, without one, and that it compiles."""

import json
import subprocess
import sys

import pytest

from tests.gpu.card.child import ROOT, python
from tests.gpu.card.fixtures import card as card
from tests.gpu.card.recipes import RECIPES

GREY_LEVELS = 0.01
"""Of 255, that the card's code may differ from eager views: rounding, of which .0002 were seen."""


@pytest.fixture(scope="module")
def code(card, tmp_path_factory):
    folder = tmp_path_factory.mktemp("code")
    done = python(card, "-m", "tests.gpu.card.views_code", str(folder))
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def without_a_card(module, *arguments):
    command = [sys.executable, "-m", f"tests.gpu.card.{module}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_interpreted_it_makes_the_views_that_eager_code_makes(code):
    apart = without_a_card("interpreter", code)
    assert apart.keys() == RECIPES.keys()
    assert {recipe: levels for recipe, levels in apart.items() if not levels <= GREY_LEVELS} == {}


def test_its_kernels_compile_for_ampere_and_hopper(code, tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    found = without_a_card("cubins", code, 80, 90)
    assert found.keys() == {"80", "90"}
    for kernels in found.values():
        assert len(kernels) >= 10
        assert all(kernel["cubin"] > 1000 for kernel in kernels)
        assert all(kernel["shared"] <= 48 << 10 for kernel in kernels)  # what any card gives a kernel
