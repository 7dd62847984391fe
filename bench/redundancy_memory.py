"""Memory of Barlow Twins' redundancy term at D = 16,384 and batch 512: through N x N Gram matrices and through C.

    python bench/redundancy_memory.py --out bench/results/redundancy_memory.json

Value and gradient of each form, each in a process of its own: on CUDA the most that was allocated beyond embeddings and
their gradients, on a CPU the same of the process's resident memory. Time beside it, and how far the two are apart.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from barlowcli.machine.provenance import provenance
from barlowcli.methods.barlow_twins import cross_correlation_loss

BOUND_RATIO = 8.0
LAMBDA = 5e-3
TINY = 1e-30
"""Of a value that is divided by: on a fake card all are 0."""


def main() -> int:
    """Measure both forms, print a table, write JSON where asked to; exit 1 where the ratio is below the bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dim", type=int, default=16384)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--unjudged", action="store_true", help="no bound is applied")
    parser.add_argument("--out", type=Path, help="write the table here as JSON")
    arguments = parser.parse_args()
    rows = {}
    for name in FORMS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            rows[name] = pool.apply(measured, (name, arguments.batch, arguments.dim, arguments.device))
    ratio = rows["C"]["bytes"] / max(1, rows["gram"]["bytes"])
    one, other = rows["gram"].pop("gradient"), rows["C"].pop("gradient")
    apart = {
        "value": abs(rows["gram"]["value"] - rows["C"]["value"]) / max(abs(rows["C"]["value"]), TINY),
        "gradient": float((one - other).norm() / other.norm()),
    }
    for name, row in rows.items():
        print(f"{name:5} {row['bytes'] / 2**20:8.0f} MiB  {row['seconds']:7.3f} s  value {row['value']:.6g}")
    print(
        f"ratio of memory {ratio:.1f} (bound {BOUND_RATIO:g}); apart by {apart['value']:.1e}, {apart['gradient']:.1e}"
    )
    if arguments.out is not None:
        value = {
            "dim": arguments.dim,
            "batch": arguments.batch,
            "bound_ratio": BOUND_RATIO,
            "ratio": ratio,
            "apart": apart,
            "rows": rows,
            "provenance": provenance(arguments.device, sys.argv),
        }
        arguments.out.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return int(ratio < BOUND_RATIO and not arguments.unjudged)


def gram(z_a: Tensor, z_b: Tensor) -> Tensor:
    """The loss as barlow computes it: where 2 N < D through the Gram matrices."""
    return cross_correlation_loss(z_a, z_b, lambda_=LAMBDA)[0]


def through_c(z_a: Tensor, z_b: Tensor) -> Tensor:
    """The loss through C (D, D), as the published code has it: `off_diagonal` and all."""
    n, d = z_a.shape
    norm = torch.nn.BatchNorm1d(d, affine=False).to(z_a.device)
    c: Tensor = norm(z_a).T @ norm(z_b) / n
    on = (torch.diagonal(c) - 1).square().sum()
    off = c.flatten()[:-1].view(d - 1, d + 1)[:, 1:].square().sum()
    loss: Tensor = on + LAMBDA * off
    return loss


FORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"gram": gram, "C": through_c}


def measured(name: str, batch: int, dim: int, device: str) -> dict[str, Any]:
    """Bytes, seconds, value and gradient (N, D) of one form."""
    generator = torch.Generator().manual_seed(0)
    common = torch.randn(batch, dim, generator=generator)
    z_a, z_b = ((common + torch.randn(batch, dim, generator=generator)).to(device).requires_grad_() for _ in range(2))
    small = [z[:32, :64].detach().requires_grad_() for z in (z_a, z_b)]
    FORMS[name](*small).backward()  # what is set up once
    for z in (z_a, z_b):
        z.grad = torch.zeros_like(z)
    before = held(device)
    start = time.perf_counter()
    loss = FORMS[name](z_a, z_b)
    torch.autograd.backward(loss)
    value = float(loss.detach())
    seconds = time.perf_counter() - start
    assert z_a.grad is not None
    needed = held(device) - before
    return {"bytes": needed, "seconds": seconds, "value": value, "gradient": z_a.grad.cpu()}


def held(device: str) -> int:
    """The most bytes held so far."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in KiB


if __name__ == "__main__":
    sys.exit(main())
