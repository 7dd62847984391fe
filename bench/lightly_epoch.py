"""Barlow Twins by lightly's CIFAR-10 benchmark, lightly's own code beside barlow: seconds an epoch, last-epoch kNN.

    python bench/lightly_epoch.py --device cuda --dataset parquet:../shared/data/cifar10-jpeg --out epoch.json
    python bench/lightly_epoch.py --device cuda --dataset parquet:../shared/data/cifar10-jpeg --knn --knn-epochs 20
    python bench/lightly_epoch.py --device cpu --images 256 --batch 32 --blocks 1 --workers 0 2

lightly: what docs/source/getting_started/benchmarks/cifar10_benchmark.py does for Barlow Twins, with the classes of the
lightly installed: BYOLTransform without blur, ResNetGenerator's ResNet without its last layer (taken apart into a
Sequential, which loses the ReLU after the first BatchNorm), ProjectionHead of two layers of 2048, BarlowTwinsLoss, SGD
at .06 x batch / 128 with a cosine epoch by epoch. In its favour: images lie in memory instead of PNG files, Lightning
and the kNN after every epoch are left out, and of its precisions and numbers of DataLoader workers the fastest is
compared. barlow: the preset recipe-lightly, as `barlow run` trains it on this device.

Seconds an epoch come in blocks A B, B A, …; the first step of either (workers started, step compiled) is cold start.
With --knn both are trained at every seed on the same images, lightly in the float32 of its script, and evaluated by one
code: kNN (k = 200, T = .1) from training to test images, BatchNorm by running statistics, as lightly has it, and by
those of the training images, as barlow has it. Target: 10 x on a GPU.
"""

import argparse
import copy
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightly.data import LightlyDataset
from lightly.loss.barlow_twins_loss import BarlowTwinsLoss
from lightly.models.modules.heads import ProjectionHead
from lightly.models.resnet import ResNetGenerator
from lightly.transforms.byol_transform import BYOLTransform, BYOLView1Transform, BYOLView2Transform
from lightly.transforms.utils import IMAGENET_NORMALIZE
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torchvision.transforms.functional import to_pil_image

from barlowcli.cell.build import build_method_on, channel_statistics
from barlowcli.cell.stages import Place, pretrain
from barlowcli.data.imageset import Dataset as Images
from barlowcli.data.load import load_dataset
from barlowcli.evaluation.batchnorm import extract_features, reestimate_batchnorm
from barlowcli.evaluation.features import share
from barlowcli.evaluation.knn import nearest, vote
from barlowcli.experiment.files import common_presets
from barlowcli.machine.devices import set_up
from barlowcli.machine.facts import cores
from barlowcli.machine.provenance import device_name, provenance
from barlowcli.methods.base import Method
from barlowcli.plan.layers import Given, resolve
from barlowcli.records.folder import CellFolder
from barlowcli.settings.stages import TrainedConfig, trained_config
from barlowcli.settings.tables import expand
from barlowcli.training.loop import Hooks
from barlowcli.training.meter import synchronise
from barlowcli.views.pipeline import probe_images
from bench.kept import Kept

WIDTH = 2048
FEATURES = {"resnet18": ("resnet-18", 512), "resnet50": ("resnet-50", 2048)}
K, TEMPERATURE = 200, 0.1
PROBE_BATCH = 512


class Photos(Dataset[tuple[Any, int]]):
    """Images and labels in memory, in the manner of torchvision's data sets."""

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images, self.labels = [to_pil_image(image) for image in images.cpu()], labels.tolist()
        self.transform: Callable[[Any], Any] = lambda image: image

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.transform(self.images[index]), self.labels[index]


