"""classes.txt: the names of labels 0, 1, … beside files that do not name them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from barlowcli.data.lookalikes import same_to_the_eye
from barlowcli.data.paths import shown
from barlowcli.errors import DataError

MOST_CLASS_BYTES = 2**24
"""Of classes.txt: a hundred times what the 21,841 classes of ImageNet need."""

HINT = "write one class name a line"
LISTS = ("classes.txt", "labels.txt", "class_names.txt", "classnames.txt", "categories.txt")
"""How lists of classes are often called; of Parquet files the first is read."""
ORDER_HINT = "write one class name a line, in order of label, or label, tab, name"


def read_class_file(path: Path) -> list[str]:
    """One class a line, in order of label; or label, tab, name in any order, of more fields the last is the name.

    UTF-8, or UTF-16 with its mark, as Windows writes it. Empty lines at the end are left out. Raises DataError.
    """
    lines = _text_of(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    rows = [line.split("\t") for line in lines]
    for number, row in enumerate(rows, 1):
        if not row[-1].strip():
            raise DataError(f"{path} line {number} has no name", hint=ORDER_HINT)
        if (len(row) > 1) != (len(rows[0]) > 1):
            has = "a tab, unlike" if len(row) > 1 else "no tab, unlike"
            raise DataError(f"{path} line {number} has {has} line 1", hint=ORDER_HINT)
    if rows and len(rows[0]) > 1:
        rows = _by_label(path, rows)
    return [shown(row[-1].strip()) for row in rows]


def unread_lists(
    folders: Iterable[Path], classes: Sequence[str], *, by: str, but: Path | None = None
) -> tuple[str, ...]:
    """What is to be said of lists of classes in `folders`, `but` one, that are not read and do not name just `classes`.

    by: what names the classes instead.
    """
    files = [file for folder in folders for name in LISTS if (file := folder / name) != but and file.is_file()]
    others = {file.name: other for file in files if (other := _in_what_other(file, classes))}
    return tuple(f"{name} is not read: {by}, and {other}" for name, other in others.items())


def _in_what_other(file: Path, classes: Sequence[str]) -> str:
    """In what a list differs from the classes; "" where it names the same ones, in whatever order."""
    try:
        listed = read_class_file(file)
    except DataError:
        return "it is no list of these"
    known = {same_to_the_eye(name) for name in classes}
    if more := [name for name in listed if same_to_the_eye(name) not in known]:
        return f"it names {_first(more)}"
    named = {same_to_the_eye(name) for name in listed}
    lacking = [name for name in classes if same_to_the_eye(name) not in named]
    return f"it does not name {_first(lacking)}" if lacking else ""


def _first(names: Sequence[str]) -> str:
    return f"`{names[0]}`" + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _text_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_CLASS_BYTES + 1)
        marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
        text = content.decode("utf-16" if marked else "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise DataError(f"cannot read {path}: {reason}", hint=HINT) from error
    if len(content) > MOST_CLASS_BYTES:
        raise DataError(f"{path} is longer than {MOST_CLASS_BYTES:,} bytes", hint=HINT)
    if "\0" in text:
        raise DataError(f"cannot read {path}: it is not UTF-8 text", hint=HINT)
    return text


def _by_label(path: Path, rows: list[list[str]]) -> list[list[str]]:
    """Rows in order of their first field, which must count from 0 without a gap."""
    found: dict[int, list[str]] = {}
    for number, row in enumerate(rows, 1):
        label = row[0].strip()
        value = int(label) if label.isascii() and label.isdigit() and len(label) < 9 else -1
        if not 0 <= value < len(rows):
            raise DataError(
                f"{path} line {number} starts with `{shown(label)}`, not with a label from 0 to {len(rows) - 1}",
                hint=ORDER_HINT,
            )
        if value in found:
            raise DataError(f"{path} line {number} names label {value} again", hint=ORDER_HINT)
        found[value] = row
    return [found[value] for value in range(len(rows))]
