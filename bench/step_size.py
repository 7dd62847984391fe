"""Kernels and memory traffic of one training step as a GPU would take it, counted without one, on the fake card.

    python bench/step_size.py --out bench/results/step_size.json
    python bench/step_size.py --method byol --optimizer lars

Needs g++. Kernels are the nodes of the captured graph; bytes are what Inductor says that its kernels, and the
convolutions and products between them, read and write, each buffer once a kernel: a lower bound, and no time.
"""

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from barlowcli.machine.provenance import provenance  # noqa: E402
from tests.gpu.card.build import built, missing  # noqa: E402
from tests.gpu.card.child import python  # noqa: E402

KINDS = ("triton", "cudnn", "cublas")


def main() -> int:
    """Count on the card, print, write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="barlow")
    parser.add_argument("--optimizer", default="sgd")
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--dim", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--on-card", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.on_card:
        print(json.dumps(counted(arguments)))
        return 0
    if why := missing():
        parser.error(f"the fake card cannot be built here: {why}")
    done = python(built(), __file__, *sys.argv[1:], "--on-card", timeout=1800)
    if done.returncode:
        print(done.stderr[-3000:], file=sys.stderr)
        return 1
    found = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{found['way']}: {found['nodes']} kernels ({', '.join(f'{n} {kind}' for kind, n in found['kinds'].items())})"
    )
    print(f"{sum(found['bytes']) / 1e9:.2f} GB read and written, by compiled function: {found['bytes']}")
    if arguments.out is not None:
        value = {"fake": True, **found, "provenance": provenance("cpu", sys.argv)}
        arguments.out.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return 0


def counted(arguments: argparse.Namespace) -> dict[str, Any]:
    """Of the step that the arguments name: how it is taken, its kernels, the bytes of each function compiled for it."""
    import torch
    from torch._inductor.graph import GraphLowering

    from barlowcli.machine.devices import set_up
    from barlowcli.settings.any_method import settings_of
    from barlowcli.training import step as module
    from tests.gpu.card.steps import prepared, step_of, taken

    torch._inductor.config.fx_graph_cache = False  # what is not compiled anew is not counted
    torch._functorch.config.enable_autograd_cache = False
    sizes: list[int] = []
    codegen = GraphLowering.codegen

    def counting(graph: GraphLowering) -> Any:
        code = codegen(graph)
        sizes.append(graph.count_bytes()[0])
        return code

    GraphLowering.codegen = counting  # type: ignore[method-assign, assignment]
    vars(module)["pass_at_once"] = lambda *_: True  # a question of numbers, which the card does not know
    set_up("cuda", deterministic=False)
    settings = settings_of(arguments.method)()
    step = step_of(
        settings, arguments.optimizer, encoder=arguments.encoder, side=32, dim=arguments.dim, batch=arguments.batch
    )
    found = taken(step, prepared)
    nodes = Counter(found["nodes"][-1])
    kinds = {kind: sum(count for name, count in nodes.items() if kind in name) for kind in KINDS}
    others = sum(nodes.values()) - sum(kinds.values())
    described = {name: getattr(arguments, name) for name in ("method", "optimizer", "encoder", "dim", "batch")}
    return {
        **described,
        "way": found["way"],
        "nodes": sum(nodes.values()),
        "kinds": {**kinds, "others": others},
        "bytes": sizes,
    }


if __name__ == "__main__":
    sys.exit(main())