class Lightly(nn.Module):
    """lightly's Barlow Twins with its optimiser and schedule."""

    def __init__(self, encoder: str, *, batch: int, epochs: int, device: str, precision: str) -> None:
        super().__init__()
        name, features = FEATURES[encoder]
        self.backbone = nn.Sequential(*list(ResNetGenerator(name).children())[:-1], nn.AdaptiveAvgPool2d(1))
        hidden = (features, WIDTH, nn.BatchNorm1d(WIDTH), nn.ReLU(inplace=True))
        self.head = ProjectionHead([hidden, (WIDTH, WIDTH, None, None)])
        self.loss = BarlowTwinsLoss()
        self.to(device)
        self.device, self.precision = device, precision
        self.optimizer = torch.optim.SGD(self.parameters(), lr=0.06 * batch / 128, momentum=0.9, weight_decay=5e-4)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, epochs)

    def forward(self, view: Tensor) -> Tensor:
        """Views (N, 3, S, S) -> z (N, D)."""
        z: Tensor = self.head(self.backbone(view).flatten(1))
        return z

    def step(self, views: Sequence[Tensor]) -> None:
        """One step of gradient descent on a pair of views."""
        view_a, view_b = (view.to(self.device, non_blocking=True) for view in views)
        torch.set_float32_matmul_precision("high" if self.precision == "tf32" else "highest")
        with torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16"):
            loss = self.loss(self(view_a), self(view_b))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        torch.set_float32_matmul_precision("highest")  # barlow's steps are in the same process

    def epoch(self, batches: DataLoader[Any]) -> float:
        """Train for an epoch; seconds."""
        start = time.perf_counter()
        self.train()
        for views, _, _ in batches:
            self.step(views)
        synchronise(torch.device(self.device))
        return time.perf_counter() - start


def loader(data: Images, batch: int, workers: int, *, rounds: int | None = None) -> DataLoader[Any]:
    """lightly's training batches; rounds: that many batches a worker instead of an epoch."""
    size = data.train.images.shape[-1]
    transform = BYOLTransform(
        BYOLView1Transform(input_size=size, gaussian_blur=0.0), BYOLView2Transform(input_size=size, gaussian_blur=0.0)
    )
    dataset: Any = LightlyDataset.from_torch_dataset(Photos(data.train.images, data.train.labels), transform)
    count = None if rounds is None else rounds * max(1, workers) * batch
    return DataLoader(
        dataset,
        batch_size=batch,
        sampler=RandomSampler(dataset, replacement=count is not None, num_samples=count),
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=data.train.images.is_cuda,
    )


def best_precision(options: argparse.Namespace, size: int) -> str:
    """lightly's fastest precision, by steps on views that lie on the device."""
    found = {}
    for precision in ("fp32", "tf32", "bf16") if options.device == "cuda" else ("fp32",):
        model = Lightly(options.encoder, batch=options.batch, epochs=1, device=options.device, precision=precision)
        views = torch.rand(2, options.batch, 3, size, size, device=options.device).unbind()
        repeats = 10 if options.device == "cuda" else 1
        for _ in range(2):
            start = time.perf_counter()
            for _ in range(repeats):
                model.step(views)
            synchronise(torch.device(options.device))
            found[precision] = (time.perf_counter() - start) / repeats
        print(f"  lightly, {precision}: {found[precision]:.4f} s a step without loading", flush=True)
    return min(found, key=found.__getitem__)


def best_workers(options: argparse.Namespace, data: Images, precision: str) -> int:
    """lightly's fastest number of workers, by two rounds of loading and training."""
    found: dict[int, float] = {}
    for workers in options.workers or sorted({0, *(2**power for power in range(cores().bit_length())), cores()}):
        model = Lightly(options.encoder, batch=options.batch, epochs=1, device=options.device, precision=precision)
        batches = loader(data, options.batch, workers, rounds=2)
        model.epoch(batches)
        found[workers] = model.epoch(batches) / len(batches)
        print(f"  lightly, {workers} workers: {found[workers]:.4f} s a step", flush=True)
    return min(found, key=found.__getitem__)


def barlow_config(options: argparse.Namespace, *, epochs: int, seed: int) -> TrainedConfig:
    """The recipe's Barlow Twins on the images in question."""
    preset = common_presets()["recipe-lightly"]
    flags = {
        "method.name": "barlow",
        "data.name": options.dataset,
        "data.limit": options.images,
        "data.test_limit": options.images,
        "encoder.name": options.encoder,
        "training.batch_size": options.batch,
        "training.epochs": epochs,
        "training.threads": cores() if options.device == "cpu" else 1,
    }
    by_method = {name: expand(settings) for name, settings in preset.methods.items()}
    given = Given(shared=expand(preset.settings), by_method=by_method, flags=expand(flags))
    config = resolve(given, {}, {}, on_cuda=options.device == "cuda")
    return trained_config(config.model_copy(update={"seed": seed}))


