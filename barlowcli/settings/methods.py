"""The settings of the methods that come with barlow: what joint-embedding methods share, and each one's own."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from barlowcli.settings.any_method import MethodSettings
from barlowcli.settings.base import FREE, LATER, Count, NonNegative, OnlyIf, Positive, Probability, Rule, Width

Terms = Literal["both", "invariance", "redundancy"]
Target = Literal["shared", "stop-gradient", "ema"]
Normalize = Literal["batch", "features", "none"]
AVERAGED = OnlyIf(lambda method: method.averages)
BEYOND_INVARIANCE = OnlyIf(lambda method: method.terms != "invariance")
Decay = Annotated[Literal["constant", "cosine"], AVERAGED, FREE]


class BranchSettings(MethodSettings):
    """What joint-embedding methods share: which network makes the targets, whether a predictor follows, the scale.

    Every one is a switch on every method; combinations that mean nothing are refused (`nonsense`).
    """

    target: Target = "shared"
    """shared: both views through one network, gradients through both; ema: an averaged copy of it, no gradient."""
    symmetric: Annotated[bool, OnlyIf(lambda method: not method.is_one_loss)] = True
    """loss(q(z_a), t_b) + loss(q(z_b), t_a), or twice the first: a step of the same size in expectation. A shared
    target without predictor is one loss of both views, and neither."""
    tau: Annotated[Probability, AVERAGED, FREE] = 0.99
    """Decay of the averaged target network at the first step."""
    tau_at: Annotated[Count | Literal["any"], AVERAGED, FREE, LATER] = "any"
    """Batch size that `tau` is for: others take tau^(batch / tau_at), so that the target averages over as many images
    (the EMA scaling rule of Busbridge et al. 2023). any: all take `tau`. The canonical form has it
    worked into `tau`."""
    tau_schedule: Decay = "constant"
    """cosine: 1 - (1 - tau)(cos(pi k / K) + 1) / 2, towards 1 (BYOL, section 3.1)."""
    predictor: bool = False
    predictor_hidden: Annotated[Width, OnlyIf(lambda method: method.predictor)] = 512
    normalize: Normalize = "features"
    """Of the embeddings, before the loss: each dimension over the batch, each embedding to length 1, or neither."""
    loss_scale: Annotated[Positive, FREE] = 1.0
    """Multiplies the loss."""
    loss_scale_rule: Annotated[Rule, FREE] = "fixed"
    """c/D: the loss is multiplied by loss_scale / D instead."""

    @property
    def averages(self) -> bool:
        """Whether there is an averaged target network."""
        return self.target == "ema"

    def at_batch(self, batch: int) -> Self:
        """These settings with the tau of that batch size."""
        if self.tau_at == "any":
            return self
        return self.model_copy(update={"tau": self.tau ** (batch / self.tau_at), "tau_at": "any"})

    @property
    def is_one_loss(self) -> bool:
        """Whether the loss is one of both views, without directions."""
        return self.target == "shared" and not self.predictor

    def nonsense(self) -> list[str]:
        """Directions that the branches do not have, or have twice."""
        found = []
        if self.is_one_loss and not self.symmetric:
            found.append(
                "method.symmetric = false: a shared target without predictor is one loss of both views, it has no "
                "directions; choose target = stop-gradient or ema, or predictor = true"
            )
        if self.target == "stop-gradient" and not self.predictor and self.symmetric:
            found.append(
                "method.target = stop-gradient: in both directions and without predictor it has the very gradient of "
                "target = shared; choose that, or symmetric = false"
            )
        return found


class BarlowSettings(BranchSettings):
    """Barlow Twins (Zbontar et al. 2021)."""

    name: Literal["barlow"] = "barlow"
    normalize: Normalize = "batch"
    """none: cross-covariance; features: over the batch, then to length 1, and the covariance (section 4)."""
    terms: Literal["both", "invariance", "redundancy", "cross-entropy"] = "both"
    """The arms of its Table 5."""
    lambda_: Annotated[NonNegative, BEYOND_INVARIANCE, FREE] = Field(default=0.005, alias="lambda")
    """Weight of the redundancy term (paper: .005)."""
    lambda_rule: Annotated[Rule, BEYOND_INVARIANCE, FREE] = "fixed"
    """c/D: the weight is lambda / D instead."""
    temperature: Annotated[Positive, OnlyIf(lambda barlow: barlow.terms == "cross-entropy"), FREE] = 0.2
    """Of terms = cross-entropy; the paper does not give its own."""
    unbiased_std: Annotated[bool, OnlyIf(lambda barlow: barlow.normalize != "none")] = False
    """Standardise by the unbiased deviation, as the paper's pseudocode; else as its code (BatchNorm, eps 1e-5)."""

    def square_matrices(self, batch: int, dim: int) -> int:
        """The correlations and their gradient; through Gram matrices of N x N none where those are smaller."""
        if self.terms == "cross-entropy":
            return 4
        return 2 if 2 * batch >= dim else 0

    def nonsense(self) -> list[str]:
        """The same, and terms that need what the others switch off."""
        found = super().nonsense()
        if self.terms == "cross-entropy" and self.normalize != "batch":
            found.append(
                "method.terms = cross-entropy: its temperature is for correlations, which normalize = "
                f"{self.normalize} does not give; choose normalize = batch"
            )
        if self.terms == "redundancy" and self.lambda_ == 0:
            found.append("method.lambda = 0: with terms = redundancy nothing is left of the loss")
        return found


