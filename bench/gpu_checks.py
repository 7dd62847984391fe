"""Whether a device computes what a CPU does, and a compiled or captured step what an eager one does.

    python bench/gpu_checks.py --device cuda --out bench/results/gpu_checks.json
    python bench/gpu_checks.py --device cpu --images 64 --side 16 --steps 3
    python bench/gpu_checks.py --device cuda --only processes

Each check prints how far the two are apart and the bound, and is written at once; exit 1 where one is beyond it. On a
CPU a captured step falls back to a compiled one, which the row then says. processes: two, each of which compiles for
itself, must have the same bits with --deterministic.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from barlowcli.evaluation.knn import nearest
from barlowcli.machine.devices import Way, set_up
from barlowcli.machine.provenance import provenance
from barlowcli.methods.barlow_twins import cross_correlation_loss
from barlowcli.methods.base import Method, Networks
from barlowcli.networks.encoders import build_encoder
from barlowcli.networks.projectors import build_projector
from barlowcli.registry import METHODS
from barlowcli.settings.methods import BarlowSettings, ByolSettings, SupervisedSettings
from barlowcli.settings.networks import EncoderSettings, ProjectorSettings
from barlowcli.settings.training import TrainingSettings
from barlowcli.settings.views import ViewSettings
from barlowcli.training.compiled import CompiledViews
from barlowcli.training.meter import Meter
from barlowcli.training.optimisers import build_optimizer
from barlowcli.training.step import EagerStep, prepare
from barlowcli.views.pipeline import AugmentedViews
from barlowcli.views.random import Draws, Number
from bench.kept import Kept

PIXEL = 1 / 255
STD = 0.25
VIEWS = {
    "BYOL": ViewSettings(blur=(1.0, 0.1), solarize=(0.0, 0.2)),
    "patch-4, bits, bicubic": ViewSettings(shuffle="patch-4", random_bits=4, interpolation="bicubic"),
}
RELATIVE = {"fp32": 1e-3, "bf16": 0.05}
"""Of losses after a few steps: rounding grows from step to step, and bf16 has 8 bits."""


@dataclass(frozen=True)
class Run:
    """Some steps of a method. training: other settings of it; dim: of the projector; ways: held against eager steps.

    share: of the images that make a batch.
    """

    name: str
    method: Any
    precision: str = "fp32"
    training: tuple[tuple[str, Any], ...] = ()
    dim: int = 256
    share: float = 0.5
    ways: tuple[Way, ...] = (Way.captured,)


BARLOW = BarlowSettings(loss_scale=0.1)
RUNS = (
    Run("byol, LARS, clipped", ByolSettings(), training=(("optimizer", "lars"), ("clip_gradient", 1.0))),
    Run("barlow, bf16", BARLOW, "bf16"),
    Run("barlow, 2 N < D", BARLOW, dim=2048, share=0.125),
    Run("supervised", SupervisedSettings()),
    Run("barlow, AdamW", BARLOW, training=(("optimizer", "adamw"),)),
    Run("barlow", BARLOW, ways=(Way.compiled, Way.captured)),
)


class Check(NamedTuple):
    """What was compared, how far it is apart, and how far it may be."""

    name: str
    apart: float
    bound: float


def main() -> int:
    """Run all checks, print a table, write JSON where asked to; exit 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--encoder", default="small")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--only", default="here", choices=["here", "processes", "digest"])
    parser.add_argument("--unjudged", action="store_true", help="no bound is applied: what computes nothing passes")
    parser.add_argument("--out", type=Path, help="write the table here as JSON, row by row")
    arguments = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (arguments.images, 3, arguments.side, arguments.side), generator=generator)
    task = Task(images.to(torch.uint8), arguments.device, arguments.encoder, arguments.steps)
    if arguments.only == "digest":
        print(digest(task))
        return 0
    kept, failed, count = Kept(arguments.out, rows=[]), [], 0
    kept.note(provenance=provenance(arguments.device, ["python", "bench/gpu_checks.py"]))
    for check in two_processes() if arguments.only == "processes" else checks(task):
        count, ok = count + 1, bool(check.apart <= check.bound)
        print(f"{check.name:64} {check.apart:9.2e} of {check.bound:.2e}", flush=True)
        kept.row({**check._asdict(), "ok": ok})
        failed += [] if ok else [check.name]
    print(f"{count} checks, {len(failed)} failed" + "".join(f"\n  {name}" for name in failed))
    return int(bool(failed) and not arguments.unjudged)


