"""Views a second of the two-view augmentation, beside lightly, torchvision and kornia at equal settings.

    python bench/views.py --dataset parquet:../shared/data/cifar10-jpeg --out bench/results/views_cpu.json
    python bench/views.py --dataset parquet:../shared/data/cifar10-jpeg --device cuda --images 50000 --compile
    python bench/views.py --images 2000 --blur 0 0 --peers barlow lightly

Settings are the defaults of lightly's BYOLTransform at the size of the images, its BYOLView1Transform for the first
view, BYOLView2Transform for the second; --blur 0 0 is its CIFAR-10 benchmark. Every row starts from uint8 images in
memory and ends in normalised float32 batches of both views on the device. torchvision's v2 on whole batches is left
out, since it draws one set of parameters for a batch.

First every setting of a peer (threads, processes, DataLoader workers, …) is measured shortly; then the best of each are
measured in turn, A B C, C B A, …, and compared block by block. Cold start is from nothing but imports to the first
batch, in new processes with the imports. Targets: 10 x lightly on two cores, 100 x on a GPU.
"""

import argparse
import importlib
import itertools
import math
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from barlowcli.data.load import load_dataset
from barlowcli.machine.facts import cores
from barlowcli.machine.provenance import device_name, provenance
from barlowcli.settings.data import DataSettings
from barlowcli.settings.views import ViewSettings
from barlowcli.training.meter import synchronise
from barlowcli.views.blur import kernel_size
from barlowcli.views.pipeline import AugmentedViews
from barlowcli.views.pixels import to_float
from bench.kept import Kept

Make = Callable[[int], None]
"""Makes that many rounds of batches, and returns when they are there. A round is one batch a worker."""

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
SCALE, RATIO, SIGMA = (0.08, 1.0), (3 / 4, 4 / 3), (0.1, 2.0)
JITTER, SOLARISE = (0.4, 0.4, 0.2, 0.1), (0.0, 0.2)
NOTES = {
    "barlow": "floats throughout; a kernel of a tenth of the side, at least 3 pixels, for blur",
    "lightly": "Pillow's 8-bit operations; its blur approximates a Gaussian of any width",
    "torchvision": "v2 on uint8 tensors, sample by sample; barlow's kernel for blur",
    "kornia": "not the same: one order of the jitter's operations for a batch; crop = resample reads beyond the box",
}


@dataclass(frozen=True)
class Task:
    """What every row does. images: uint8 (N, 3, S, S), on the CPU; blur: probability in each view."""

    images: Tensor
    device: str
    batch: int
    blur: tuple[float, float]

    @property
    def size(self) -> int:
        """S."""
        return self.images.shape[-1]


@dataclass(frozen=True)
class Setting:
    """How a peer is run. way: of barlow eager, compiled or captured; of kornia its mode of cropping."""

    peer: str
    label: str
    threads: int = 1
    processes: int = 1
    workers: int = 0
    way: str = ""


def settings_of(peer: str, device: str, cores: int, *, compiled: bool) -> list[Setting]:
    """All settings of a peer that are tried; the best is compared."""
    if peer in ("lightly", "torchvision"):
        counts = sorted({0, *(2**power for power in range(cores.bit_length())), cores})
        found = [Setting(peer, f"DataLoader, num_workers={count}", workers=count) for count in counts]
        apart = Setting(peer, f"{cores} processes, num_workers=0", processes=cores)
        return [*found, apart] if device == "cpu" and cores > 1 else found
    ways = ["slice", "resample"] if peer == "kornia" else ["eager", *(["compiled"] if compiled else [])]
    if device == "cpu":
        one = [Setting(peer, f"1 process of {cores} threads, {way}", threads=cores, way=way) for way in ways]
        return [
            *one,
            *(
                Setting(peer, f"{cores} processes of 1 thread, {way}", processes=cores, way=way)
                for way in ways
                if cores > 1
            ),
        ]
    captured = ["captured"] if peer == "barlow" and compiled else []
    return [Setting(peer, way, threads=cores, way=way) for way in [*ways, *captured]]


