"""Images that a folder holds twice: thumbnails beside the images, and folders that are one; no image is opened."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from barlowcli.data.folder_files import LeftOut
from barlowcli.data.folder_names import Classes
from barlowcli.data.paths import shown
from barlowcli.errors import DataError

THUMBNAILS = frozenset(("thumb", "thumbs", "thumbnail", "thumbnails", "_thumb", "_thumbs", "_thumbnails"))
"""Names of folders of smaller copies; a class may be called so, too."""
MARK = re.compile(r"^(?:thumbnail|thumb|tn|small)[-_. ]|[-_. ](?:thumbnail|thumb|tn|small)$", re.IGNORECASE)
"""What the name of a smaller copy has beside that of its image."""
KNOWN = 0.9
"""Share of the files of such a folder that are called as images elsewhere are, from which they are copies."""
SMALLER = 0.5
"""How many bytes they then have at most, of those of their images."""


def without_thumbnails(tree: Path, classes: Classes, left_out: LeftOut) -> Classes:
    """The classes of a split without folders of smaller copies, which are counted; a class may be such a folder."""
    copies: dict[Path, list[Path]] = defaultdict(list)
    kinds: dict[Path, Path | None] = {}
    for image in (image for images in classes.values() for image in images):
        if image.parent not in kinds:
            kinds[image.parent] = _thumbnails_of(tree, image.parent)
        if (place := kinds[image.parent]) is not None:
            copies[place].append(image)
    if not copies:
        return classes
    originals = [image for images in classes.values() for image in images if kinds[image.parent] is None]
    sizes = _sizes(originals, {_stem(copy) for some in copies.values() for copy in some})
    left = {place: some for place, some in copies.items() if _are_copies(some, sizes)}
    for place, some in left.items():
        left_out.add(f"in {shown(place.name)}/ (smaller copies)", len(some))
    kept = {name: [i for i in images if kinds[i.parent] not in left] for name, images in classes.items()}
    return {name: images for name, images in kept.items() if images}


def _thumbnails_of(tree: Path, folder: Path) -> Path | None:
    """The folder of thumbnails that `folder` is, or lies in."""
    inside = [folder, *folder.parents]
    found = [one for one in inside[: inside.index(tree)] if one.name.casefold() in THUMBNAILS]
    return found[-1] if found else None


def _sizes(images: Iterable[Path], stems: set[str]) -> dict[str, int]:
    """Stem -> bytes of the smallest image that is called so, of `stems`."""
    sizes: dict[str, int] = {}
    for image in images:
        stem = _stem(image)
        if stem in stems and (size := _size(image)):
            sizes[stem] = min(size, sizes.get(stem, size))
    return sizes


def _are_copies(copies: list[Path], sizes: Mapping[str, int]) -> bool:
    known = [copy for copy in copies if _stem(copy) in sizes]
    whole = sum(sizes[_stem(copy)] for copy in known)
    return len(known) >= KNOWN * len(copies) and sum(map(_size, known)) <= SMALLER * whole


def _stem(image: Path) -> str:
    return MARK.sub("", image.stem).casefold()


def _size(image: Path) -> int:
    """Bytes of a file; 0 of one that is not there."""
    try:
        return image.stat().st_size
    except OSError:
        return 0


def refuse_folders_twice(trees: Mapping[str, Path], splits: Mapping[str, Classes]) -> None:
    """Raise DataError where a link makes one folder two classes, or a class of two splits."""
    folders = [(split, trees[split] / name) for split, classes in splits.items() for name in classes]
    if not any(folder.is_symlink() for _, folder in folders):
        return
    places: dict[str, tuple[str, Path]] = {}
    for split, folder in sorted(folders, key=lambda one: one[1].is_symlink()):  # links are held against real folders
        place = os.path.realpath(folder)
        above = (str(one) for one in (Path(place), *Path(place).parents))
        other = next((places[one] for one in above if one in places), None)
        if other is not None:
            raise _twice(folder, other[1], same_split=split == other[0])
        places[place] = split, folder


def _twice(link: Path, other: Path, *, same_split: bool) -> DataError:
    what = "one class would have the images of another" if same_split else "what is trained on would be tested on"
    return DataError(
        f"class folder {shown(str(link))} is a link to {shown(os.readlink(link))}, which is read as "
        f"{shown(other.parent.name)}/{shown(other.name)}/ already: {what}",
        hint="remove the link",
    )