def train_barlow(config: TrainedConfig, data: Images, device: str) -> tuple[Method, float, float, str]:
    """The trained method, seconds until its first step is done, seconds an epoch from then on, way of steps."""
    start = time.perf_counter()
    stamps: list[float] = []

    def progress(step: int, total: int) -> None:
        if step in (1, total):
            synchronise(torch.device(device))
            stamps.append(time.perf_counter())

    method = build_method_on(device, config, data)
    with tempfile.TemporaryDirectory() as folder:
        place = Place(device, CellFolder(Path(folder)), Hooks(progress=progress, note=print))
        ending = pretrain(method, config, data, place)
    if ending.status == "diverged":
        raise RuntimeError(ending.message)
    steps = len(data.pretrain) // config.training.batch_size
    seconds = (stamps[-1] - stamps[0]) / (steps * config.training.epochs - 1) * steps
    return method, stamps[0] - start, seconds, str(ending.way)


def knn(encoder: nn.Module, mean: Sequence[float], std: Sequence[float], data: Images) -> dict[str, float]:
    """Accuracy on the test images by BatchNorm's statistics."""

    def batches(images: Tensor) -> Iterator[Tensor]:
        for rows in torch.arange(len(images), device=images.device).split(PROBE_BATCH):
            yield probe_images(images[rows], rows, domain="none", seed=0, mean=mean, std=std)

    train, test = data.train, data.splits["test"]
    found = {}
    encoder = copy.deepcopy(encoder)
    for statistics_of in ("views", "images"):
        if statistics_of == "images":
            order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0)).to(train.images.device)
            reestimate_batchnorm(encoder, batches(train.images[order]))
        features, probed = (extract_features(encoder, None, batches(part.images))[0] for part in (train, test))
        similarities, index = nearest(features, probed, k=K)
        labels = train.labels[index]
        elected = vote(similarities, labels, ks=[K], temperature=TEMPERATURE, classes=len(data.classes))[K]
        found[statistics_of] = share(elected == test.labels)
    return found


def compare_epochs(options: argparse.Namespace, data: Images, precision: str, workers: int, kept: Kept) -> None:
    """Seconds an epoch of both, in turn, written block by block."""
    epochs = options.epochs
    model = Lightly(options.encoder, batch=options.batch, epochs=200, device=options.device, precision=precision)
    batches = loader(data, options.batch, workers)
    config = barlow_config(options, epochs=epochs, seed=0)
    _, cold, warm, way = train_barlow(config, data, options.device)
    cold_lightly = model.epoch(batches)
    print(f"cold: barlow {cold:.2f} s to the first step, then {warm:.2f} s an epoch; lightly {cold_lightly:.2f} s")
    seconds: dict[str, list[float]] = {"lightly": [], "barlow": []}
    about = {
        "cold_seconds": {"barlow, first step": cold, "lightly, first epoch": cold_lightly},
        "lightly": {"precision": precision, "workers": workers},
        "barlow": {"precision": config.training.precision, "step": way},
    }
    kept.note(epoch=about)
    for block in range(options.blocks):
        for name in ("lightly", "barlow") if block % 2 == 0 else ("barlow", "lightly"):
            if name == "lightly":
                taken = statistics.fmean(model.epoch(batches) for _ in range(epochs))
            else:
                taken = train_barlow(config, data, options.device)[2]
            seconds[name].append(taken)
        ratios = [theirs / ours for theirs, ours in zip(seconds["lightly"], seconds["barlow"], strict=True)]
        found = {"seconds_an_epoch": seconds, "ratios": ratios, "ratio": statistics.median(ratios)}
        kept.note(epoch={**found, **about})
    print(f"lightly, {precision}, {workers} workers   {spread(seconds['lightly'], 3)} s an epoch")
    print(f"barlow, {config.training.precision}, {way}   {spread(seconds['barlow'], 3)} s an epoch")
    print(f"lightly / barlow   {spread(ratios, 2)}", flush=True)


