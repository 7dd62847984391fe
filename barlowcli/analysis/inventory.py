"""What was read of a data set, in words: a few lines of facts, and a sentence for all that may be wrong with it."""

from collections.abc import Iterable, Iterator

from barlowcli.analysis.wording import capital, data_name, listing, percent
from barlowcli.records.inventory import Copies, Inventory, SplitInventory, Stored
from barlowcli.records.record import Record

DIM = 64
"""Of 255: where no pixel is brighter, the scale of the values was hardly meant so; 14 bits in 16 come to this."""
DEEP_DIM = 2**14
"""The same of 65,536, for files of 16 bits."""
MANY = 0.01
"""Share of images that are copies, or of a single colour, from which it is said."""
UNEVEN = 10
"""How many times the images of the smallest class the largest has, from which it is said."""
FEW_OF_A_CLASS, FEW = 5, 50
"""Test images a class, and in all, below which it is said that they are few."""
ENLARGED = 2
"""How many times its side in its file an image has, from which it is said."""
LETTERS = 32
"""Of the name of a class in a line."""
PATH_LETTERS = 60
"""Of the path of a file in a line."""


def distinct_inventories(records: Iterable[Record]) -> list[Inventory]:
    """What was read for the cells of `records`, each once; of cells from before it was kept, nothing."""
    found: list[Inventory] = []
    for record in records:
        if record.data is not None and record.data not in found:
            found.append(record.data)
    return found


def facts(read: Inventory) -> list[str]:
    """A few short lines: the data set and its images, its splits, its classes, what was left out, what else to know."""
    lines = [
        f"{data_name(read.name)}: {_count(read.classes, 'class', 'classes')}, {_size(read.side, read.side)} pixels"
    ]
    lines[0] += _in_files(read)
    lines.append(", ".join(_split(name, split) for name, split in read.splits.items()))
    sizes = _class_sizes(read.splits.get("train"))
    lines.append(f"images a class in train: {sizes}" if sizes else "")
    bad = {"bad image" if read.skipped == 1 else "bad images": read.skipped}
    out = [f"{count:,} {what}" for what, count in (bad | read.left_out).items() if count]
    lines.append(f"left out: {listing(out, limit=8)}" if out else "")
    return [line for line in [*lines, *read.notes] if line]


def _in_files(read: Inventory) -> str:
    """The sizes of the files where they are not the one in use: ", in files 100 x 80 to 640 x 480"."""
    if read.stored is None:
        return ""
    sizes = dict.fromkeys((read.stored.smallest, read.stored.largest))
    return "" if [*sizes] == [(read.side, read.side)] else f", in files {' to '.join(_size(*size) for size in sizes)}"


def _split(name: str, split: SplitInventory) -> str:
    return f"{name} {split.images:,}" + (f" ({split.origin})" if split.origin else "")


def _class_sizes(split: SplitInventory | None) -> str:
    """How many images the smallest and the largest class have: "4 (`tulip`) to 30 (`daisy`)"; "" without labels."""
    if split is None or split.smallest is None or split.largest is None:
        return ""
    if split.smallest[1] == split.largest[1]:
        return f"{split.largest[1]:,}"
    return " to ".join(f"{count:,} ({_name(name)})" for name, count in (split.smallest, split.largest))


def doubts(read: Inventory) -> list[str]:
    """A sentence for each thing that may be wrong with the data, the worst first; none where nothing seems to be."""
    return [*_leaks(read), *_alike(read), *_values(read), *_balance(read)]


def sentences(read: Inventory) -> list[str]:
    """The doubts, as the sentences of a report."""
    return [f"{capital(doubt)}." for doubt in doubts(read)]


def _leaks(read: Inventory) -> Iterator[str]:
    """Test images that were trained on, and images with two labels."""
    copies, train, test = read.copies, _images(read, "train", "validation"), _images(read, "test")
    if copies.leaked:
        among = {0: "", copies.leaked: " with another label" if copies.leaked == 1 else ", all with another label"}
        told = among.get(copies.test_contradicted, f", {copies.test_contradicted:,} of them with another label")
        yield (
            f"{copies.leaked:,} of {_count(test, 'test image')} {_are(copies.leaked)}, pixel for pixel, also among the "
            f"training images{told}{_pairs(copies)}"
        )
    if count := copies.train_contradicted:
        yield f"{count:,} of {_count(train, 'training image')} {_are(count)} there again with another label"


