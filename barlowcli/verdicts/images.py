"""How far a verdict's effect depends on which images were in the test set: the paired standard error over them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from barlowcli.analysis.results import Results
from barlowcli.experiment.claims import Claim, Role
from barlowcli.verdicts.contrasts import Outcome
from barlowcli.verdicts.sides import Accuracy, Side

Right = npt.NDArray[np.float64]
"""Share of the seeds that got an image right, (N,)."""


@dataclass(frozen=True)
class ImageError:
    """standard_error: of the effect, in its unit, over the images of the test set. images: how many these are."""

    standard_error: float
    images: int


def error_over_images(
    results: Results, claim: Claim, accuracies: Sequence[Accuracy], outcome: Outcome
) -> ImageError | None:
    """The standard error of the effect over test images, sd / sqrt(N) of what each image adds to it, all arms judged on
    the same images. None where the answers to single images were not kept, or where there is no effect.

    The interval over seeds is for this test set; this is what another draw of as many images would change.
    """
    first = {accuracy.role: accuracy for accuracy in reversed(accuracies)}
    if outcome.effect is None:
        return None
    weights, unit = _weights(claim, outcome.effect, first)
    parts = [(weight, _right(results, first[role])) for role, weight in weights.items() if role in first]
    total: Right | None = None
    for weight, right in parts:
        if right is None or (total is not None and right.shape != total.shape):
            return None
        total = weight * right if total is None else total + weight * right
    if total is None or len(total) < 2:
        return None
    return ImageError(float(np.std(total, ddof=1)) / math.sqrt(len(total)) / unit, len(total))


def _weights(claim: Claim, effect: float, sides: Mapping[Role, Accuracy]) -> tuple[dict[Role, float], float]:
    """How much a point of each side adds to the effect, and what the sum is divided by: for a share g of F - R it is
    (A - R) - g (F - R), over F - R (the delta method)."""
    if claim.test in ("above", "below", "equivalence", "rises", "falls"):
        return {"arm": 1.0, "against": -1.0}, 1.0
    if claim.test == "interaction":
        return {"arm": 1.0, "against": -1.0, "full": -1.0, "floor": 1.0}, 1.0
    floor = sides["floor"].mean if "floor" in sides else 0.0
    whole = abs(sides["full"].mean - floor)
    below: dict[Role, float] = {"against": -1.0, "floor": effect} if claim.against else {"floor": effect - 1.0}
    return {"arm": 1.0, "full": -effect, **below}, whole or 1.0


def _right(results: Results, accuracy: Accuracy) -> Right | None:
    """Share of the seeds that got each image right; of a slope the weighted sum over its values."""
    parts = [(weight, _right_at(results, level)) for weight, level in accuracy.side.levels]
    found = [weight * right for weight, right in parts if right is not None]
    if len(found) < len(parts):
        return None
    total: Right = np.sum(found, axis=0)
    return total


def _right_at(results: Results, side: Side) -> Right | None:
    rows = [results.right(record.id, side.metric) for record in side.records(results.records)]
    known = [row for row in rows if row is not None]
    if not rows or len(known) < len(rows) or len({row.shape for row in known}) > 1:
        return None
    mean: Right = np.mean(np.stack(known).astype(float), axis=0)
    return mean