def compare_knn(options: argparse.Namespace, data: Images, workers: int) -> list[dict[str, Any]]:
    """Last-epoch kNN of both at every seed."""
    rows: list[dict[str, Any]] = []
    epochs = options.knn_epochs
    for seed in range(options.seeds):
        torch.manual_seed(seed)
        model = Lightly(options.encoder, batch=options.batch, epochs=epochs, device=options.device, precision="fp32")
        batches = loader(data, options.batch, workers)
        for _ in range(epochs):
            model.epoch(batches)
            model.schedule.step()
        encoder = nn.Sequential(model.backbone, nn.Flatten())
        theirs = knn(encoder, IMAGENET_NORMALIZE["mean"], IMAGENET_NORMALIZE["std"], data)
        method = train_barlow(barlow_config(options, epochs=epochs, seed=seed), data, options.device)[0]
        rows.append({"seed": seed, "lightly": theirs, "barlow": knn(method.encoder, *channel_statistics(data), data)})
        print(f"seed {seed}, {epochs} epochs: {rows[-1]}", flush=True)
    for key in ("views", "images"):
        means = {name: 100 * statistics.fmean(row[name][key] for row in rows) for name in ("lightly", "barlow")}
        differences = [100 * (row["barlow"][key] - row["lightly"][key]) for row in rows]
        print(
            f"kNN (k {K}, T {TEMPERATURE}), BatchNorm by the statistics of {key}: lightly {means['lightly']:.2f} %, "
            f"barlow {means['barlow']:.2f} %, difference {statistics.fmean(differences):+.2f} points "
            f"(means; {min(differences):+.2f} to {max(differences):+.2f} by seed)"
        )
    return rows


def spread(values: Sequence[float], digits: int) -> str:
    """Median, least and largest."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main() -> None:
    """Find lightly's best setting, compare epochs, then accuracies where asked for; write JSON where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=["cpu", "cuda"])
    parser.add_argument("--dataset", default="colour-digits", help="a name of the registry, or parquet:PATH")
    parser.add_argument("--images", type=int, help="at most that many to train on, validation included, and to test on")
    parser.add_argument("--encoder", default="resnet18", choices=list(FEATURES))
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--epochs", type=int, default=1, help="of a block")
    parser.add_argument("--blocks", type=int, default=5, help="0: no timing")
    parser.add_argument(
        "--workers", type=int, nargs="+", help="numbers of lightly's workers to try; default up to cores"
    )
    parser.add_argument("--knn", action="store_true")
    parser.add_argument("--knn-epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the numbers here as JSON")
    options = parser.parse_args()

    torch.set_num_threads(cores())
    set_up(options.device, deterministic=False)
    data = load_dataset(barlow_config(options, epochs=1, seed=0).data, root=Path(".data")).to(options.device)
    if len(data.train) // options.batch * options.epochs < 2:
        parser.error(f"{len(data.train)} training images are not two batches of {options.batch}")
    machine = f"{device_name(options.device)}, {cores()} cores"
    print(f"{data.name}: {len(data.train)} training images, batch {options.batch}, {options.encoder}; {machine}")
    about = {"images": len(data.train), "encoder": options.encoder, "batch": options.batch, "cores": cores()}
    kept = Kept(options.out, dataset=data.name.partition(":")[0], **about, lightly_version=version("lightly"))
    kept.note(provenance={**provenance(options.device, ["python", *sys.argv]), "data_digest": data.digest})
    precision = best_precision(options, data.train.images.shape[-1])
    workers = best_workers(options, data, precision)
    if options.blocks:
        compare_epochs(options, data, precision, workers, kept)
    if options.knn:
        kept.note(knn={"epochs": options.knn_epochs, "seeds": compare_knn(options, data, workers)})


if __name__ == "__main__":
    main()
