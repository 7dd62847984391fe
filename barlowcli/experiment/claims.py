"""A claim: a sentence that the grid can support or refute, fixed before the run."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from barlowcli.experiment.order import axis_text
from barlowcli.settings.base import LATER, NonNegative, Settings

NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,63}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]


def _as_text(value: object) -> object:
    return axis_text(value) if isinstance(value, (bool, int, float)) else value


Selector = dict[str, Annotated[str, BeforeValidator(_as_text)]]
"""Axis name -> value, a number as an axis has it; the key "metric" overrides the claim's metric for this reference."""
Domain = Literal["own", "none"]
"""Where arms are probed: each on images shuffled as it was trained, or all on intact images."""
SYMBOLS = ("smallest", "second-largest", "largest")
"""Values that an arm of a claim can give an axis of numbers, whatever they are under the preset."""
WINNER = "winner"
"""The value of a screened axis that won (`Screen`)."""
Role = Literal["arm", "against", "full", "floor"]
"""A, B, F or R of a claim."""
Test = Literal[
    "equivalence", "above", "below", "rises", "falls", "interaction", "recovers-at-most", "recovers-at-least"
]


class Along(Settings):
    """The axis along which a claim compares slopes: least squares over all values that the plan has of it.

    scale: of the axis in the fit; "rank" numbers its values 0, 1, 2, … in their order. until: the last value that
    counts, "" for all.
    """

    axis: str
    scale: Literal["log2", "linear", "rank"] = "log2"
    direction: Literal["rises", "falls"] = "rises"
    """Of two slopes the steeper one must go this way by itself, or neither depends on the axis as the claim has it."""
    until: str = ""
    per: str
    """What one step of the scale is called, as in "+1.2 points per doubling of D"."""


class Within(Settings):
    """What a claim is held against in one domain, in place of what it is held against elsewhere."""

    against: list[Selector] | None = None
    full: Selector | None = None
    floor: Selector | None = None
    ceiling: Selector | None = None
    learner: Selector | None = None


