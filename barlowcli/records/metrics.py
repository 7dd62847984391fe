"""The names of what is measured: made and read here alone."""

from dataclasses import dataclass, replace

OWN = "own"
"""In the place of a domain: the one that an arm was trained in."""
INTACT = "none"
"""The domain of images as they are."""
JOINED = "h+joint"
"""The space of h and the joint colour histogram together."""
TARGET = "target-"
"""Before the name of a space: that of the averaged target network."""


@dataclass(frozen=True, order=True)
class Metric:
    """What was measured: "linear.h.pixels.label" is a linear probe of h on shuffled images, of the class.

    probe: "linear", "knn200" and "mlp" read a label off the images; "rankme", "std" and "histogram_r2" none; "matching"
    has neither space nor domain. space: "h", "z", "target-h", "joint", "h+joint", … domain: a shuffle arm, or `OWN`.
    label: "label", or a factor of the data set. "" where there is none.
    """

    probe: str
    space: str = ""
    domain: str = ""
    label: str = ""

    @classmethod
    def read(cls, name: str) -> "Metric":
        """The metric of a name in a record, a table or a claim."""
        return cls(*name.split(".", 3))

    def __str__(self) -> str:
        return ".".join(part for part in (self.probe, self.space, self.domain, self.label) if part)

    @property
    def is_accuracy(self) -> bool:
        """Whether it is a fraction of labels that were read off rightly."""
        return bool(self.label)

    @property
    def of_target(self) -> bool:
        """Whether it is measured of the averaged target network."""
        return self.space.startswith(TARGET)

    def of_online(self) -> "Metric":
        """The same of the network that is trained, where this is of its average."""
        return replace(self, space=self.space.removeprefix(TARGET))

    def within(self, domain: str) -> "Metric":
        """The same in another domain."""
        return replace(self, domain=domain)

    def owned(self, domain: str) -> "Metric | None":
        """The same under `OWN`, for an arm trained in `domain`; None where it is measured elsewhere, or no accuracy."""
        return self.within(OWN) if self.is_accuracy and self.domain == domain else None