def barlow(task: Task, setting: Setting) -> Make:
    """Views as `barlow run` makes them."""
    brightness, contrast, saturation, hue = JITTER
    chosen = ViewSettings(
        crop_scale=SCALE,
        crop_ratio=RATIO,
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
        hue=hue,
        blur=task.blur,
        blur_sigma=SIGMA,
        solarize=SOLARISE,
    )
    views: Any = AugmentedViews(chosen, image_size=task.size, mean=MEAN, std=STD, seed=0)
    images = task.images.to(task.device)
    if setting.way != "eager":
        views = importlib.import_module("barlowcli.training.compiled").CompiledViews(views, images.device)

    def both(index: Tensor, epoch: int | Tensor) -> tuple[Tensor, Tensor]:
        made: tuple[Tensor, Tensor] = views.both(images, index, epoch=epoch)
        return made

    batches = indices(task)
    made = captured(both, next(batches)) if setting.way == "captured" else both
    epochs = itertools.count()

    def make(rounds: int) -> None:
        for _ in range(rounds):
            made(next(batches), next(epochs))
        synchronise(images.device)

    return make


def captured(
    both: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], index: Tensor
) -> Callable[[Tensor, int], tuple[Tensor, Tensor]]:
    """Both views as one CUDA graph, whose outputs the next replay writes over."""
    epoch = torch.zeros((), dtype=torch.int64, device=index.device)
    held = index.clone()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        both(held, epoch)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        views = both(held, epoch)

    def replay(index: Tensor, number: int) -> tuple[Tensor, Tensor]:
        held.copy_(index)
        epoch.fill_(number)
        graph.replay()
        return views

    return replay