class VicregSettings(BranchSettings):
    """VICReg (Bardes et al. 2022)."""

    name: Literal["vicreg"] = "vicreg"
    normalize: Normalize = "none"
    terms: Terms = "both"
    """invariance: that term alone; redundancy: variance and covariance without it."""
    invariance_weight: Annotated[NonNegative, OnlyIf(lambda vicreg: vicreg.terms != "redundancy"), FREE] = 25.0
    variance_weight: Annotated[NonNegative, BEYOND_INVARIANCE, FREE] = 25.0
    covariance_weight: Annotated[NonNegative, BEYOND_INVARIANCE, FREE] = 1.0

    def square_matrices(self, batch: int, dim: int) -> int:
        """The covariances of both views, and the gradient of one."""
        return 3

    def nonsense(self) -> list[str]:
        """The same, and a loss all of whose terms have no weight."""
        weights = {
            "invariance": [self.invariance_weight],
            "redundancy": [self.variance_weight, self.covariance_weight],
            "both": [self.invariance_weight, self.variance_weight, self.covariance_weight],
        }[self.terms]
        empty = f"method.terms = {self.terms}: all its weights are 0, nothing is left of the loss"
        return super().nonsense() + ([] if any(weights) else [empty])


class ByolSettings(BranchSettings):
    """BYOL (Grill et al. 2020)."""

    name: Literal["byol"] = "byol"
    target: Target = "ema"
    tau_schedule: Decay = "cosine"
    predictor: bool = True


class SimsiamSettings(BranchSettings):
    """SimSiam (Chen & He 2021)."""

    name: Literal["simsiam"] = "simsiam"
    target: Target = "stop-gradient"
    predictor: bool = True


class SimclrSettings(BranchSettings):
    """SimCLR (Chen et al. 2020)."""

    name: Literal["simclr"] = "simclr"
    temperature: Annotated[Positive, FREE] = 0.5


class SupervisedSettings(MethodSettings):
    """Control: cross-entropy on the labels, on the same views."""

    projects: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = True
    name: Literal["supervised"] = "supervised"


class RandomInitSettings(MethodSettings):
    """Control: the encoder as it was initialised."""

    trains: ClassVar[bool] = False
    name: Literal["random-init"] = "random-init"


class HistogramSettings(MethodSettings):
    """Control: no encoder, probes on raw colour histograms."""

    trains: ClassVar[bool] = False
    encodes: ClassVar[bool] = False
    projects: ClassVar[bool] = False
    name: Literal["histogram"] = "histogram"
    joint_bins: Annotated[int, Field(ge=2, le=16)] = 8
    """Bins a channel of the joint RGB histogram (8: 512 numbers)."""
    marginal_bins: Annotated[int, Field(ge=2, le=256)] = 32
    """Bins of each of the three marginal histograms."""
    knn_k: Count = 50
