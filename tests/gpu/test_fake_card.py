"""The fake card itself: what it lets pass, what it refuses, what it breaks when it is told to."""

import pytest

from tests.gpu.card.child import answer
from tests.gpu.card.fixtures import card as card


@pytest.fixture(scope="module")
def rules(card):
    return answer(card, "tests.gpu.card.rules")


@pytest.mark.parametrize(
    ("name", "nodes"), [("kernels", 2), ("a product", 1), ("memory", 1), ("another stream, joined", 1)]
)
def test_what_can_be_captured_is_and_its_kernels_are_counted(rules, name, nodes):
    assert rules["captures"][name] == {"error": "", "nodes": nodes, "violations": [], "host_sources": 0}


@pytest.mark.parametrize(
    "name",
    [
        "a number read",
        "elements chosen by a mask",
        "a copy from the host",
        "a wait",
        "another stream, not joined",
    ],
)
def test_what_cannot_be_captured_is_refused(rules, name):
    found = rules["captures"][name]
    assert found["error"] != ""
    assert found["nodes"] == 0
    assert found["violations"] != [] or found["error"].startswith("Cannot copy between CPU and CUDA tensors")


def test_what_slips_past_a_capture_is_told(rules):
    assert rules["captures"]["another stream, not captured"]["violations"] != []
    assert rules["captures"]["a copy from pinned memory"]["host_sources"] == 1


def test_memory_is_counted_and_ends(rules):
    faults = rules["faults"]
    assert "out of memory" in faults["refused"]
    assert "out of memory" in faults["full"]
    assert (faults["taken"], faults["left"]) == (100 << 20, 0)


def test_a_broken_context_stays_broken(rules):
    assert all("an illegal memory access was encountered" in said for said in rules["faults"]["broken"])


def test_nobody_takes_it_for_a_real_card(rules):
    assert rules["name"] == "Fake H100 (computes nothing)"