def indices(task: Task) -> Iterator[Tensor]:
    """Batches of image numbers on the device without end, every image once an epoch."""
    while True:
        order = torch.randperm(len(task.images)).to(task.device)
        yield from order.split(task.batch)[: len(order) // task.batch]


class Pairs(Dataset[list[Tensor]]):
    """Two views of each item."""

    def __init__(self, items: list[Any], transforms: list[Callable[[Any], Tensor]]) -> None:
        self.items, self.transforms = items, transforms

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> list[Tensor]:
        return [transform(self.items[index]) for transform in self.transforms]


class Rounds(Sampler[int]):
    """As many image numbers as the rounds that are set need, so that every worker makes as many batches."""

    def __init__(self, count: int, each: int) -> None:
        self.count, self.each, self.rounds = count, each, 1

    def __len__(self) -> int:
        return self.rounds * self.each

    def __iter__(self) -> Iterator[int]:
        orders = (torch.randperm(self.count).tolist() for _ in itertools.count())
        return itertools.islice(itertools.chain.from_iterable(orders), len(self))


def loaded(task: Task, setting: Setting, pairs: Pairs) -> Make:
    """Views through a DataLoader, brought to the device."""
    rounds = Rounds(len(pairs), task.batch * max(1, setting.workers))
    loader = DataLoader(
        pairs,
        batch_size=task.batch,
        sampler=rounds,
        num_workers=setting.workers,
        persistent_workers=setting.workers > 0,
        pin_memory=task.device == "cuda",
    )

    def make(count: int) -> None:
        rounds.rounds = count
        for views in loader:
            for view in views:
                view.to(task.device, non_blocking=True)
        synchronise(torch.device(task.device))

    return make


def lightly(task: Task, setting: Setting) -> Make:
    """lightly's BYOLTransform on Pillow images."""
    from lightly.transforms.byol_transform import BYOLTransform, BYOLView1Transform, BYOLView2Transform
    from torchvision.transforms.functional import to_pil_image

    first, second = task.blur
    transform = BYOLTransform(
        BYOLView1Transform(input_size=task.size, gaussian_blur=first),
        BYOLView2Transform(input_size=task.size, gaussian_blur=second),
    )
    return loaded(task, setting, Pairs([to_pil_image(image) for image in task.images], list(transform.transforms)))


def torchvision(task: Task, setting: Setting) -> Make:
    """torchvision's transforms v2 on one uint8 tensor at a time."""
    from torchvision.transforms import v2

    def transform(blur: float, solarise: float) -> Callable[[Any], Tensor]:
        kernel = v2.GaussianBlur(kernel_size(task.size), SIGMA)
        stages = [
            v2.RandomResizedCrop(task.size, SCALE, RATIO, antialias=True),
            v2.RandomHorizontalFlip(0.5),
            v2.RandomApply([v2.ColorJitter(*JITTER)], 0.8),
            v2.RandomGrayscale(0.2),
            *([v2.RandomApply([kernel], blur)] if blur else []),
            *([v2.RandomSolarize(128, solarise)] if solarise else []),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
        composed: Callable[[Any], Tensor] = v2.Compose(stages)
        return composed

    return loaded(task, setting, Pairs(list(task.images), list(map(transform, task.blur, SOLARISE))))


def kornia(task: Task, setting: Setting) -> Make:
    """kornia's augmentations on batches, parameters drawn for every sample."""
    k = importlib.import_module("kornia.augmentation")
    side = kernel_size(task.size)

    def transform(blur: float, solarise: float) -> Any:
        crop = {"ratio": RATIO, "align_corners": False, "cropping_mode": setting.way}
        return torch.nn.Sequential(
            k.RandomResizedCrop((task.size, task.size), SCALE, **crop),
            k.RandomHorizontalFlip(p=0.5),
            k.ColorJitter(*JITTER, p=0.8),
            k.RandomGrayscale(p=0.2),
            *([k.RandomGaussianBlur((side, side), SIGMA, p=blur)] if blur else []),
            *([k.RandomSolarize((0.5, 0.5), (0.0, 0.0), p=solarise)] if solarise else []),
            k.Normalize(torch.tensor(MEAN), torch.tensor(STD)),
        ).to(task.device)

    images, batches = task.images.to(task.device), indices(task)
    transforms = list(map(transform, task.blur, SOLARISE))

    @torch.no_grad()
    def make(rounds: int) -> None:
        for _ in range(rounds):
            batch = to_float(images[next(batches)])
            for both in transforms:
                both(batch)
        synchronise(images.device)

    return make


PEERS: dict[str, Callable[[Task, Setting], Make]] = {
    "barlow": barlow,
    "lightly": lightly,
    "torchvision": torchvision,
    "kornia": kornia,
}


def spread_out(task: Task, setting: Setting) -> Make:
    """The same in processes of their own, each on all rounds."""
    context = multiprocessing.get_context("spawn")
    pipes = []
    for _ in range(setting.processes):
        ours, theirs = context.Pipe()
        context.Process(target=serve, args=(theirs, task, setting), daemon=True).start()
        theirs.close()
        pipes.append(ours)

    def make(rounds: int) -> None:
        for pipe in pipes:
            pipe.send(rounds)
        for answer in [pipe.recv() for pipe in pipes]:
            if answer:
                raise RuntimeError(answer)

    return make


def serve(pipe: Connection, task: Task, setting: Setting) -> None:
    """In a process of `spread_out`: make the rounds that are asked for until the pipe is closed; answer what failed."""
    torch.set_num_threads(setting.threads)
    try:
        make = PEERS[setting.peer](task, setting)
        while True:
            make(pipe.recv())
            pipe.send("")
    except EOFError:
        return
    except Exception as error:
        pipe.send(first_line(error))


def first_line(error: Exception) -> str:
    """Kind of an error and the first line of what it says."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:200]}"


@dataclass
class Contender:
    """A peer in one setting, started; its views a second, block by block."""

    setting: Setting
    task: Task
    seconds: float
    rates: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        torch.set_num_threads(self.setting.threads)
        start = time.perf_counter()
        self.make = (spread_out if self.setting.processes > 1 else PEERS[self.setting.peer])(self.task, self.setting)
        self.make(1)
        self.cold = time.perf_counter() - start
        self.make(1)
        self.rounds = 1
        self.rounds = max(1, math.ceil(self.seconds * self.rate() / self.views))

    @property
    def views(self) -> int:
        """Of a round."""
        return 2 * self.task.batch * self.setting.processes * max(1, self.setting.workers)

    def rate(self) -> float:
        """Views a second in one block."""
        torch.set_num_threads(self.setting.threads)
        start = time.perf_counter()
        self.make(self.rounds)
        return self.rounds * self.views / (time.perf_counter() - start)


def best_of(peer: str, task: Task, options: argparse.Namespace) -> tuple[Setting | None, dict[str, float | str]]:
    """The fastest setting of a peer, and what each gave: views a second, or why none."""
    found: dict[str, float | str] = {}
    settings = settings_of(peer, task.device, cores(), compiled=options.compile)
    for setting in settings:
        try:
            contender = Contender(setting, task, options.seconds_per_block / 2)
            found[setting.label] = max(contender.rate(), contender.rate())
        except Exception as error:  # each peer has its own
            found[setting.label] = first_line(error)
        value = found[setting.label]
        print(
            f"  {peer:12} {setting.label:36} {value if isinstance(value, str) else f'{value:10,.0f} views/s'}",
            flush=True,
        )
    speeds = {label: value for label, value in found.items() if isinstance(value, float)}
    return next((s for s in settings if s.label == max(speeds, key=speeds.__getitem__, default=None)), None), found


def summary(values: list[float]) -> dict[str, float]:
    """Median and spread."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def text(values: list[float], digits: int) -> str:
    """The same to be read."""
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def compare(contenders: list[Contender], blocks: int, kept: Kept) -> list[dict[str, Any]]:
    """Measure all in turn and print a row for each, beside lightly where it is among them."""
    for block in range(blocks):
        for contender in contenders if block % 2 == 0 else reversed(contenders):
            contender.rates.append(contender.rate())
        kept.note(blocks={contender.setting.peer: contender.rates for contender in contenders})
    del kept.values["blocks"]  # they are in the rows from here on
    rows = []
    base = next((c.rates for c in contenders if c.setting.peer == "lightly"), None)
    print(f"\n{'':12} {'best setting':36} {'views/s':>30} {'x lightly':>22} {'cold start':>11}")
    for contender in contenders:
        setting, rates = contender.setting, contender.rates
        ratios = [mine / theirs for mine, theirs in zip(rates, base, strict=True)] if base else []
        shown = text(ratios, 2) if ratios else ""
        print(f"{setting.peer:12} {setting.label:36} {text(rates, 0):>30} {shown:>22} {contender.cold:9.2f} s")
        row = {**asdict(setting), "views_per_second": summary(rates), "blocks": rates, "cold_seconds": contender.cold}
        rows.append({**row, "times_lightly": summary(ratios) if ratios else None, "note": NOTES[setting.peer]})
    for row in rows:
        print(f"{row['peer']}: {row['note']}")
    return rows


def main() -> None:
    """Find the best setting of each peer, compare them, write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="colour-digits", help="a name of the registry, or parquet:PATH")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--blur", type=float, nargs=2, default=[1.0, 0.1], help="probability in either view")
    parser.add_argument("--seconds-per-block", type=float, default=3.0)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--peers", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--compile", action="store_true", help="barlow's views under torch.compile too")
    parser.add_argument("--out", type=Path, help="write the numbers here as JSON")
    options = parser.parse_args()

    data = load_dataset(DataSettings(name=options.dataset), root=Path(".data"))
    images = data.train.images[: options.images].clone()
    task = Task(images, options.device, min(options.batch, len(images)), tuple(options.blur))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    machine = f"{device_name(options.device)}, {cores()} cores, load {load}"
    print(f"{data.name}: {len(images)} images of {task.size} pixels, batch {task.batch}, blur {task.blur}; {machine}")
    about = {"images": len(images), "size": task.size, "batch": task.batch, "blur": task.blur}
    kept = Kept(options.out, dataset=data.name.partition(":")[0], **about, rows=[], settings={})
    packages = ("lightly", "kornia", "pillow")
    kept.note(
        peers={name: version(name) for name in packages if importlib.util.find_spec(name.replace("pillow", "PIL"))},
        cores=cores(),
        load_before=load,
        provenance={**provenance(options.device, ["python", *sys.argv]), "data_digest": data.digest},
    )
    chosen = []
    for peer in options.peers:
        setting, tried = best_of(peer, task, options)
        chosen += [] if setting is None else [setting]
        kept.note(settings={**kept.values["settings"], peer: tried})
    contenders = [Contender(setting, task, options.seconds_per_block) for setting in chosen]
    kept.note(rows=compare(contenders, options.blocks, kept))


if __name__ == "__main__":
    main()
