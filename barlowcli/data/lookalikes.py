"""Names that look the same to a reader and are not."""

import unicodedata
from collections.abc import Sequence


def same_to_the_eye(name: str) -> str:
    """A name less what a reader hardly sees: case, Unicode form, width, spaces and characters without any."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join("".join(letter for letter in text if unicodedata.category(letter) != "Cf").split())


def letters(names: Sequence[str]) -> bool:
    """Whether these are one letter, large and small, which may well be two classes."""
    return len(names[0]) == 1 and names[0].casefold() == names[1].casefold()


def difference(one: str, other: str) -> str:
    """In what two names differ that look the same."""
    if unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other):
        return f"they look the same and differ in Unicode form ({one!a}, {other!a})"
    if one.casefold() == other.casefold():
        return "they differ in case only"
    if " ".join(one.split()) == " ".join(other.split()):
        return f"they differ in spaces only ({one!a}, {other!a})"
    return f"they look the same ({one!a}, {other!a})"
