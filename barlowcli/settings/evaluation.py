"""Probes of the frozen encoder, and the bound of collapse."""

from typing import Annotated, Self

from pydantic import Field

from barlowcli.registry import SHUFFLES
from barlowcli.settings.any_method import MethodSettings
from barlowcli.settings.base import LATER, Count, Epochs, NameOf, NonNegative, OnlyIf, Positive, Settings, Width

MATCHING_BATCH = 256
"""Most images among which the other view of each must be found; chance is one over how many there are."""
WIDEST_AXES = 4096
"""Dimensions at most whose principal axes are all computed: that takes seconds on a GPU, and 64 times as many at
16,384."""
OF_ENCODERS = OnlyIf(lambda evaluation, method: method.encodes)
OF_AN_MLP = OnlyIf(lambda evaluation, method: evaluation.mlp or not method.encodes)


class EvaluationSettings(Settings):
    """Probes of the frozen encoder, and the bound of collapse."""

    test: Annotated[bool, LATER] = True
    """False: no test image is touched. Accuracies are those on validation images, and stand in the record's `probes`
    alone, where nobody takes them for accuracies on test images."""
    domains: Annotated[tuple[str, ...], Field(min_length=1), NameOf(SHUFFLES)] = ("none", "pixels")
    """Shuffle arms in which the frozen encoder is probed; the plan adds the arm's own."""
    target: Annotated[bool, OnlyIf(lambda evaluation, method: method.averages)] = False
    """Probe the averaged target network too, where there is one, as the spaces "target-h" and "target-z"."""
    knn_k: Annotated[tuple[Count, ...], Field(min_length=1), OF_ENCODERS] = (20, 200)
    knn_temperature: Positive = 0.1
    linear_l2: Annotated[tuple[Positive, ...], Field(min_length=1)] = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
    """Candidates of the linear probe's penalty on mean cross-entropy; chosen on the validation split. Down to 1e-6:
    with 1e-4 as the weakest, most probes of h were at the edge."""
    mlp: Annotated[bool, OF_ENCODERS, LATER] = False
    """Probe h by a small MLP too, for the main label, as raw histograms are: like is then compared with like."""
    mlp_hidden: Annotated[Width, OF_AN_MLP] = 256
    mlp_epochs: Annotated[Epochs, OF_AN_MLP] = 20
    beside_histogram: Annotated[bool, OF_ENCODERS, LATER] = False
    """Probe h and the image's joint RGB histogram together for the main label, as the space "h+joint": what does h add
    to a histogram?"""
    collapse_std: Annotated[NonNegative, OF_ENCODERS] = 0.05
    """Collapsed: mean per-dimension std of the L2-normalised embeddings times sqrt(D) is below this (1: isotropic)."""

    def canonical(self, method: MethodSettings, domains: tuple[str, ...]) -> Self:
        """These settings for a cell of `method` that is probed in `domains`; raw histograms have no domain but one."""
        probed = domains if method.encodes else ("none",)
        return self.model_copy(update={"domains": probed}).settled(method)
