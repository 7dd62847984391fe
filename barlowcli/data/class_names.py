"""classes.txt: the names of labels 0, 1, … beside files that do not name them."""

from pathlib import Path

from barlowcli.data.paths import shown
from barlowcli.errors import DataError

MOST_CLASS_BYTES = 2**24
"""Of classes.txt: a hundred times what the 21,841 classes of ImageNet need."""

HINT = "write one class name a line"
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
