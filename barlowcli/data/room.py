"""Whether images fit into memory, known from how many there are and how large, before they are read."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from barlowcli.data.images import MIN_SIZE
from barlowcli.data.imageset import Part
from barlowcli.errors import DataError
from barlowcli.machine.facts import gib, memory, private_bytes
from barlowcli.machine.needs import Need
from barlowcli.settings.data import DataSettings

ASIDE = 2**27
"""Bytes that the rest of a cell needs at least: batches, features, what the reader holds."""
Ask = Callable[[Need], bool]
"""Asks for memory; whether this process is alone, so that what is free now is all that it can get."""


@dataclass(frozen=True)
class Room:
    """What images take in memory. count: all of them; tested: of these those that data.limit does not bound; kept: how
    many are there at the end, some of them twice; most: how many at once in between; height, width: of each."""

    count: int
    tested: int
    kept: int
    most: int
    height: int
    width: int

    @property
    def bytes(self) -> int:
        """While they are read, when it is most."""
        return self.most * 3 * self.height * self.width

    def error(self, free: int, by: str) -> DataError:
        """Why they do not fit into `free` bytes, which `by` sets, and what would."""
        share = max(free - ASIDE, 0) / self.bytes
        side = int(min(self.height, self.width) * math.sqrt(share)) // 8 * 8
        images = share * self.most - self.tested  # of most others, that many are left room for
        part = int(images * (self.count - self.tested) / (self.most - self.tested))
        ways = [f"--image-size {side}"] if side >= MIN_SIZE else []
        ways += [f"--limit {part}"] if part > 0 else []
        where = f" ({by})" if by else ""
        return DataError(
            f"{self.count:,} images of {self.width} x {self.height} pixels need {gib(self.bytes)} of memory, and "
            f"{gib(free)} are free{where}",
            hint=f"{' or '.join(ways)} would fit" if ways else "a smaller --image-size or --limit, or more memory",
        )


def room_of(chosen: Mapping[str, tuple[Part, Tensor]], settings: DataSettings) -> Room | None:
    """What the chosen rows of each split take; None where no image of train can be used, and nothing is known.

    Images without labels are there twice while they are put together with those of train; the channels of train are
    copied one at a time to be counted.
    """
    counts = {split: len(rows) for split, (_, rows) in chosen.items()}
    if settings.image_size is not None:
        height = width = settings.image_size
    else:
        part, rows = chosen["train"]
        firsts = (part.read(rows[at : at + 1]).pixels for at in range(len(rows)))  # bad ones may be skipped
        first = next((pixels for pixels in firsts if len(pixels)), None)
        if first is None:
            return None
        height, width = first.shape[-2:]
    count, train, unlabelled = sum(counts.values()), counts["train"], counts.get("unlabelled", 0)
    kept = count + (train if unlabelled else 0)
    return Room(count, counts["test"], kept, kept + max(unlabelled, train // 3), height, width)


def check_room(chosen: Mapping[str, tuple[Part, Tensor]], settings: DataSettings, ask: Ask) -> None:
    """Raise DataError where the images do not fit; what `ask` raises where they do not fit beside other cells."""
    room = room_of(chosen, settings)
    if room is None:
        return
    whole = memory()
    if room.bytes > (most := max(0, whole.total - private_bytes() - ASIDE)):
        raise room.error(most, whole.total_by)
    alone = ask(Need(images=room.bytes))
    if alone and room.bytes > max(0, (now := memory()).available - ASIDE):
        raise room.error(now.available, now.available_by)
