"""How much memory a cell asks for, so that no more are run at once than fit, and a refusal can say what takes it."""

from dataclasses import dataclass

from barlowcli.machine.facts import gib, job_memory

PROBED = "a smaller --image-size, --limit or projector.dim"
NOTABLE, LITTLE = 2**28, 2**26
"""Bytes that a training step is taken to need while that is not counted; and those below which nothing is the cause."""


@dataclass(frozen=True)
class Most:
    """Bytes that a cell can have at the most, and whose they are, in words."""

    bytes: int
    words: str


def most_on(device: str) -> Most:
    """The memory of a device: of the GPU, or what this job may use of the machine's."""
    if device == "cuda":
        import torch

        total = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
        return Most(total, f"and the GPU has {gib(total)}")
    found = job_memory()
    return Most(found.total, f"and {found.total_by or 'this machine'} has {gib(found.total)}")


@dataclass(frozen=True)
class Need:
    """Bytes that a process will have. own: what it has already; images: of a data set that it is about to read, or has
    read; step: of a training step; probe: of what is probed, a batch or the features; None where it is not counted
    yet, 0 where there is none. counted: whether `own` holds the images already. on_gpu: of its GPU's, all of it."""

    own: int = 0
    images: int | None = None
    step: int | None = None
    probe: int | None = None
    counted: bool = False
    on_gpu: int = 0

    @property
    def total(self) -> int:
        """All of it, when it is most."""
        return self.own + max(self.step or 0, self.probe or 0) + (0 if self.counted else self.images or 0)

    def less(self, workers: int = 1) -> str:
        """What to make smaller, what takes most of it first; what takes little is left out."""
        takes = [
            (self.images, 0, "a smaller --image-size or --limit", "the images take {} in each worker"),
            (self.step, NOTABLE, "a smaller training.batch_size or projector.dim", "a training step takes about {}"),
            (self.probe, 0, PROBED, "what is probed takes about {}"),
        ]
        known = [
            (guess if size is None else size, way + (f" ({why.format(gib(size))})" if size else ""))
            for size, guess, way, why in takes
            if (size is None and way != PROBED) or (size or 0) >= LITTLE
        ]
        ways = [way for _, way in sorted(known, key=lambda one: -one[0])] or ["more memory for the job"]
        return ", or ".join([*([f"fewer --workers (now {workers})"] if workers > 1 else []), *ways])
