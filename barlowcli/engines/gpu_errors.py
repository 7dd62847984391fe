"""Errors of a GPU, in words, and whether the process can go on with it after one."""

import re

from barlowcli.machine.devices import ailment
from barlowcli.machine.facts import gib

SIZE = r"([\d.]+ (?:[KMGT]i?B|bytes))"
ASKED = re.compile(rf"(?:Tried to allocate|Requested size:) {SIZE}")
FREE = re.compile(rf"of which {SIZE} is free")
ALLOWED = re.compile(rf"{SIZE} allowed;|max allowed: {SIZE}")
OTHERS = re.compile(rf"Process \d+ has {SIZE} memory in use")
UNALLOCATED = re.compile(rf"{SIZE} is reserved by PyTorch but unallocated")
"""Of what torch's allocators say: c10/cuda/CUDACachingAllocator.cpp, aten/src/ATen/mps/MPSAllocator.mm."""
FULL = re.compile(
    r"(?:CUDA|HIP|XPU|MPS backend) out of memory|(?:CUDA|HIP).{0,8} error: out of memory|"
    r"CU\w+_STATUS_\w*ALLOC(?:ATION)?_FAILED"
)
SELDOM_FITS = "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True before the command, which leaves fewer gaps"
OF_A_GPU = re.compile(
    r"(?:CUDA|HIP|cuDNN|cuBLAS|NCCL|MIOpen)(?: driver)? [Ee]rror: *|Triton Error \[(?:CUDA|HIP)\]: *|"
    r"(?=CU\w+_STATUS_)|(?=No CUDA GPUs are available|CUDA unknown error)"
)
"""Where the reason begins in an error that only a GPU has."""
ADVICE = re.compile(r"\s*(?:Search for `|CUDA kernel errors|HIP kernel errors|For debugging consider|Compile with `).*")
OF_THE_CARD = re.compile(r"\becc\b|nvlink|unknown error|no cuda gpus|unavailable|hardware", re.IGNORECASE)
"""In what is said where the card or its driver is at fault; else it is mostly one kernel."""


def one_line(error: BaseException) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split())


def out_of_memory(text: str, less: str) -> tuple[str, str] | None:
    """Message and hint of an error that says that a GPU has no memory left; None for any other. less: what to make
    smaller."""
    if not FULL.search(text):
        return None
    asked, free, allowed = (found and next(filter(None, found.groups())) for found in _searched(text))
    if asked is None:
        return f"out of memory on the GPU: {ADVICE.sub('', text)}", less
    known = [f"{asked} asked for", *([f"{free} free"] if free else []), *([f"{allowed} allowed"] if allowed else [])]
    message, ways = f"out of memory on the GPU: {', '.join(known)}", [less]
    unallocated = UNALLOCATED.search(text)
    if unallocated and _bytes(unallocated[1]) >= _bytes(asked):
        ways.insert(0, SELDOM_FITS)
    if others := sum(map(_bytes, OTHERS.findall(text))):
        message += f"; other processes use {gib(others)} of it"
        ways.insert(0, "a GPU that nobody else uses")
    return message, ", or ".join(ways)


def _searched(text: str) -> list[re.Match[str] | None]:
    return [pattern.search(text) for pattern in (ASKED, FREE, ALLOWED)]


def _bytes(size: str) -> int:
    """Of "1.25 GiB"."""
    number, unit = size.split()
    return int(float(number) * 2 ** (10 * "bKMGT".index(unit[0])))


def unusable(error: BaseException, device: str) -> str | None:
    """Why this process can use its device no more after an error; None where it can. The device is tried, as not every
    such error says so: cuDNN finds no engine on a GPU that is lost. One that names the GPU is trusted no further."""
    said, text = ailment(device), one_line(error)
    if said is None and (not OF_A_GPU.search(text) or FULL.search(text)):
        return None
    reason = ADVICE.sub("", said or text)
    found = OF_A_GPU.search(reason)
    return reason[found.end() :] if found else reason


def gpu_failed(reason: str) -> tuple[str, str]:
    """Message and hint where a process lost its GPU."""
    if OF_THE_CARD.search(reason):
        hint = "`nvidia-smi -q` and the system's log say what became of the card; --rerun failed runs the cell again"
    else:
        hint = "--rerun failed runs it again; CUDA_LAUNCH_BLOCKING=1 and --step eager name the operation in log.txt"
    return f"the GPU failed: {reason}", hint
