"""What CUDA, its libraries and torch say where a GPU is full or lost, as torch 2.11 and 2.15 put it."""

import pytest

from barlowcli.engines import gpu_errors
from barlowcli.engines.causes import in_words
from barlowcli.engines.gpu_errors import gpu_failed, out_of_memory, unusable

FULL = (
    "CUDA out of memory. Tried to allocate 64.00 MiB. GPU 0 has a total capacity of 1.37 GiB of which 36.00 MiB is "
    "free. {}Of the allocated memory 1.32 GiB is allocated by PyTorch, and 16.00 MiB is reserved by PyTorch but "
    "unallocated. If reserved but unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF="
    "expandable_segments:True to avoid fragmentation.  See documentation for Memory Management  (https://docs)"
)
LOST = (
    "CUDA error: {}\nSearch for `cudaErrorIllegalAddress' in https://docs.nvidia.com/cuda/cuda-runtime-api/group.html "
    "for more information.\nCUDA kernel errors might be asynchronously reported at some other API call, so the "
    "stacktrace below might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\nCompile with "
    "`TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
)
SMALLER = "a smaller training.batch_size"
NO_ENGINE = RuntimeError("GET was unable to find an engine to execute this computation")


@pytest.fixture
def lost(monkeypatch):
    """A GPU that answers every call like this."""
    monkeypatch.setattr(gpu_errors, "ailment", lambda device: "CUDA error: an illegal memory access was encountered")


@pytest.fixture(autouse=True)
def alive(monkeypatch):
    monkeypatch.setattr(gpu_errors, "ailment", lambda device: None)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (FULL.format(""), "64.00 MiB asked for, 36.00 MiB free", SMALLER),
        (FULL.format("700.00 MiB allowed; "), "64.00 MiB asked for, 36.00 MiB free, 700.00 MiB allowed", SMALLER),
        (
            FULL.format(
                "Process 12 has 1.00 GiB memory in use. Process 13 has 512.00 MiB memory in use. Including non-PyTorch "
                "memory, this process has 1.34 GiB memory in use. "
            ),
            "64.00 MiB asked for, 36.00 MiB free; other processes use 1.5 GiB of it",
            f"a GPU that nobody else uses, or {SMALLER}",
        ),
        (
            FULL.format("").replace("and 16.00 MiB is reserved", "and 2.00 GiB is reserved"),
            "64.00 MiB asked for, 36.00 MiB free",
            "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True before the command, which leaves fewer gaps, or "
            f"{SMALLER}",
        ),
        (
            "CUDA out of memory. Allocation was preemptively rejected because it would exceed "
            "per_process_memory_fraction limit. Requested size: 1.00 GiB",
            "1.00 GiB asked for",
            SMALLER,
        ),
        (FULL.format("").replace("CUDA out", "HIP out"), "64.00 MiB asked for, 36.00 MiB free", SMALLER),
        (
            "MPS backend out of memory (MPS allocated: 5.00 GB, other allocations: 1.00 GB, max allowed: 6.80 GB). "
            "Tried to allocate 2.00 GB on private pool. Use PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 to disable",
            "2.00 GB asked for, 6.80 GB allowed",
            SMALLER,
        ),
        (LOST.format("out of memory"), "CUDA error: out of memory", SMALLER),
        (
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
            "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
            SMALLER,
        ),
    ],
)
def test_a_gpu_without_memory_is_named_with_its_figures(text, message, hint):
    assert out_of_memory(" ".join(text.split()), SMALLER) == (f"out of memory on the GPU: {message}", hint)
    assert in_words(RuntimeError(text))[0] == f"out of memory on the GPU: {message}"
    assert "training.batch_size" in in_words(RuntimeError(text))[1]
    assert unusable(RuntimeError(text), "cuda") is None  # the next cell may be smaller


def test_other_errors_are_not_for_memory():
    for text in ("out of memory", LOST.format("an illegal memory access was encountered"), str(NO_ENGINE)):
        assert out_of_memory(" ".join(text.split()), SMALLER) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LOST.format("device-side assert triggered"), "device-side assert triggered"),
        ("CUDA driver error: unspecified launch failure", "unspecified launch failure"),
        ("Triton Error [CUDA]: an illegal memory access was encountered", "an illegal memory access was encountered"),
        (
            "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle)`",
            "CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle)`",
        ),
        ("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR", "CUDNN_STATUS_INTERNAL_ERROR"),
        ("No CUDA GPUs are available", "No CUDA GPUs are available"),
    ],
)
def test_an_error_that_names_the_gpu_ends_its_process(text, reason):
    assert unusable(RuntimeError(text), "cuda") == reason


def test_a_gpu_is_tried_whatever_the_error_says(lost):
    for error in (NO_ENGINE, RuntimeError(FULL.format("")), ValueError("nothing of a GPU")):
        assert unusable(error, "cuda") == "an illegal memory access was encountered"


def test_an_error_of_the_code_is_none_of_the_gpus():
    assert unusable(ValueError("shapes differ"), "cuda") is None
    assert unusable(NO_ENGINE, "cuda") is None


def test_the_hint_tells_a_kernels_fault_from_the_cards():
    message, hint = gpu_failed("an illegal memory access was encountered")
    assert message == "the GPU failed: an illegal memory access was encountered"
    assert "CUDA_LAUNCH_BLOCKING=1 and --step eager" in hint
    for reason in ("uncorrectable ECC error encountered", "No CUDA GPUs are available"):
        assert "nvidia-smi -q" in gpu_failed(reason)[1]
