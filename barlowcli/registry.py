"""Names a user can type -> the object that does it, imported only when asked for.

A method, an encoder, a shuffle arm, a data set, a probe, an optimiser, an engine = one file or function + one line
here. This module never imports torch, so that `barlow ls` answers at once.
"""

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from barlowcli.errors import ConfigError


@dataclass(frozen=True)
class Entry:
    """target: "module:attribute", "" where there is nothing to build; summary: one line for `barlow ls`.

    numbers: of a family, whose name ends in `-K`, the K that are offered; any other from 1 is known by name too, and
    what the target makes of K is loaded. word: what a reader calls it where that is not its name.
    """

    target: str
    summary: str
    numbers: tuple[int, ...] = ()
    word: str = ""


@dataclass(frozen=True, kw_only=True)
class MethodEntry(Entry):
    """settings: "module:attribute" of the class of its settings, by default `Settings` beside the target."""

    settings: str = ""


@dataclass(frozen=True, kw_only=True)
class ControlEntry(MethodEntry):
    """A method to hold others against; its word is of a thing and takes an article. title, meaning: on the page of a
    report."""

    title: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class ShuffleEntry(Entry):
    """blocks: whether the number of a family is the side in pixels of blocks, which must tile an image."""

    blocks: bool = False


@dataclass(frozen=True, kw_only=True)
class ProbeEntry(Entry):
    """features, histograms: whether it is a probe of an encoder's features, and of an image's own histograms."""

    features: bool = True
    histograms: bool = False


@dataclass(frozen=True, kw_only=True)
class DatasetEntry(Entry):
    """files: where the name is followed by a path, "module:attribute" of what lists the files behind it, path -> what
    each is there and its path, for the fingerprint. own: settings that no other data set has -> why, in words."""

    files: str = ""
    own: Mapping[str, str] = field(default_factory=dict)


def did_you_mean(name: str, known: list[str]) -> str:
    """A hint that names the nearest known name, or all of them."""
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else "known: " + ", ".join(known)


class Registry:
    """A table of names of one kind ("method", "encoder", …)."""

    entries: Mapping[str, Entry]

    def __init__(self, kind: str, entries: Mapping[str, Entry | tuple[str, str]]) -> None:
        self.kind = kind
        self.entries = {name: one if isinstance(one, Entry) else Entry(*one) for name, one in entries.items()}

    def names(self) -> list[str]:
        """All names, in their order here; of a family those that are offered."""
        return [
            known
            for name, entry in self.entries.items()
            for known in ([name.removesuffix("K") + str(k) for k in entry.numbers] if entry.numbers else [name])
        ]

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def entry(self, name: str) -> Entry | None:
        """The entry of a name, or of the family that it is one of; None where it is not known."""
        found = self._find(name)
        return found[0] if found else None

    def number(self, name: str) -> int | None:
        """K where `name` is one of a family, whose name ends in `-K`; else None."""
        found = self._find(name)
        return found[1] if found else None

    def word(self, name: str) -> str:
        """What a reader calls it; `name` itself where nothing else is known."""
        entry = self.entry(name)
        return (entry.word if entry else "") or name

    def check(self, name: str) -> str:
        """Return `name`; raise ConfigError with a did-you-mean where it is not known."""
        self._get(name)
        return name

    def load(self, name: str) -> Any:
        """Import and return the object behind `name`; of a family what its target makes of the number."""
        entry, number = self._get(name)
        found = _imported(entry.target)
        return found if number is None else found(number)

    def _get(self, name: str) -> tuple[Entry, int | None]:
        found = self._find(name)
        if found is None:
            raise ConfigError([f"no {self.kind} named `{name}`"], hint=did_you_mean(name, self.names()))
        return found

    def _find(self, name: str) -> tuple[Entry, int | None] | None:
        """The entry of a name, and the number in it where it is one of a family."""
        family, _, number = name.rpartition("-")
        entry = self.entries.get(f"{family}-K")
        if entry is not None and entry.numbers and re.fullmatch("[1-9][0-9]{0,5}", number):
            return entry, int(number)
        entry = self.entries.get(name)
        return None if entry is None or entry.numbers else (entry, None)


class MethodRegistry(Registry):
    """The table of methods, each with its word and its settings."""

    entries: Mapping[str, MethodEntry]

    def __init__(self, kind: str, entries: Mapping[str, MethodEntry]) -> None:
        super().__init__(kind, {})
        self.entries = entries

    def load_settings(self, name: str) -> Any:
        """Import and return the class of a method's settings."""
        entry = self.entries[self.check(name)]
        return _imported(entry.settings or f"{entry.target.partition(':')[0]}:Settings")