def _pairs(copies: Copies) -> str:
    """The first copies by name: " (test/cat/1.png is train/cat/7.png, …)"; "" where images have no names."""
    pairs = [f"{_file(one)} is {_file(other)}" for one, other in copies.leaked_names]
    more = ["…"] if pairs and copies.leaked > len(pairs) else []
    return f" ({', '.join(pairs + more)})" if pairs else ""


def _file(name: str) -> str:
    """The end of a long path says which file it is."""
    return name if len(name) <= PATH_LETTERS else f"…{name[1 - PATH_LETTERS :]}"


def _alike(read: Inventory) -> Iterator[str]:
    """Images that say less than their number: copies, and those of one colour."""
    if read.distinct == 1:
        yield "all training images are the same"
    elif read.alike:
        more = f" and {read.alike - len(read.alike_names):,} more" if read.alike > len(read.alike_names) else ""
        within = "" if read.alike == 1 else ", within each class"
        yield f"all images of {', '.join(map(_name, read.alike_names))}{more} are the same{within}"
    else:
        yield from _repeated(read.copies.train, _images(read, "train", "validation"), "training image")
    yield from _repeated(read.copies.test, _images(read, "test"), "test image")
    if read.flat >= max(1, MANY * read.images):
        yield f"{read.flat:,} of {_count(read.images, 'image')} {_are(read.flat)} of a single colour"


def _repeated(count: int, among: int, what: str) -> Iterator[str]:
    if count >= max(1, MANY * among):
        yield f"{count:,} of {_count(among, what)} {_are(count, 'is a copy', 'are copies')} of another one"


def _values(read: Inventory) -> Iterator[str]:
    """What is not read of files with several pages; what pixels tell of a wrong scale, of grey, and of small files."""
    stored = read.stored
    if stored is not None and stored.several:
        have = _are(stored.several, "has", "have")
        yield (
            f"{stored.several:,} of {_count(read.images, 'file')} {have} several pages or frames: only the first "
            "of each is read"
        )
    if stored is not None and stored.deep and stored.peak < DEEP_DIM:
        bits, level = max(1, stored.peak.bit_length()), round(stored.peak / 257)
        yield (
            f"{_deep_files(read, stored)} but no value above {stored.peak:,} of 65,535 ({bits} bits in 16): they are "
            f"read as nearly black, at most {level} of 255; scale them to the full range first"
        )
    elif read.brightest < DIM:
        yield f"no pixel is brighter than {read.brightest} of 255: the images are nearly black"
    if read.grey:
        yield "no image has a colour: colour jitter does little here, and a histogram is one of brightness"
    if stored is not None and ENLARGED * min(stored.largest) <= read.side:
        yield f"images are enlarged to {_size(read.side, read.side)} pixels from at most {_size(*stored.largest)}"


def _deep_files(read: Inventory, stored: Stored) -> str:
    if stored.deep >= read.images:
        return "the files have 16 bits"
    return f"{stored.deep:,} of {_count(read.images, 'file')} {_are(stored.deep, 'has', 'have')} 16 bits"


def _balance(read: Inventory) -> Iterator[str]:
    """Classes of very different sizes, and a test split that is small."""
    for split in (read.splits.get("train"), read.splits.get("test")):
        if split is None or split.smallest is None or split.largest is None:
            continue
        (small, few), (large, many) = split.smallest, split.largest
        if few and many >= UNEVEN * few:
            times = f"{many / few:,.0f} times"
            yield f"classes are uneven: {_name(large)} has {times} the images of {_name(small)}{_always(read)}"
            break
    test = _images(read, "test")
    if 0 < test < max(FEW, FEW_OF_A_CLASS * read.classes):
        worth = f"{_are(test, 'it', 'each')} is worth {100 / test:.1f} points of accuracy"
        yield f"there {_are(test)} only {_count(test, 'test image')}: {worth}"


def _always(read: Inventory) -> str:
    test = read.splits.get("test")
    if test is None or test.largest is None or not test.images:
        return ""
    name, count = test.largest
    return f"; always answering {_name(name)} is right for {percent(count / test.images)} of the test images"


def _images(read: Inventory, *splits: str) -> int:
    return sum(read.splits[split].images for split in splits if split in read.splits)


def _name(text: str) -> str:
    return f"`{text if len(text) <= LETTERS else text[: LETTERS - 1] + '…'}`"


def _size(width: int, height: int) -> str:
    return f"{width} x {height}"


def _count(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def _are(count: int, one: str = "is", several: str = "are") -> str:
    return one if count == 1 else several
