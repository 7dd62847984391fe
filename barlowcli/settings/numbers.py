"""What number a text spells: .05, 5e-2, 1_000 and 0x10 are numbers; 0,05 and 05 are none, for they may be two."""

import math
import re
import unicodedata

DIGITS = r"\d+(?:_\d+)*"
NUMBER = re.compile(rf"[+-]?(?:(?:0|[1-9](?:_?\d+)*)(?:\.(?:{DIGITS})?)?|\.{DIGITS})(?:e[+-]?\d+)?", re.ASCII | re.I)
"""As TOML has them, and with nothing before or behind the point."""
WHOLE = re.compile(r"[+-]?(?:0|[1-9](?:_?\d+)*)|0x[0-9a-f]+|0o[0-7]+|0b[01]+", re.ASCII | re.I)
COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)
LEADING_ZERO = re.compile(r"[+-]?0\d[\d.]*", re.ASCII)
SWITCH = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
SIGNS = str.maketrans("\N{MINUS SIGN}－＋．ｅ", "--+.e")
MOST_DIGITS = 400
"""Of a text that can spell a number: beyond it there is none that a setting could have."""


def plain(text: str) -> str:
    """The text with digits and signs as a keyboard has them, whatever script or typesetting they are from."""
    digits = (unicodedata.decimal(letter, letter) for letter in text.translate(SIGNS).strip())
    return "".join(map(str, digits))


def number_of(text: str) -> int | float | None:
    """The number that a text spells, an integer where it is written as one; None where it spells none."""
    if len(text) > MOST_DIGITS:
        return None
    spelled = plain(text)
    if WHOLE.fullmatch(spelled):
        return int(spelled, 0)
    value = float(spelled) if NUMBER.fullmatch(spelled) else math.inf
    return value if math.isfinite(value) else None


def whole_number_of(value: object) -> int | None:
    """The integer that a text or a number stands for, 1e3 and 5.0 too; None where it is none."""
    found = number_of(value) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, (int, float)) or found != found // 1:
        return None
    return int(found)


def odd_spelling(text: str) -> str:
    """Why a text that looks like a number is not read as one, in words; "" where it does not."""
    spelled = plain(text)
    if COMMA.fullmatch(spelled):
        return f"a comma stands between values; a number is written with a point: {spelled.replace(',', '.')}"
    if LEADING_ZERO.fullmatch(spelled):
        return "a number has no 0 before its digits, and a point where others write a comma: 0.05"
    return ""