class ProbeRegistry(Registry):
    """The table of probes, each under the name of its metric; a record keeps their order."""

    entries: Mapping[str, ProbeEntry]

    def __init__(self, kind: str, entries: Mapping[str, ProbeEntry]) -> None:
        super().__init__(kind, {})
        self.entries = entries

    def of_features(self) -> list[Any]:
        """Import and return every probe of an encoder's features."""
        return [self.load(name) for name, entry in self.entries.items() if entry.features]

    def of_histograms(self) -> list[Any]:
        """Import and return every probe of the images' own histograms."""
        return [self.load(name) for name, entry in self.entries.items() if entry.histograms]


class DatasetRegistry(Registry):
    """The table of data sets: known by name, or kinds of files at a path, written `KIND:PATH`."""

    entries: Mapping[str, DatasetEntry]

    def __init__(self, kind: str, entries: Mapping[str, DatasetEntry | tuple[str, str]]) -> None:
        super().__init__(kind, {})
        self.entries = {n: one if isinstance(one, DatasetEntry) else DatasetEntry(*one) for n, one in entries.items()}

    def lists_files(self, kind: str) -> bool:
        """Whether `kind` is one of files at a path."""
        return kind in self.entries and bool(self.entries[kind].files)

    def has_path(self, name: str) -> bool:
        """Whether `name` is that of files at a path, there or not."""
        kind, colon, _ = name.partition(":")
        return bool(colon) and self.lists_files(kind)

    def at_path(self, path: str) -> list[str]:
        """`path` as each kind of files is written."""
        return [f"{kind}:{path}" for kind in self.entries if self.lists_files(kind)]

    def load_files(self, kind: str) -> Any:
        """Import and return what lists the files of a kind behind a path."""
        return _imported(self.entries[self.check(kind)].files)

    def of_others(self, kind: str) -> dict[str, str]:
        """Settings that `kind` does not have and another data set alone has -> why."""
        return {key: why for name, entry in self.entries.items() if name != kind for key, why in entry.own.items()}


