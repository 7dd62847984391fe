"""A verdict: one claim, for one case, in one domain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from barlowcli.experiment.claims import Claim, Domain
from barlowcli.verdicts.contrasts import Outcome
from barlowcli.verdicts.embeddings import Embeddings
from barlowcli.verdicts.gates import Gate
from barlowcli.verdicts.images import ImageError
from barlowcli.verdicts.sides import Accuracy, Case

Word = Literal[
    "supported",
    "refuted",
    "supported by collapse",
    "refuted by collapse",
    "inconclusive",
    "not learned",
    "untestable",
    "untested",
    "incomplete",
]
BY_COLLAPSE: Mapping[str, Word] = {"supported": "supported by collapse", "refuted": "refuted by collapse"}
"""A word that an arm which collapsed had a part in."""


@dataclass(frozen=True)
class Verdict:
    """One claim, one case, one domain.

    claim: with the references that it has in that domain. domains: both where they are one and the same judgement.
    primary: the experiment was run for its sake; else it is exploratory. accuracies: the arm first, then what it was
    compared with, the best by mean first among `against`. gate: None where the claim does not say what must have been
    learned. ceiling, untrained: means of those controls in the same domain. embeddings: by the name of a side, where
    they are of low rank. holm_supported, holm_refuted: p of outcome and gate together, after Holm. missing: why there
    are no numbers.
    """

    claim: Claim
    case: Case
    name: str
    domains: tuple[Domain, ...]
    word: Word
    primary: bool = False
    outcome: Outcome | None = None
    accuracies: tuple[Accuracy, ...] = ()
    gate: Gate | None = None
    ceiling: float | None = None
    untrained: float | None = None
    images: ImageError | None = None
    embeddings: Mapping[str, Embeddings] = field(default_factory=dict)
    holm_supported: float | None = None
    holm_refuted: float | None = None
    missing: str = ""
    collapsed: Mapping[str, Sequence[int]] = field(default_factory=dict)

    @property
    def plain(self) -> str:
        """The word without what brought it about: "supported by collapse" -> "supported"."""
        return self.word.removesuffix(" by collapse")

    @property
    def better(self) -> bool:
        """Whether an equivalence is refuted by an arm that is too good for it."""
        effect = self.outcome.effect if self.outcome is not None else None
        return self.claim.test == "equivalence" and self.plain == "refuted" and effect is not None and effect > 0

    def accuracy(self, role: str) -> Accuracy | None:
        """The first side of that role."""
        return next((accuracy for accuracy in self.accuracies if accuracy.role == role), None)