class Claim(Settings):
    """A sentence that the grid can support or refute, fixed before the run.

    A = accuracy of `arm`, B = that of `against` (of several: the best by mean), F = `full`, R = `floor`, all of them
    probed in one domain, unless `metric` of a reference names another. With `along` each of them is a slope along that
    axis instead: then F and A need no R and B to be gains. Every interval is Student t over seeds.

    test = equivalence: |A - B| inside `margin` x (F - R), two one-sided tests.
    test = above, below: A - B > 0, A - B < 0.
    test = rises, falls: A > 0, A < 0; needs `along`.
    test = interaction: (A - B) - (F - R) > 0.
    test = recovers-at-most: A - R <= `margin` x (F - R); with `against`, A - B <= `margin` x (F - R).
    test = recovers-at-least: A - R >= `margin` x (F - R).

    An arm names values of axes; of an axis of numbers also `smallest`, `second-largest`, `largest` (of the plan's
    grid), of a screened one `winner`.
    """

    id: Name
    title: str
    test: Test
    arm: Selector
    against: list[Selector] = []
    full: Selector = {}
    floor: Selector = {}
    margin: NonNegative = 0.0
    metric: str = "linear.h.{domain}.label"
    """{domain} is the arm's own domain or "none" (intact images), see `domains`."""
    domains: tuple[Domain, ...] = ("own", "none")
    """The first is the one that a finding is of; where another disagrees, the finding depends on the probe."""
    within: Annotated[dict[Domain, Within], LATER] = {}
    """Domain -> other references there: the scale of a claim must exist in the domain that it is judged in."""
    along: Annotated[Along | None, LATER] = None
    learned: Annotated[Selector, LATER] = {}
    """The control that has learned nothing. A claim is decided only where the arms that carry it are above that control
    in the same probe and domain; {} for a claim that is not about learning."""
    carriers: Annotated[tuple[Role, ...], LATER] = ()
    """The arms that carry it; () for those of its test, see `carrying`."""
    learner: Annotated[Selector, LATER] = {}
    """One more arm of the same method that must have learned something, probed on intact images: that an arm learned
    nothing says something of the arm only where the method learns at all. It carries both words."""
    learned_at: Annotated[Literal["smallest", "largest"], LATER] = "largest"
    """With `along`: at which end of the axis the arms of a slope must have learned; `rises` and `falls` have their
    own."""
    ceiling: Annotated[Selector, LATER] = {}
    """Of an equivalence: a control that is as good as an arm can get in the domain. Where that is clearly too low to be
    equal to B, the claim is untestable there."""
    primary: Annotated[dict[str, str] | None, LATER] = None
    """Axis -> value of the cases for whose sake the experiment is run ({}: all); None: the claim is exploratory."""
    by: str = "method"
    """The axis whose values are judged one by one."""
    supported: str
    """What it means, in plain words, when the claim is supported (and so on)."""
    refuted: str
    inconclusive: str

    @property
    def compares_gains(self) -> bool:
        """Whether it holds the gain A - B against the gain F - R."""
        return bool(self.against) and self.test not in ("above", "below", "equivalence")

    def in_domain(self, domain: Domain) -> "Claim":
        """The claim with the references that it has in this domain."""
        other = self.within.get(domain)
        if other is None:
            return self
        return self.model_copy(update={name: value for name, value in other if value is not None})

    def carrying(self, word: Literal["supported", "refuted"]) -> tuple[Role, ...]:
        """Which sides must have learned something for the claim to be supported, or refuted.

        What is said to be better, or to gain more, carries the word; of two that are equal both do. That an arm has
        learned nothing can be what is claimed of it: then what it is compared with carries the word.
        """
        if self.carriers:
            return self.carriers
        both: dict[str, tuple[tuple[Role, ...], tuple[Role, ...]]] = {
            "equivalence": (("arm", "against"), ("against",)),
            "above": (("arm",), ("against",)),
            "below": (("against",), ("arm",)),
            "rises": (("arm",), ("arm",)),
            "falls": (("arm",), ("arm",)),
            "interaction": (("arm", "full"), ("arm", "full")),
            "recovers-at-most": (("full",), ("arm", "full")),
            "recovers-at-least": (("arm", "full"), ("full",)),
        }
        if self.along is not None and self.test not in ("rises", "falls"):
            return ("arm", "against") if self.against else ("arm", "full")
        return both[self.test][word == "refuted"]

    @model_validator(mode="after")
    def _complete(self) -> "Claim":
        for domain in self.domains:
            self.in_domain(domain)._check_references()
        if self.test in ("rises", "falls") and self.along is None:
            raise ValueError(f"a claim tested by `{self.test}` needs `along`, the axis of the slope")
        if self.along is not None and (self.test in ("interaction", "equivalence")):
            raise ValueError(f"a claim tested by `{self.test}` has no `along`: compare slopes by `above`")
        if self.ceiling and self.test != "equivalence":
            raise ValueError("`ceiling` bounds an equivalence alone")
        return self

    def _check_references(self) -> None:
        """Raise ValueError where the test lacks something to compare with."""
        slopes = self.along is not None
        needs: dict[str, tuple[str, ...]] = {
            "equivalence": ("against", "full", "floor", "margin"),
            "above": ("against",),
            "below": ("against",),
            "rises": (),
            "falls": (),
            "interaction": ("against", "full", "floor"),
        }
        shares = ("full", "margin") if slopes else ("full", "floor", "margin")
        for field in needs.get(self.test, shares):
            if not getattr(self, field):
                raise ValueError(f"a claim tested by `{self.test}` needs `{field}`")
        if self.test in ("interaction", "below") and len(self.against) > 1:
            raise ValueError(f"a claim tested by `{self.test}` compares with one arm")
