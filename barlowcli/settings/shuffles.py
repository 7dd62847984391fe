"""What the name of a shuffle arm says of the images that it can be applied to."""

from barlowcli.entries import ShuffleEntry
from barlowcli.registry import SHUFFLES


def block_of(name: str) -> int | None:
    """Side in pixels of the blocks that the arm moves; None where it moves none."""
    entry = SHUFFLES.entry(name)
    return SHUFFLES.number(name) if isinstance(entry, ShuffleEntry) and entry.blocks else None


def tiles(name: str, side: int) -> bool:
    """Whether the arm can be applied to square images of `side` pixels: blocks, where it has any, must tile them."""
    block = block_of(name)
    return block is None or side % block == 0
