"""Steps on the fake card: each is taken as one CUDA graph, nothing in it is forbidden, and it has few kernels.

`tests.gpu.card.steps` says what is compiled by Inductor and what is captured with torch's own kernels.
"""

import itertools
from typing import get_args

import pytest

from barlowcli.registry import METHODS, OPTIMIZERS, SHUFFLES
from barlowcli.settings.any_method import settings_of
from barlowcli.settings.views import Jitter
from tests.gpu.card.child import answer
from tests.gpu.card.fixtures import card as card

NODES = 461
"""At most, of a step of Barlow Twins: ResNet-18, 512 images of 32 x 32, D = 2048, bfloat16, SGD. 452 were counted, with
torch 2.15. A shorter step lowers it."""
HARMLESS = {"cublasSetMathMode", "cublasSetWorkspace_v2", "cudaGraphDestroy", "cudnnBackendDestroyDescriptor"} | {
    "cudnnBackendFinalize",
    "cublasLtMatmulDescSetAttribute",
    "cublasLtMatmulDescDestroy",
    "cublasLtMatrixLayoutSetAttribute",
    "cublasLtMatrixLayoutDestroy",
    "cublasLtMatmulPreferenceSetAttribute",
    "cublasLtMatmulPreferenceDestroy",
    "cublasGetVersion_v2",
}
"""Functions that the card does not have and a step calls: none of them gives work to the device, which would go
uncounted."""


def steps(which):
    @pytest.fixture(scope="module")
    def found(card):
        return answer(card, "tests.gpu.card.steps", which)

    return found


methods, arms, resnet = steps("methods"), steps("arms"), steps("resnet")


def problems(found):
    """What is wrong with each of some steps: it was not captured, something was refused or slipped past the graph, the
    graph reads memory of the host that is not its own, a replay is more than its inputs and one launch."""
    wrong = {}
    for name, step in found.items():
        said = [
            *step["notes"],
            *step["violations"],
            *(f"reads memory of others: {size} bytes" for size in step["reused"]),
        ]
        said += [f"unknown: {what}" for what in step["others"] if what not in HARMLESS]
        said += [f"not {step['way']}"] if step["way"] != "captured" or len(step["nodes"]) != 1 else []
        said += [] if step["replay"] == {"copy on the card": 2, "graph launch": 1, "launch": 3} else [step["replay"]]
        if said:
            wrong[name] = said
    return wrong


def test_every_method_is_captured_with_every_optimiser(methods):
    trained = [name for name in METHODS.names() if settings_of(name).trains]
    assert list(methods) == [f"{name} {optimizer}" for name in trained for optimizer in OPTIMIZERS.names()]
    assert problems(methods) == {}
    assert all(any(kernel.startswith("triton: ") for kernel in step["nodes"][0]) for step in methods.values())


def test_every_arm_is_captured_with_every_jitter(arms):
    assert list(arms) == [" ".join(pair) for pair in itertools.product(SHUFFLES.names(), get_args(Jitter))]
    assert problems(arms) == {}


@pytest.mark.parametrize("which", ["methods", "arms", "resnet"])
def test_every_convolution_has_its_channels_last(which, request):
    layouts = [layout for step in request.getfixturevalue(which).values() for layout in step["layouts"]]
    assert len(layouts) > 5
    assert [layout for layout in layouts if not layout.startswith("NHWC ")] == []


def test_a_step_of_resnet_18_has_few_kernels(resnet):
    assert problems(resnet) == {}
    assert sum(resnet["barlow"]["nodes"][0].values()) <= NODES
