"""The methods' settings: what they share, and each one's own."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from barlowcli.settings.base import Count, NonNegative, Positive, Probability, Rule, Settings, Width

Terms = Literal["both", "invariance", "redundancy"]


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
