"""Whether what a side was trained to embed spans more than a few dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass

from barlowcli.records.metrics import Metric
from barlowcli.records.record import Record
from barlowcli.settings.evaluation import MATCHING_BATCH

FEW_DIMENSIONS = 3.0
"""RankMe of z below this: all images lie near a line or a plane, which tells hardly any two apart."""
NEAR_CHANCE = 3.0
"""Matching below this multiple of chance solves next to nothing of the pretext task."""


@dataclass(frozen=True)
class Embeddings:
    """Means over seeds. dimensions: RankMe of z; matching: in-batch matching accuracy, None where there is none."""

    dimensions: float
    matching: float | None
    chance: float

    @property
    def unmatched(self) -> bool:
        """Whether the two views of an image hardly find each other."""
        return self.matching is not None and self.matching < NEAR_CHANCE * self.chance


def low_rank(records: Sequence[Record], metric: Metric) -> Embeddings | None:
    """The embeddings of these cells, on the images that `metric` was measured on; None where nothing is wrong."""
    rank = str(Metric("rankme", "z", metric.domain))
    known = [record for record in records if rank in record.metrics]
    if not known:
        return None
    matching = [record.metrics["matching"] for record in known if "matching" in record.metrics]
    found = Embeddings(
        dimensions=sum(record.metrics[rank] for record in known) / len(known),
        matching=sum(matching) / len(matching) if matching else None,
        chance=max(1 / min(MATCHING_BATCH, record.counts.get("validation", MATCHING_BATCH)) for record in known),
    )
    return found if found.dimensions < FEW_DIMENSIONS or found.unmatched else None
