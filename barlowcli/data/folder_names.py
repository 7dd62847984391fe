"""The names of class folders: the same in every split, and none that only looks like another; no torch."""

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from barlowcli.data.lookalikes import difference, letters, same_to_the_eye
from barlowcli.data.paths import shown
from barlowcli.errors import DataError

Classes = dict[str, list[Path]]
"""Class -> its image files, both in order of name."""


def in_one_order(trees: Mapping[str, Path], splits: Mapping[str, Classes]) -> dict[str, Classes]:
    """Every split with the first one's names and order of classes; one Unicode form or another is the same name."""
    (first, reference), *others = splits.items()
    keys = {unicodedata.normalize("NFC", name): name for name in reference}
    found = {first: reference}
    for split, classes in others:
        known = {unicodedata.normalize("NFC", name): images for name, images in classes.items()}
        for has, lacks, names, there in (
            (first, split, keys.keys() - known.keys(), known),
            (split, first, known.keys() - keys.keys(), keys),
        ):
            if names:
                raise _missing_classes(trees[has], trees[lacks], sorted(names), list(there))
        found[split] = {name: known[key] for key, name in keys.items()}
    return found


def _missing_classes(has: Path, lacks: Path, names: Sequence[str], there: Sequence[str]) -> DataError:
    first, *more = names
    rest = f", and {len(more)} more," if more else ""
    message = f"class `{shown(first)}`{rest} is in {shown(str(has))} but not in {shown(str(lacks))}"
    alike = next((name for name in there if same_to_the_eye(name) == same_to_the_eye(first)), None)
    if alike is not None:
        message += f", which has `{shown(alike)}`: {difference(first, alike)}"
    elif near := get_close_matches(first, there, n=1, cutoff=0.8):
        message += f", which has `{shown(near[0])}`"
    return DataError(message, hint="every split needs a folder of the same name for every class")


def refuse_lookalikes(tree: Path, names: Sequence[str]) -> None:
    """Raise DataError where two names of one folder look the same; the letters `a` and `A` may be two classes."""
    alike = defaultdict(list)
    for name in names:
        alike[same_to_the_eye(name)].append(name)
    for same in alike.values():
        if len(same) > 1 and not letters(same):
            raise DataError(
                f"{shown(str(tree))} has two class folders `{shown(same[0])}` and `{shown(same[1])}`: "
                + difference(same[0], same[1]),
                hint="put them together, or give one another name",
            )