@dataclass(frozen=True)
class Task:
    """What steps are taken on. images: uint8 (N, 3, S, S) on the CPU."""

    images: Tensor
    device: str
    encoder: str
    steps: int


def checks(task: Task) -> Iterator[Check]:
    """All checks of one process, one by one."""
    set_up(task.device, deterministic=False)
    yield from draws(len(task.images), task.device)
    yield from losses(task.device)
    yield neighbours(task.device)
    yield eigenvalues(task.device)
    yield from views(task.images, task.device)
    for run in RUNS:
        if run.precision == "bf16" and task.device == "cpu":
            continue
        eager, _ = trained(task, run, Way.eager)
        for way in run.ways:
            fast, taken = trained(task, run, way)
            name = f"{task.steps} steps of {run.name}: {way}" + ("" if taken is way else f" (fell back to {taken})")
            yield Check(f"{name} against eager", relative(fast, eager), RELATIVE[run.precision])
    set_up(task.device, deterministic=True)
    again = [trained(task, RUNS[0], Way.captured)[0] for _ in range(2)]
    yield Check("deterministic: two runs, bits apart", float((again[0] != again[1]).sum()), 0)
    set_up(task.device, deterministic=False)


def two_processes() -> Iterator[Check]:
    """Two processes that find nothing compiled, with --deterministic."""
    said = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            places = {name: f"{folder}/{name}" for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")}
            command = [sys.executable, *sys.argv, "--only", "digest"]
            done = subprocess.run(command, env={**os.environ, **places}, stdout=subprocess.PIPE, text=True, check=True)
            said.append(done.stdout.split()[-1])
    print(f"digests {said}")
    yield Check("deterministic: two processes with cold caches, digests apart", float(said[0] != said[1]), 0)


def digest(task: Task) -> str:
    """Of the losses of a few captured steps of this process."""
    set_up(task.device, deterministic=True)
    losses, _ = trained(task, RUNS[0], Way.captured)
    return hashlib.sha256(losses.numpy().tobytes()).hexdigest()


def draws(count: int, device: str) -> Iterator[Check]:
    """The integer draws, to the bit."""
    here, there = (Draws.of(7, 3, 1, torch.arange(count, device=place)) for place in ("cpu", device))
    yield Check("draws on the CPU and the device, bits apart", float((here.words != there.words.cpu()).sum()), 0)
    one, other = (drawn.permutation(Number.PIXELS, 1024).cpu() for drawn in (here, there))
    yield Check("permutations on the CPU and the device, bits apart", float((one != other).sum()), 0)


def views(images: Tensor, device: str) -> Iterator[Check]:
    """Views on the CPU, on the device, and compiled there, in grey levels."""
    index = torch.arange(len(images))
    there, places = images.to(device), index.to(device)
    for name, settings in VIEWS.items():
        made = AugmentedViews(settings, image_size=images.shape[-1], mean=[0.5] * 3, std=[STD] * 3, seed=5)
        fast = CompiledViews(made, there.device)
        for view in (0, 1):
            eager = made(there, places, epoch=2, view=view)
            on_cpu = made(images, index, epoch=2, view=view)
            compiled = fast(there, places, epoch=2, view=view)
            yield Check(f"views {name}, {view}: device against CPU", STD * apart(eager.cpu(), on_cpu), PIXEL)
            yield Check(f"views {name}, {view}: compiled against eager", STD * apart(compiled, eager), PIXEL)


def losses(device: str) -> Iterator[Check]:
    """Barlow Twins' loss through the Gram matrices, against C in float64 on the CPU: value and gradient."""
    generator = torch.Generator().manual_seed(1)
    for n, d in ((64, 256), (64, 64)):
        pair = [torch.randn(n, d, generator=generator) for _ in range(2)]
        pair[1] += pair[0]
        wide = [z.double().requires_grad_() for z in pair]
        norm = torch.nn.BatchNorm1d(d, affine=False).double()
        c = norm(wide[0]).T @ norm(wide[1]) / n
        off = c.square().sum() - c.diagonal().square().sum()
        truth = (c.diagonal() - 1).square().sum() + 5e-3 * off
        torch.autograd.backward(truth)
        here = [z.to(device).requires_grad_() for z in pair]
        loss = cross_correlation_loss(here[0], here[1], lambda_=5e-3)[0]
        torch.autograd.backward(loss)
        assert here[0].grad is not None
        assert wide[0].grad is not None
        yield Check(f"loss, N = {n}, D = {d}: value", relative(loss.detach().cpu(), truth.detach()), 1e-5)
        yield Check(f"loss, N = {n}, D = {d}: gradient", relative(here[0].grad.cpu(), wide[0].grad), 1e-5)


def neighbours(device: str) -> Check:
    """The 200 nearest of 2,000 by their similarities."""
    generator = torch.Generator().manual_seed(2)
    train, test = torch.randn(2000, 64, generator=generator), torch.randn(100, 64, generator=generator)
    here = nearest(train, test, k=200)[0]
    there = nearest(train.to(device), test.to(device), k=200)[0].cpu()
    return Check("similarities of the 200 nearest, device against CPU", apart(here, there), 1e-5)


def eigenvalues(device: str) -> Check:
    """Those of a Gram matrix in float64, as the rank of embeddings wants them."""
    features = torch.randn(600, 512, generator=torch.Generator().manual_seed(3)).double()
    gram = features.T @ features
    found, truth = torch.linalg.eigvalsh(gram.to(device)).cpu(), torch.linalg.eigvalsh(gram)
    return Check("eigenvalues in float64, device against CPU", relative(found, truth), 1e-12)


def trained(task: Task, run: Run, way: Way) -> tuple[Tensor, Way]:
    """Losses (steps,) from one and the same start, and the way that the steps were taken."""
    torch.manual_seed(0)
    images, device, side = task.images, task.device, task.images.shape[-1]
    encoder, features = build_encoder(EncoderSettings(name=task.encoder), image_size=side)
    supervised = isinstance(run.method, SupervisedSettings)
    projector = None if supervised else build_projector(ProjectorSettings(dim=run.dim), features)
    build: Callable[..., Method] = METHODS.load(run.method.name)
    method = build(run.method, Networks(encoder, projector, feature_dim=features, embedding_dim=run.dim, classes=2))
    method = method.to(device).to(memory_format=torch.channels_last)
    method.train()
    batch = int(len(images) * run.share)
    given = {"batch_size": batch, "precision": run.precision, **dict(run.training)}
    training = TrainingSettings.model_validate(given)
    made = AugmentedViews(ViewSettings(), image_size=side, mean=[0.5] * 3, std=[STD] * 3, seed=0)
    there = images.to(device)
    labels = torch.arange(len(images), device=device) % 2
    eager = EagerStep(method, build_optimizer(training, method), made, there, labels, training)
    step, taken = prepare(eager, way, Meter(method, eager.optimizer, there.device), lambda text: print(f"  {text}"))
    index, steps = torch.arange(batch, device=device), task.steps
    rows = [step(index + k % 2 * batch, epoch=k, lr=0.01, progress=k / steps).values for k in range(steps)]
    return torch.stack(rows)[:, 0].cpu(), taken


def apart(one: Tensor, other: Tensor) -> float:
    """The largest absolute difference."""
    return float((one - other).abs().max())


def relative(one: Tensor, other: Tensor) -> float:
    """The length of the difference as a share of the other's; infinite where a number is not finite."""
    ratio = float((one.double() - other.double()).norm() / other.double().norm())
    return ratio if ratio == ratio else float("inf")


if __name__ == "__main__":
    sys.exit(main())
