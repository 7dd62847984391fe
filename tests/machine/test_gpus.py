"""Which GPUs a run uses, from what the environment, nvidia-smi and torch say of them."""

import subprocess

import pytest

from barlowcli.machine import gpus as room
from barlowcli.machine.gpus import CUDA, ROCM, Gpu, as_gpus, choose, gpus, named, seen, separate

GIB = 2**30
WHOLE = """GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-11111111-aaaa)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-22222222-bbbb)
"""
SLICED = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-11111111-aaaa)
  MIG 3g.20gb     Device  0: (UUID: MIG-33333333-cccc)
  MIG 1g.5gb      Device  1: (UUID: MIG-44444444-dddd)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-22222222-bbbb)
"""


def card(number: int | str, free: int, total: int = 80, **more: str) -> Gpu:
    return Gpu(str(number), "NVIDIA H100", total * GIB, free * GIB, **more)


def answer(*free: int, rocm: bool = False) -> dict[str, object]:
    return {"rocm": rocm, "gpus": [{"name": "a GPU", "free": one, "total": 80} for one in free]}


@pytest.mark.parametrize(
    ("visible", "listed", "ids"),
    [
        (None, "", []),
        (None, WHOLE, []),
        (None, SLICED, ["MIG-33333333-cccc", "MIG-44444444-dddd", "GPU-22222222-bbbb"]),
        ("0,1", SLICED, []),  # by number CUDA shows one slice of each, or the GPU
        ("MIG-33333333-cccc", SLICED, ["MIG-33333333-cccc"]),
        ("MIG-44444444-dddd,GPU-22222222-bbbb", "", ["MIG-44444444-dddd", "GPU-22222222-bbbb"]),
    ],
)
def test_slices_are_looked_at_one_by_one_and_whole_gpus_together(visible, listed, ids):
    assert separate(visible, listed) == ids


@pytest.mark.parametrize(
    ("visible", "ids"),
    [
        ("0", ["0"]),
        (" 2, 0 ", ["2", "0"]),
        ("1,-1,0", ["1"]),
        ("", []),
        ("3,,1", ["3"]),
        ("GPU-12ab,1", ["GPU-12ab", "1"]),
    ],
)
def test_what_is_visible_is_read_as_cuda_reads_it(visible, ids):
    assert named(visible) == ids


def test_each_gpu_keeps_the_name_that_shows_a_worker_it_alone():
    assert [gpu.id for gpu in as_gpus(answer(1, 2, 3), {})] == ["0", "1", "2"]
    by_slurm = as_gpus(answer(1, 2), {CUDA: "3,5"})
    assert [(gpu.id, gpu.free, gpu.variable) for gpu in by_slurm] == [("3", 1, CUDA), ("5", 2, CUDA)]
    assert [gpu.id for gpu in as_gpus(answer(1), {CUDA: "2,9"})] == ["2"]  # there is no ninth


def test_rocm_goes_by_its_own_variable_first():
    own = as_gpus(answer(1, 2, rocm=True), {CUDA: "0,1", ROCM: "4,6"})
    assert [(gpu.id, gpu.variable) for gpu in own] == [("4", ROCM), ("6", ROCM)]
    assert [gpu.id for gpu in as_gpus(answer(1, rocm=True), {CUDA: "2"})] == ["2"]
    assert [gpu.id for gpu in as_gpus(answer(1), {ROCM: "2"})] == ["0"]  # of no meaning to CUDA


def test_a_gpu_that_others_use_is_left_out_and_said():
    free, busy, screen = card(0, 79), card(1, 3), card(2, 7, 8)
    found = choose([free, busy, screen], chosen=False)
    assert found.used == (free, screen)
    assert found.notes == (
        "GPU 1 (NVIDIA H100) is left out: other processes use it (3.0 GiB of 80.0 GiB free); "
        "CUDA_VISIBLE_DEVICES=0,1,2 takes it too",
    )


def test_where_all_are_busy_the_one_with_most_free_memory_is_used():
    found = choose([card(0, 3), card(1, 30), card(2, 20)], chosen=False)
    assert [gpu.id for gpu in found.used] == ["1"]
    assert [note.split(" is ")[0] for note in found.notes] == [f"GPU {k} (NVIDIA H100)" for k in (0, 1, 2)]
    assert "GPU 1 (NVIDIA H100) is used by other processes too (30.0 GiB of 80.0 GiB free)" in found.notes


def test_those_that_somebody_chose_are_used_busy_or_not():
    found = choose([card("MIG-33", 1), card("GPU-22", 80)], chosen=True)
    assert [gpu.id for gpu in found.used] == ["MIG-33", "GPU-22"]
    assert found.notes == ("MIG-33 (NVIDIA H100) is used by other processes too (1.0 GiB of 80.0 GiB free)",)


def test_one_that_torch_cannot_use_is_never_used():
    broken = Gpu("1", trouble="CUDA error: uncorrectable ECC error encountered")
    for chosen in (False, True):
        found = choose([card(0, 80), broken], chosen=chosen)
        assert [gpu.id for gpu in found.used] == ["0"]
        assert found.notes == ("GPU 1 cannot be used: CUDA error: uncorrectable ECC error encountered",)


def test_a_look_that_fails_says_why(monkeypatch):
    assert seen({CUDA: ""}, {CUDA: "MIG-33"}) == (Gpu("MIG-33", trouble="torch sees no such GPU"),)
    monkeypatch.setattr(room, "LOOK", "raise SystemExit('the driver is too old')")
    assert seen({}, {}) == (Gpu("0", trouble="the driver is too old"),)
    monkeypatch.setattr(room, "LOOK", "import time; time.sleep(60)")
    monkeypatch.setattr(room, "PATIENCE_SECONDS", 0.01)
    assert "timed out" in seen({}, {})[0].trouble


def test_gpus_are_looked_at_only_for_cuda(monkeypatch):
    def refuse(*arguments: object, **more: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "run", refuse)
    assert gpus("cpu") == gpus("mps") == room.Gpus()
