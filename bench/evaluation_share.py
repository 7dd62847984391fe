"""What share of a cell of 200 epochs its evaluation is, by the count of operations: preset cifar10, no GPU needed.

    python bench/evaluation_share.py --out bench/results/evaluation_share.json

Multiplications and additions of matrix products, convolutions and decompositions, from the sizes alone, in three probe
domains. The formulas are held against what torch is seen to do at a small size (`tests/evaluation/test_share.py`).
Float64 is counted apart: on an H100 it is as fast as float32, on an RTX 4090 64 times slower. Beside the count stands
the share of the time where every operation runs at the data sheet's peak, at which training would be all the faster.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from barlowcli.evaluation.linear import LEADING
from barlowcli.evaluation.rank import LEADING as LEADING_OF_RANK
from barlowcli.evaluation.spectrum import OVERSAMPLED, POWERS, PROBES, STEPS, WIDEST
from barlowcli.experiment.files import load_experiment
from barlowcli.machine.provenance import provenance
from barlowcli.networks.encoders import build_encoder
from barlowcli.networks.projectors import build_projector
from barlowcli.plan.grid import Overrides, build_plan
from barlowcli.settings.cell import CellConfig

BOUND = 0.10
DOMAINS = 3
PRODUCTS, NEWTON, RIDGE_PENALTIES, TARGETS = 1000, 60, 8, 512
"""Products with the Hessian in all fits of one linear probe (handwritten digits took 200), and Newton's steps."""
EIGH, EIGVALSH, CHOLESKY, QR = 9, 4 / 3, 1 / 3, 4
"""Times n^3 (Golub & Van Loan 2013, sections 8.3, 4.2 and 5.2); of QR times m n^2, its Q written out."""
TRAINING, FEATURES, SINGLE, DOUBLE = "training", "features", "float32", "float64"
PEAKS = {
    "H100": {TRAINING: 990e12, FEATURES: 67e12, SINGLE: 67e12, DOUBLE: 67e12},
    "RTX 4090": {TRAINING: 165e12, FEATURES: 83e12, SINGLE: 83e12, DOUBLE: 1.3e12},
}
"""Operations a second of dense matrix products: training in bfloat16, probes in full. NVIDIA's data sheets."""
Operations = dict[str, float]


@dataclass(frozen=True)
class Sizes:
    """Images of each split, and classes."""

    train: int
    validation: int
    test: int
    classes: int

    @property
    def all(self) -> int:
        """Images of all splits."""
        return self.train + self.validation + self.test


CIFAR = Sizes(45_000, 5_000, 10_000, 10)


def linear(n: Sizes, width: int, *, products: float = PRODUCTS, newton: float = NEWTON) -> Operations:
    """Of a linear probe: its axes, and what is done with all rows in every step."""
    pass_of_rows = 2 * n.train * (width + 1) * n.classes
    found = {SINGLE: pass_of_rows * (2 * products + 3 * newton), DOUBLE: 0.0}
    if width <= WIDEST:
        found[SINGLE] += 4 * n.train * width**2
        found[DOUBLE] += EIGH * width**3
    else:
        found[SINGLE] += leading(n.train, width, LEADING) + 4 * products * n.classes * width * LEADING
    return found


def leading(rows: int, width: int, count: int) -> float:
    """Of the leading axes."""
    wanted = count + OVERSAMPLED
    turns = (POWERS + 1) * (4 * rows * width * wanted + QR * width * wanted**2)
    return turns + 2 * rows * width * wanted + 2 * rows * wanted**2 + EIGH * wanted**3


def ridge(n: Sizes, width: int) -> Operations:
    """Of the histograms told from the features."""
    side = min(n.train, width)
    right = 2 * n.train * width * TARGETS + 2 * n.test * width * TARGETS
    if width <= WIDEST:
        return {DOUBLE: 2 * n.train * width**2 + EIGH * width**3 + right + 4 * width**2 * TARGETS}
    solved = RIDGE_PENALTIES * (CHOLESKY * side**3 + 2 * side**2 * TARGETS)
    trace = 2 * side**2 * PROBES * STEPS if side > WIDEST else EIGVALSH * side**3
    return {DOUBLE: 2 * n.train * width * side + right + solved + trace}


def rank(n: Sizes, width: int) -> Operations:
    """Of RankMe."""
    side, other = min(n.test, width), max(n.test, width)
    if side <= WIDEST:
        return {DOUBLE: 2 * other * side**2 + EIGVALSH * side**3}
    axes = leading(other, side, LEADING_OF_RANK) + 2 * n.test * width * LEADING_OF_RANK
    return {DOUBLE: axes + STEPS * PROBES * (4 * n.test * width + 4 * side * LEADING_OF_RANK)}


def neighbours(n: Sizes, width: int) -> Operations:
    """Of the search for neighbours."""
    return {SINGLE: 2 * n.train * (n.validation + n.test) * width}


