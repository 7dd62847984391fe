"""The resolved config of one cell: everything that can change a number, and nothing that can't.

Plain frozen values, one model a stage; `spec.py` merges experiment file, preset and flags into them. Never
imports torch.
"""

from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_serializer, field_validator, model_validator

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Width = Annotated[int, Field(ge=1, le=2**20)]
"""Of a layer; beyond it no machine holds the weights."""
Epochs = Annotated[int, Field(ge=1, le=1_000_000)]
Rule = Literal["fixed", "c/D"]
Terms = Literal["both", "invariance", "redundancy"]
HALF_CIRCLE = 0.5
"""Hue shifts are fractions of the circle of hues, either way: beyond this they repeat themselves."""


class Settings(BaseModel):
    """Frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def defaults(settings: Settings, *names: str) -> dict[str, Any]:
    """Name -> default, of fields of `settings`."""
    return {name: type(settings).model_fields[name].default for name in names}


class DataSettings(Settings):
    """Which images, how many, how split."""

    name: str = "colour-digits"
    """A registry name, `folder:PATH` or `parquet:PATH`."""
    image_size: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Side in pixels that images are brought to (shorter side, then centre crop); None: the source's own."""
    limit: Count | None = None
    """Keep a class-balanced, seeded part of the training images (validation included)."""
    test_limit: Count | None = None
    """The same for the test images."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Fraction of train carved off for validation, class-balanced."""
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Fraction that becomes test where a folder comes without a split."""
    colour_tie: Probability = 0.0
    """colour-digits only: probability (rho) that the tint is that of the digit instead of a random one."""
    on_bad_image: Literal["fail", "skip"] = "fail"
    seed: int = 0
    """Seeds limit, splits and tints: the same images for every seed of the grid."""
    fingerprint: str = ""
    """Digest of the files behind a path; filled in by the plan, so that changed data are another cell."""

    @field_serializer("name")
    def _without_folders(self, name: str) -> str:
        """A record names the folder or file, not where on a machine it lay."""
        kind, colon, path = name.partition(":")
        return f"{kind}:{PurePath(path).name}" if colon else name


class ViewSettings(Settings):
    """What is done to an image to make a view of it. Defaults: SimCLR's, without blur and solarise."""

    crop_scale: tuple[Probability, Probability] = (0.2, 1.0)
    """Range of the crop's area as a fraction of the image; (1, 1) with crop_ratio (1, 1) is no crop."""
    crop_ratio: tuple[Positive, Positive] = (3 / 4, 4 / 3)
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    flip: Probability = 0.5
    jitter: Literal["on", "off", "histogram"] = "on"
    """off switches greyscale off too unless it is set apart; histogram: take a random other image's histogram."""
    jitter_probability: Probability = 0.8
    brightness: NonNegative = 0.4
    contrast: NonNegative = 0.4
    saturation: NonNegative = 0.4
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    jitter_strength: NonNegative = 1.0
    """Multiplies brightness, contrast, saturation and hue (SimCLR's s); the plan works it into them."""
    grayscale: Literal["auto", "on", "off"] = "auto"
    """auto: on exactly where jitter is on."""
    grayscale_probability: Probability = 0.2
    blur: tuple[Probability, Probability] = (0.0, 0.0)
    """Probability of Gaussian blur in the first and in the second view (BYOL: 1, .1)."""
    blur_sigma: tuple[Positive, Positive] = (0.1, 2.0)
    """Range of the kernel's standard deviation in pixels."""
    solarize: tuple[Probability, Probability] = (0.0, 0.0)
    """Probability of solarising in the first and in the second view (BYOL: 0, .2)."""
    shuffle: str = "none"
    """A shuffle arm of the registry."""
    random_bits: Annotated[int, Field(ge=0, le=32)] = 0
    """Channels added to both views of an image, each a constant -1 or +1 drawn from the image's number (RandBit)."""

    @field_validator("crop_scale", "crop_ratio", "blur_sigma")
    @classmethod
    def _ascends(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise ValueError(f"a range must ascend, got {value[0]:g} to {value[1]:g}")
        return value

    @model_validator(mode="after")
    def _hue_stays_on_its_circle(self) -> "ViewSettings":
        if self.jitter == "on" and self.hue * self.jitter_strength > HALF_CIRCLE:
            raise ValueError(
                f"hue x jitter_strength is {self.hue * self.jitter_strength:g}, more than half the circle of hues "
                f"({HALF_CIRCLE:g}); a smaller hue leaves room for the strength"
            )
        return self


class BranchSettings(Settings):
    """What joint-embedding methods share: which network makes the targets, whether a predictor follows, the scale.

    Every one is a switch on every method; combinations that mean nothing are refused by `config.resolve`.
    """

    trains: ClassVar[bool] = True
    encodes: ClassVar[bool] = True

    target: Literal["shared", "stop-gradient", "ema"] = "shared"
    """shared: both views through one network, gradients through both; ema: an averaged copy of it, no gradient."""
    symmetric: bool = True
    """loss(q(z_a), t_b) + loss(q(z_b), t_a), or twice the first: a step of the same size in expectation. A shared
    target without predictor is one loss of both views, and neither."""
    tau: Probability = 0.99
    """Decay of the averaged target network at the first step."""
    tau_schedule: Literal["constant", "cosine"] = "constant"
    """cosine: 1 - (1 - tau)(cos(pi k / K) + 1) / 2, towards 1 (BYOL, section 3.1)."""
    predictor: bool = False
    predictor_hidden: Width = 512
    normalize: Literal["batch", "features", "none"] = "features"
    """Of the embeddings, before the loss: each dimension over the batch, each embedding to length 1, or neither."""
    loss_scale: Positive = 1.0
    """Multiplies the loss."""
    loss_scale_rule: Rule = "fixed"
    """c/D: the loss is multiplied by loss_scale / D instead."""


class BarlowSettings(BranchSettings):
    """Barlow Twins (Zbontar et al. 2021)."""

    name: Literal["barlow"] = "barlow"
    normalize: Literal["batch", "features", "none"] = "batch"
    """none: cross-covariance; features: over the batch, then to length 1, and the covariance (section 4)."""
    terms: Literal["both", "invariance", "redundancy", "cross-entropy"] = "both"
    """The arms of its Table 5."""
    lambda_: NonNegative = Field(default=0.005, alias="lambda")
    """Weight of the redundancy term (paper: .005)."""
    lambda_rule: Rule = "fixed"
    """c/D: the weight is lambda / D instead."""
    temperature: Positive = 0.2
    """Of terms = cross-entropy; the paper does not give its own."""
    unbiased_std: bool = False
    """Standardise by the unbiased deviation, as the paper's pseudocode; else as its code (BatchNorm, eps 1e-5)."""


class VicregSettings(BranchSettings):
    """VICReg (Bardes et al. 2022)."""

    name: Literal["vicreg"] = "vicreg"
    normalize: Literal["batch", "features", "none"] = "none"
    terms: Terms = "both"
    """invariance: that term alone; redundancy: variance and covariance without it."""
    invariance_weight: NonNegative = 25.0
    variance_weight: NonNegative = 25.0
    covariance_weight: NonNegative = 1.0


class ByolSettings(BranchSettings):
    """BYOL (Grill et al. 2020)."""

    name: Literal["byol"] = "byol"
    target: Literal["shared", "stop-gradient", "ema"] = "ema"
    tau_schedule: Literal["constant", "cosine"] = "cosine"
    predictor: bool = True


class SimsiamSettings(BranchSettings):
    """SimSiam (Chen & He 2021)."""

    name: Literal["simsiam"] = "simsiam"
    target: Literal["shared", "stop-gradient", "ema"] = "stop-gradient"
    predictor: bool = True


class SimclrSettings(BranchSettings):
    """SimCLR (Chen et al. 2020)."""

    name: Literal["simclr"] = "simclr"
    temperature: Positive = 0.5


class SupervisedSettings(Settings):
    """Control: cross-entropy on the labels, on the same views."""

    trains: ClassVar[bool] = True
    encodes: ClassVar[bool] = True
    name: Literal["supervised"] = "supervised"


class RandomInitSettings(Settings):
    """Control: the encoder as it was initialised."""

    trains: ClassVar[bool] = False
    encodes: ClassVar[bool] = True
    name: Literal["random-init"] = "random-init"


class HistogramSettings(Settings):
    """Control: no encoder, probes on raw colour histograms."""

    trains: ClassVar[bool] = False
    encodes: ClassVar[bool] = False
    name: Literal["histogram"] = "histogram"
    joint_bins: Annotated[int, Field(ge=2, le=16)] = 8
    """Bins a channel of the joint RGB histogram (8: 512 numbers)."""
    marginal_bins: Annotated[int, Field(ge=2, le=256)] = 32
    """Bins of each of the three marginal histograms."""
    knn_k: Count = 50


MethodSettings = Annotated[
    BarlowSettings
    | ByolSettings
    | SimclrSettings
    | VicregSettings
    | SimsiamSettings
    | SupervisedSettings
    | RandomInitSettings
    | HistogramSettings,
    Field(discriminator="name"),
]


class EncoderSettings(Settings):
    """The network from image to representation h."""

    name: str = "small"
    stem: Literal["auto", "small", "imagenet"] = "auto"
    """small: 3x3, stride 1, no max-pool; imagenet: 7x7, stride 2, max-pool; auto: small up to 64 pixels."""


class ProjectorSettings(Settings):
    """The MLP from h to the embedding z, on which the loss is computed."""

    layers: Annotated[int, Field(ge=1, le=8)] = 3
    hidden: Width | Literal["tied"] = 512
    """Width of the layers before the last; tied: the same as dim (Barlow Twins, Figure 4)."""
    dim: Annotated[int, Field(ge=2, le=2**20)] = 128
    """Width D of the output, on which the loss is computed."""
    batch_norm: bool = True
    """BatchNorm and ReLU between the layers, or ReLU alone."""


class TrainingSettings(Settings):
    """Optimiser, schedule, batch and precision."""

    epochs: Epochs = 10
    batch_size: Annotated[int, Field(ge=2, le=2**20)] = 256
    optimizer: Literal["sgd", "lars", "adamw"] = "sgd"
    lr: Positive = 0.12
    """Learning rate at batch 256; the rate used is lr * (batch / 256) under lr_scaling = linear."""
    lr_scaling: Literal["linear", "sqrt", "none"] = "linear"
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of SGD and LARS; AdamW's first beta."""
    weight_decay: NonNegative = 5e-4
    lars_trust: Positive = 1e-3
    """LARS's trust coefficient (Barlow Twins and BYOL: .001; solo-learn's CIFAR-10 recipes: .02)."""
    warmup_epochs: NonNegative = 0.0
    """Linear from 0, at most a quarter of the epochs; then cosine to 0 at the last step."""
    clip_gradient: Positive | None = None
    """Largest L2 norm of the whole gradient; None: no clipping."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 autocast on CUDA, fp32 elsewhere; resolved by the plan."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """CPU threads inside one cell (it changes the order of sums, so it is part of the cell)."""


class EvaluationSettings(Settings):
    """Probes of the frozen encoder, and the bound of collapse."""

    domains: Annotated[tuple[str, ...], Field(min_length=1)] = ("none", "pixels")
    """Shuffle arms in which the frozen encoder is probed; the plan adds the arm's own."""
    target: bool = False
    """Probe the averaged target network too, where there is one, as the spaces "target-h" and "target-z"."""
    knn_k: Annotated[tuple[Count, ...], Field(min_length=1)] = (20, 200)
    knn_temperature: Positive = 0.1
    linear_l2: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1e-4, 1e-3, 1e-2, 1e-1)
    """Candidates of the linear probe's penalty on mean cross-entropy; chosen on the validation split."""
    mlp_hidden: Width = 256
    mlp_epochs: Epochs = 20
    collapse_std: NonNegative = 0.05
    """Collapsed: mean per-dimension std of the L2-normalised embeddings times sqrt(D) is below this (1: isotropic)."""


class CellConfig(Settings):
    """One cell. A stage that a control does not have is None."""

    version: Literal[1] = 1
    """Rises when the code changes what a config computes, so that old cells are not taken for new ones."""
    data: DataSettings = DataSettings()
    views: ViewSettings | None = ViewSettings()
    method: MethodSettings = BarlowSettings()
    encoder: EncoderSettings | None = EncoderSettings()
    projector: ProjectorSettings | None = ProjectorSettings()
    training: TrainingSettings | None = TrainingSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    seed: int = 0
