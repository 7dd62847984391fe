"""Names a user can type -> the object that does it, imported only when asked for.

A method, an encoder, a shuffle arm, a data set, a probe, an optimiser, an engine = one file or function + one line
here. This module never imports torch, so that `barlow ls` answers at once.
"""

from barlowcli.entries import (
    ControlEntry,
    DatasetEntry,
    DatasetRegistry,
    EncoderEntry,
    Entry,
    MethodEntry,
    MethodRegistry,
    ProbeEntry,
    ProbeRegistry,
    Registry,
    ShuffleEntry,
)

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
        "small": EncoderEntry(
            "barlowcli.networks.encoders:small",
            "five 3x3 convolutions, 3.7 MMAC at 32 x 32, for CPUs",
            features=64,
            weights=70_000,
        ),
        "resnet18": EncoderEntry(
            "barlowcli.networks.encoders:resnet18",
            "torchvision's ResNet-18; 3x3 stem up to 64 pixels",
            features=512,
            weights=11_200_000,
        ),
        "resnet50": EncoderEntry(
            "barlowcli.networks.encoders:resnet50",
            "torchvision's ResNet-50; 3x3 stem up to 64 pixels",
            features=2048,
            weights=23_500_000,
        ),
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
            files="barlowcli.data.folder_classes:files",
            images=True,
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
            "permute K x K blocks of the finished view",
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
            together=True,
        ),
        "knn": ProbeEntry(
            "barlowcli.evaluation.probes:knn",
            "accuracy of the vote of the nearest neighbours, for every label and k",
            histograms=True,
        ),
        "mlp": ProbeEntry(
            "barlowcli.evaluation.probes:mlp",
            "accuracy of a small MLP, for every label; of h where evaluation.mlp asks for it",
            word="small MLP",
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