def mlp(n: Sizes, width: int, hidden: int, epochs: int) -> Operations:
    """Of a small MLP, forward and backward."""
    return {SINGLE: 6 * epochs * n.train * (width * hidden + hidden * n.classes)}


def passed(config: CellConfig, size: int = 32) -> tuple[float, int]:
    """Operations of one image through encoder and projector, and the dimensions of h."""
    if config.encoder is None or config.projector is None:
        raise ValueError("a cell with a projector")
    with torch.device("meta"):
        encoder, features = build_encoder(config.encoder, image_size=size)
        network = torch.nn.Sequential(encoder, build_projector(config.projector, features)).eval()
        images = torch.empty(2, 3, size, size)
    counter = FlopCounterMode(display=False)
    with counter:
        network(images)
    return counter.get_total_flops() / 2, features


def counted(config: CellConfig, n: Sizes = CIFAR) -> dict[str, Operations]:
    """Stage -> operations by precision, of the whole cell."""
    if config.training is None or config.projector is None:
        raise ValueError("a cell that is trained")
    image, features = passed(config)
    batch, dim, evaluation = config.training.batch_size, config.projector.dim, config.evaluation
    steps = n.train // batch * config.training.epochs
    # Forward and both gradients, of two views; the loss and its gradient through matrices of N x N or D x D.
    loss = 3 * 2 * batch * dim * (2 * batch if 2 * batch < dim else dim)
    stages: dict[str, Operations] = {"training": {TRAINING: steps * (2 * batch * 3 * image + loss)}}
    stages["features"] = times(DOMAINS, {FEATURES: (n.all + n.train) * image})
    for width, name in ((features, "h"), (dim, "z")):
        of_space = {"linear": linear(n, width), "ridge": ridge(n, width), "RankMe": rank(n, width)}
        of_space["neighbours"] = neighbours(n, width)
        stages |= {f"{probe}, {name}": times(DOMAINS, operations) for probe, operations in of_space.items()}
    stages["MLP, h"] = times(DOMAINS, mlp(n, features, evaluation.mlp_hidden, evaluation.mlp_epochs))
    return stages


def times(count: float, operations: Mapping[str, float]) -> Operations:
    """The same so many times."""
    return {name: count * value for name, value in operations.items()}


def shares(stages: Mapping[str, Operations]) -> dict[str, float]:
    """The share of evaluation in the cell: by the count, and by the time at the peak of each card."""
    weights = {"count": dict.fromkeys((TRAINING, FEATURES, SINGLE, DOUBLE), 1.0)}
    weights |= {card: {name: 1 / peak for name, peak in peaks.items()} for card, peaks in PEAKS.items()}
    found = {}
    for name, weight in weights.items():
        spent = {stage: sum(weight[of] * value for of, value in parts.items()) for stage, parts in stages.items()}
        found[name] = 1 - spent["training"] / sum(spent.values())
    return found


def configs(dims: Sequence[int]) -> dict[str, CellConfig]:
    """Barlow Twins as the preset cifar10 has it, with projectors of these dimensions; all layers as wide, or 2048."""
    axes = {"method": ["barlow"], "shuffle": ["none"], "jitter": ["on"]}
    plan = build_plan(load_experiment("shuffle-test"), "cifar10", Overrides(axes, {}, 1), on_cuda=True)
    own = next(cell.config for cell in plan.all_cells if cell.config.method.name == "barlow")
    if own.projector is None:
        raise ValueError("a cell with a projector")
    found = {}
    for dim in dims:
        for hidden in ("tied", 2048) if dim != 2048 else (2048,):
            projector = own.projector.model_copy(update={"dim": dim, "hidden": hidden})
            found[f"D = {dim}, hidden {hidden}"] = own.model_copy(update={"projector": projector})
    return found


def main() -> int:
    """Print the table, write JSON where asked to; exit 1 where evaluation is above the bound by the count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dims", default="2048,16384")
    parser.add_argument("--out", type=Path, help="write the table here as JSON")
    arguments = parser.parse_args()
    rows: dict[str, Any] = {}
    for name, config in configs([int(dim) for dim in arguments.dims.split(",")]).items():
        stages = counted(config)
        rows[name] = {"stages": stages, "shares": shares(stages)}
        print(name)
        for stage, operations in stages.items():
            print(f"  {stage:16}", *(f"{kind} {value:9.2e}" for kind, value in operations.items()))
        print("  evaluation", *(f"{way} {100 * value:.1f} %" for way, value in shares(stages).items()), sep="  ")
    if arguments.out is not None:
        value = {"bound": BOUND, "domains": DOMAINS, "products": PRODUCTS, "peaks": PEAKS, "rows": rows}
        value["provenance"] = provenance("cpu", sys.argv)
        arguments.out.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["shares"]["count"] <= BOUND for row in rows.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
