"""What is passed on names no folder of this machine: it tells who worked on it, and means nothing elsewhere.

Two kinds of text need two patterns. In a command an option's value follows "=" or ",", a path may begin with "~", and
what a URL is does not matter; in a sentence quotes and colons end a path, and a comma may be part of one.
"""

import re
from collections.abc import Sequence

IN_A_COMMAND = re.compile(r"(?<![\w.])[~/][^\s:=,]*/(?=[^\s/])")
IN_A_MESSAGE = re.compile(r"(?<![\w./])/(?:[^\s/:'\"`]+/)+")


def command_without_folders(command: Sequence[str]) -> str:
    """The command as typed, absolute paths cut to their last part: "parquet:/home/me/set" -> "parquet:…/set"."""
    return " ".join(IN_A_COMMAND.sub("…/", argument) for argument in command)


def message_without_folders(text: str) -> str:
    """A sentence with the folders of absolute paths cut away: "/home/me/cats/1.png" -> "…/1.png"."""
    return IN_A_MESSAGE.sub("…/", text)