def _imported(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


METHODS = MethodRegistry(
    "method",
    {
        "barlow": MethodEntry(
            "barlowcli.methods.barlow_twins:build",
            "Barlow Twins: cross-correlation of the views towards I",
            word="Barlow Twins",
            settings="barlowcli.settings.methods:BarlowSettings",
        ),
        "byol": MethodEntry(
            "barlowcli.methods.byol:build",
            "BYOL: predict an averaged target network's projection",
            word="BYOL",
            settings="barlowcli.settings.methods:ByolSettings",
        ),
        "simclr": MethodEntry(
            "barlowcli.methods.simclr:build",
            "SimCLR: NT-Xent, the other images of the batch as negatives",
            word="SimCLR",
            settings="barlowcli.settings.methods:SimclrSettings",
        ),
        "vicreg": MethodEntry(
            "barlowcli.methods.vicreg:build",
            "VICReg: invariance; variance, covariance of each view",
            word="VICReg",
            settings="barlowcli.settings.methods:VicregSettings",
        ),
        "simsiam": MethodEntry(
            "barlowcli.methods.simsiam:build",
            "SimSiam: predict the other view, its gradient stopped",
            word="SimSiam",
            settings="barlowcli.settings.methods:SimsiamSettings",
        ),
        "random-init": ControlEntry(
            "barlowcli.methods.random_init:build",
            "control: an encoder that was never trained",
            word="untrained encoder",
            settings="barlowcli.settings.methods:RandomInitSettings",
            title="Untrained encoder (R)",
            meaning="The same network as it was initialised, probed like the others, on intact and on shuffled images. "
            "What a probe finds there owes nothing to training.",
        ),
        "supervised": ControlEntry(
            "barlowcli.methods.supervised:build",
            "control: cross-entropy on the labels, same views",
            word="supervised encoder",
            settings="barlowcli.settings.methods:SupervisedSettings",
            title="Supervised encoder (S)",
            meaning="The same network trained on the labels. Trained on shuffled views it is the ceiling of what a "
            "histogram tells this architecture; trained on intact views, of what it can learn at all.",
        ),
        "histogram": ControlEntry(
            "",
            "control: no encoder, probes on raw colour histograms",
            word="raw colour histogram",
            settings="barlowcli.settings.methods:HistogramSettings",
            title="Raw colour histograms (B)",
            meaning="No network: probes on each image's colour histogram, joint RGB or the three marginals. This is "
            "what “only histograms” would be worth.",
        ),
    },
)

ENCODERS = Registry(
    "encoder",
    {
        "small": ("barlowcli.networks.encoders:small", "five 3x3 convolutions, 3.7 MMAC at 32 x 32, for CPUs"),
        "resnet18": ("barlowcli.networks.encoders:resnet18", "torchvision's ResNet-18; 3x3 stem up to 64 pixels"),
        "resnet50": ("barlowcli.networks.encoders:resnet50", "torchvision's ResNet-50; 3x3 stem up to 64 pixels"),
    },
)

DATASETS = DatasetRegistry(
    "dataset",
    {
        "colour-digits": DatasetEntry(
            "barlowcli.data.colour_digits:load",
            "embedded: 5,000 real MNIST digits, tinted",
            own={"colour_tie": "only colour-digits has tints"},
        ),
        "cifar10": ("barlowcli.data.torchvision_sets:load_cifar10", "CIFAR-10, downloaded by torchvision"),
        "cifar100": ("barlowcli.data.torchvision_sets:load_cifar100", "CIFAR-100, downloaded by torchvision"),
        "stl10": ("barlowcli.data.torchvision_sets:load_stl10", "STL-10; its unlabelled part for pretraining"),
        "svhn": ("barlowcli.data.torchvision_sets:load_svhn", "SVHN, downloaded by torchvision"),
        "folder": DatasetEntry(
            "barlowcli.data.folder:load",
            "folder:PATH, one folder a class, split or not",
            files="barlowcli.data.folder_files:files",
        ),
        "parquet": DatasetEntry(
            "barlowcli.data.parquet:load",
            "parquet:PATH, the Hugging Face image layout",
            files="barlowcli.data.parquet_files:files",
        ),
    },
)

SHUFFLES = Registry(
    "shuffle arm",
    {
        "none": Entry("barlowcli.views.shuffle:none", "the view as it is", word="intact"),
        "pixels": Entry(
            "barlowcli.views.shuffle:pixels",
            "a fresh permutation for every view; keeps its RGB histogram",
            word="shuffled",
        ),
        "pixels-image": (
            "barlowcli.views.shuffle:pixels_image",
            "one frozen permutation an image, before augmentation",
        ),
        "fixed": ("barlowcli.views.shuffle:fixed", "one permutation for the whole data set"),
        "patch-K": ShuffleEntry(
            "barlowcli.views.shuffle:patches",
            "permute K x K blocks of the finished view; K divides its side",
            numbers=(1, 2, 4, 8, 16),
            blocks=True,
        ),
        "channels": ("barlowcli.views.shuffle:channels", "an independent permutation a channel; keeps the marginals"),
        "equalise": Entry(
            "barlowcli.views.shuffle:equalise",
            "every view gets one and the same histogram; keeps space",
            word="equalised",
        ),
        "equalise+pixels": Entry(
            "barlowcli.views.shuffle:equalise_pixels",
            "both: nothing is left, must score chance",
            word="equalised, shuffled",
        ),
    },
)

PROBES = ProbeRegistry(
    "probe",
    {
        "linear": ProbeEntry(
            "barlowcli.evaluation.probes:linear",
            "accuracy of a linear probe, for every label",
            word="linear probe",
            histograms=True,
        ),
        "knn": ProbeEntry(
            "barlowcli.evaluation.probes:knn",
            "accuracy of the vote of the nearest neighbours, for every label and k",
            histograms=True,
        ),
        "mlp": ProbeEntry(
            "barlowcli.evaluation.probes:mlp",
            "accuracy of a small MLP, for every label",
            word="small MLP",
            features=False,
            histograms=True,
        ),
        "histogram_r2": ProbeEntry(
            "barlowcli.evaluation.probes:histogram_r2", "how well features tell the colour histograms of their images"
        ),
        "rankme": ProbeEntry("barlowcli.evaluation.probes:effective_rank", "RankMe, the effective rank of features"),
        "std": ProbeEntry("barlowcli.evaluation.probes:spread", "standard deviation a dimension of features"),
    },
)

OPTIMIZERS = Registry(
    "optimizer",
    {
        "sgd": ("barlowcli.training.optimisers:sgd", "SGD with momentum"),
        "lars": ("barlowcli.training.optimisers:lars", "layer-wise adaptive rate scaling (You et al. 2017)"),
        "adamw": ("barlowcli.training.optimisers:adamw", "AdamW (Loshchilov & Hutter 2019)"),
    },
)

ENGINES = Registry(
    "engine",
    {"local": ("barlowcli.engines.local:run_cells", "worker processes on this machine, one cell each at a time")},
)

COMMANDS = Registry(
    "command",
    {
        "run": ("barlowcli.cli.run:run", "run an experiment and report what it found"),
        "sweep": ("barlowcli.cli.run:sweep", "the same, of an experiment with one axis such as dims"),
        "rerun": ("barlowcli.cli.rerun:rerun", "run a record's cell again and compare the numbers"),
        "report": ("barlowcli.cli.report:report", "tables, plots, verdicts and page from the records alone"),
        "ls": ("barlowcli.cli.ls:ls", "what there is: experiments, methods, data sets, …"),
        "status": ("barlowcli.cli.status:status", "how far each run is"),
        "cp": ("barlowcli.cli.cp:cp", "copy an experiment to a file of your own"),
        "validate": ("barlowcli.cli.validate:validate", "check an experiment file, run nothing"),
        "views": ("barlowcli.cli.views:views", "draw the views that a run trains on"),
        "doctor": ("barlowcli.cli.doctor:doctor", "what this machine has, and what a run would use"),
        "bench": ("barlowcli.cli.bench:bench", "what this machine does a second"),
    },
)
