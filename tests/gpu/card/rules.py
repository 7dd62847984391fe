"""What may not happen while a graph is recorded, done one by one on the fake card, and its faults."""

import json
from collections.abc import Callable
from typing import Any

import torch

from tests.gpu.card.report import anew, library, seen


def recorded(function: Callable[[], object]) -> dict[str, Any]:
    """The error with which a capture of `function` ended, "" for none, its nodes, and what was refused."""
    error = ""
    with anew():
        try:
            with torch.cuda.graph(torch.cuda.CUDAGraph()):
                function()
        except Exception as problem:
            error = str(problem).splitlines()[0]
        report = seen()
    nodes = sum(report.graphs[-1].values()) if report.graphs else 0
    return {"error": error, "nodes": nodes, "violations": report.violations, "host_sources": len(report.host_sources)}


def captures() -> dict[str, Any]:
    """Of everything that a step might do."""
    x, host, pinned = torch.ones(16, device="cuda"), torch.ones(16), torch.ones(16).pin_memory()
    torch.mm(x[:, None], x[None])  # cuBLAS is set up
    other = torch.cuda.Stream()

    def forked() -> None:
        other.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(other):
            x.add_(1)

    def joined() -> None:
        forked()
        torch.cuda.current_stream().wait_stream(other)

    def elsewhere() -> None:
        with torch.cuda.stream(torch.cuda.Stream()):
            x.add_(1)

    cases: dict[str, Callable[[], object]] = {
        "kernels": lambda: x.add_(1).mul_(2),
        "a product": lambda: torch.mm(x[:, None], x[None]),
        "memory": lambda: torch.zeros(1 << 22, device="cuda"),
        "another stream, joined": joined,
        "a number read": lambda: x.sum().item(),
        "elements chosen by a mask": lambda: x[x > 0],
        "a copy from the host": lambda: x.copy_(host),
        "a copy from pinned memory": lambda: x.copy_(pinned, non_blocking=True),
        "a wait": torch.cuda.synchronize,
        "another stream, not joined": forked,
        "another stream, not captured": elsewhere,
    }
    return {name: recorded(function) for name, function in cases.items()}


def said(function: Callable[[], object]) -> str:
    """The first line of the error that it raises, "" for none."""
    try:
        function()
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return ""


def faults() -> dict[str, Any]:
    """An allocation that is refused, memory that is full, and a context that breaks, in this order: it stays broken."""
    found: dict[str, Any] = {}
    torch.cuda.empty_cache()
    before = seen().used
    library().fake_card_refuse_at(1)
    found["refused"] = said(lambda: torch.empty(90 << 20, dtype=torch.uint8, device="cuda"))
    kept = torch.empty(100 << 20, dtype=torch.uint8, device="cuda")
    found["taken"] = seen().used - before
    found["full"] = said(lambda: torch.empty(1 << 40, dtype=torch.uint8, device="cuda"))
    del kept
    torch.cuda.empty_cache()
    found["left"] = seen().used - before
    library().fake_card_break_at(2)
    found["broken"] = [
        said(lambda: torch.ones(2, device="cuda").add_(1)),
        *(said(torch.cuda.synchronize) for _ in "12"),
    ]
    return found


def main() -> None:
    """Print it all."""
    print(json.dumps({"name": torch.cuda.get_device_name(), "captures": captures(), "faults": faults()}))


if __name__ == "__main__":
    main()
