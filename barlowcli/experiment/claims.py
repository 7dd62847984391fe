"""A claim: a sentence that the grid can support or refute, fixed before the run."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from barlowcli.settings.base import NonNegative, Settings

NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,63}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Selector = dict[str, str]
"""Axis name -> value; the key "metric" overrides the claim's metric for this reference."""
Domain = Literal["own", "none"]
"""Where arms are probed: each on images shuffled as it was trained, or all on intact images."""
SYMBOLS = ("smallest", "second-largest", "largest")
"""Values that an arm of a claim can give an axis of numbers, whatever they are under the preset."""
WINNER = "winner"
"""The value of a screened axis that won (`Screen`)."""


class Claim(Settings):
    """A sentence that the grid can support or refute, fixed before the run.

    A = accuracy of `arm`, B = that of `against` (of several: the best by mean), F = `full`, R = `floor`; the
    differences are paired by seed and every interval is Student t over seeds.

    test = equivalence: |A - B| inside `margin` x (F - R), two one-sided tests.
    test = above: A - B > 0.
    test = interaction: (A - B) - (F - R) > 0.
    test = recovers-at-most: A - R <= `margin` x (F - R); with `against`, A - B <= `margin` x (F - R).
    test = recovers-at-least: A - R >= `margin` x (F - R).

    An arm names values of axes; of an axis of numbers also `smallest`, `second-largest`, `largest` (of the plan's
    grid), of a screened one `winner`.
    """

    id: Name
    title: str
    test: Literal["equivalence", "above", "interaction", "recovers-at-most", "recovers-at-least"]
    arm: Selector
    against: list[Selector] = []
    full: Selector = {}
    floor: Selector = {}
    margin: NonNegative = 0.0
    metric: str = "linear.h.{domain}.label"
    """{domain} is the arm's own domain or "none" (intact images), see `domains`."""
    domains: tuple[Domain, ...] = ("own", "none")
    """The first is the one that a finding is of; where another disagrees, the report says so."""
    by: str = "method"
    """The axis whose values are judged one by one, Holm's correction across them."""
    supported: str
    """What it means, in plain words, when the claim is supported (and so on)."""
    refuted: str
    inconclusive: str

    @property
    def compares_gains(self) -> bool:
        """Whether it holds the gain A - B against the gain F - R."""
        return bool(self.against) and self.test not in ("above", "equivalence")

    @model_validator(mode="after")
    def _complete(self) -> "Claim":
        needs = {
            "equivalence": ("against", "full", "floor", "margin"),
            "above": ("against",),
            "interaction": ("against", "full", "floor"),
        }
        for field in needs.get(self.test, ("full", "floor", "margin")):
            if not getattr(self, field):
                raise ValueError(f"a claim tested by `{self.test}` needs `{field}`")
        if self.test == "interaction" and len(self.against) > 1:
            raise ValueError("an interaction is held against one arm")
        return self
