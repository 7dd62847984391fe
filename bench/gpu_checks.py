"""Whether a device computes what a CPU does, and a compiled or captured step what an eager one does.

    python bench/gpu_checks.py --device cuda --out bench/results/gpu_checks.json
    python bench/gpu_checks.py --device cpu --images 64 --side 16 --steps 3

Each check prints how far the two are apart and the bound; exit 1 where one is beyond it. On a CPU a captured step falls
back to a compiled one, which the row then says.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

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
from barlowcli.settings.methods import BarlowSettings, ByolSettings
from barlowcli.settings.networks import EncoderSettings, ProjectorSettings
from barlowcli.settings.training import TrainingSettings
from barlowcli.settings.views import ViewSettings
from barlowcli.training.compiled import CompiledViews
from barlowcli.training.meter import Meter
from barlowcli.training.optimisers import build_optimizer
from barlowcli.training.step import EagerStep, prepare
from barlowcli.views.pipeline import AugmentedViews
from barlowcli.views.random import Draws, Number

PIXEL = 1 / 255
STD = 0.25
VIEWS = {
    "SimCLR": ViewSettings(),
    "BYOL": ViewSettings(blur=(1.0, 0.1), solarize=(0.0, 0.2)),
    "pixels": ViewSettings(shuffle="pixels"),
    "channels, bicubic": ViewSettings(shuffle="channels", interpolation="bicubic"),
    "patch-4, bits": ViewSettings(shuffle="patch-4", random_bits=4),
}
RELATIVE = {"fp32": 1e-3, "bf16": 0.05}
"""Of losses after a few steps: rounding grows from step to step, and bf16 has 8 bits."""


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
    parser.add_argument("--out", type=Path, help="write the table here as JSON")
    arguments = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (arguments.images, 3, arguments.side, arguments.side), generator=generator)
    found = []
    for check in checks(images.to(torch.uint8), arguments.device, arguments.encoder, arguments.steps):
        print(f"{check.name:64} {check.apart:9.2e} of {check.bound:.2e}", flush=True)
        found.append(check)
    failed = [check.name for check in found if not check.apart <= check.bound]
    print(f"{len(found)} checks, {len(failed)} failed" + "".join(f"\n  {name}" for name in failed))
    if arguments.out is not None:
        rows = [{**check._asdict(), "ok": check.name not in failed} for check in found]
        value = {"rows": rows, "provenance": provenance(arguments.device, sys.argv)}
        arguments.out.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return int(bool(failed))


def checks(images: Tensor, device: str, encoder: str, steps: int) -> Iterator[Check]:
    """All checks, one by one. images: uint8 (N, 3, S, S) on the CPU."""
    set_up(device, deterministic=False)
    yield from draws(len(images), device)
    yield from views(images, device)
    yield from losses(device)
    yield neighbours(device)
    for settings in (BarlowSettings(loss_scale=0.1), ByolSettings()):
        for precision in ("fp32", "bf16") if device == "cuda" else ("fp32",):
            eager, _ = trained(images, device, encoder, settings, precision, Way.eager, steps)
            for way in (Way.compiled, Way.captured):
                fast, taken = trained(images, device, encoder, settings, precision, way, steps)
                name = f"{steps} steps of {settings.name}, {precision}: {way}"
                yield Check(
                    f"{name}{'' if taken is way else f' (fell back to {taken})'} against eager",
                    relative(fast, eager),
                    RELATIVE[precision],
                )
    set_up(device, deterministic=True)
    again = [trained(images, device, encoder, ByolSettings(), "fp32", Way.captured, steps)[0] for _ in range(2)]
    yield Check("deterministic: two runs, bits apart", float((again[0] != again[1]).sum()), 0)
    set_up(device, deterministic=False)


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


def trained(
    images: Tensor,
    device: str,
    encoder_name: str,
    settings: BarlowSettings | ByolSettings,
    precision: str,
    way: Way,
    steps: int,
) -> tuple[Tensor, Way]:
    """Losses (steps,) from one and the same start, and the way that the steps were taken."""
    torch.manual_seed(0)
    side = images.shape[-1]
    encoder, features = build_encoder(EncoderSettings(name=encoder_name), image_size=side)
    projector = build_projector(ProjectorSettings(dim=256), features)
    method: Method = METHODS.load(settings.name)(
        settings, Networks(encoder, projector, feature_dim=features, embedding_dim=256, classes=2)
    )
    method = method.to(device).to(memory_format=torch.channels_last)
    method.train()
    batch = len(images) // 2
    training = TrainingSettings.model_validate({"batch_size": batch, "precision": precision})
    made = AugmentedViews(ViewSettings(), image_size=side, mean=[0.5] * 3, std=[STD] * 3, seed=0)
    there = images.to(device)
    labels = torch.zeros(len(images), dtype=torch.long, device=device)
    eager = EagerStep(method, build_optimizer(training, method), made, there, labels, training)
    step, taken = prepare(eager, way, Meter(method, eager.optimizer, there.device), lambda text: print(f"  {text}"))
    index = torch.arange(batch, device=device)
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
